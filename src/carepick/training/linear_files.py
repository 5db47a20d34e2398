"""Writes and reads the fitted n-gram branch: .npz files of plain arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from carepick.engine.ngrams import NgramTable
from carepick.training.linear import TASKS, FoldedLinear, HeadWeights


def save_linear(path: Path, table: NgramTable, parts: dict[str, HeadWeights]) -> None:
    """Writes the table and the weight and bias of each task to `path`, an .npz."""
    arrays: dict[str, Any] = {
        f"{task}.{part}": value
        for task, pair in parts.items()
        for part, value in zip(("weight", "bias"), pair, strict=True)
    }
    lengths = np.array([table.shortest, table.longest])
    np.savez(path, hashes=table.hashes, lengths=lengths, edges=np.array(table.edges), **arrays)


def load_linear(path: Path) -> tuple[NgramTable, dict[str, HeadWeights]]:
    """Returns what `save_linear` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        shortest, longest = arrays["lengths"].tolist()
        tasks = sorted({name.split(".")[0] for name in arrays.files if "." in name})
        parts = {task: (arrays[f"{task}.weight"], arrays[f"{task}.bias"]) for task in tasks}
        return NgramTable(arrays["hashes"], shortest, longest, bool(arrays["edges"])), parts


def save_folds(path: Path, folds: FoldedLinear) -> None:
    """Writes the branch fitted on folds to `path`, an .npz without its table."""
    arrays: dict[str, Any] = {f"{task}.weights": weights for task, weights in folds.weights.items()}
    arrays |= {f"{task}.biases": biases for task, biases in folds.biases.items()}
    np.savez(path, **arrays)


def load_folds(path: Path, table: NgramTable) -> FoldedLinear:
    """Returns what `save_folds` wrote, on the rows of `table`."""
    with np.load(path, allow_pickle=False) as arrays:
        return FoldedLinear(
            table, *({task: arrays[f"{task}.{part}"] for task in TASKS} for part in ("weights", "biases"))
        )
