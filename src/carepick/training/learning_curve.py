"""How the linear baseline grows with its training data: whether more data of the same kind would lift it further."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from carepick.engine.ngrams import NgramTable
from carepick.evaluation.metrics import macro_top_k, top_k_accuracy
from carepick.training.corpus import WRITTEN
from carepick.training.linear import TASKS, LinearSettings, count_matrix, fit_linear

_LEAST_TEXTS_A_CLASS = 3  # on average, however small the share


@dataclass(frozen=True)
class LearningCurveSettings:
    """Shares of the labelled training texts to fit on, drawn with `seed`; each holds the smaller ones."""

    shares: tuple[float, ...] = (0.05, 0.1, 0.25, 0.5, 1.0)
    seed: int = 7


def learning_curve(
    corpus: pd.DataFrame, table: NgramTable, linear: LinearSettings, settings: LearningCurveSettings
) -> dict[str, list[dict[str, Any]]]:
    """Returns for each task, share by share, how many texts were learnt from and the figures on the validation split.

    Departments are reported on texts as typed, diseases on texts without the disease's name; both on questions that
    people asked, with all classes.
    """
    return {task: _curve(task, corpus, table, linear, settings) for task in TASKS}


def _curve(
    task: str, corpus: pd.DataFrame, table: NgramTable, linear: LinearSettings, settings: LearningCurveSettings
) -> list[dict[str, Any]]:
    column = "named_text" if task == "department" else "text"
    labelled = corpus[corpus[task] != ""]
    train = labelled[(labelled.split == "train") & (labelled[f"{task}_weight"] > 0)]
    valid = labelled[(labelled.split == "valid") & ~labelled.source.isin([*WRITTEN, "doctor"])]
    names = sorted(set(train[task]))
    valid = valid[valid[task].isin(names)]
    features = {name: count_matrix(rows[column].tolist(), table) for name, rows in (("train", train), ("valid", valid))}
    targets = {
        name: rows[task].map({label: number for number, label in enumerate(names)}).to_numpy(np.int64)
        for name, rows in (("train", train), ("valid", valid))
    }
    order = _one_of_each_class_first(targets["train"], settings.seed)
    found = []
    for share in settings.shares:
        used = order[: max(_LEAST_TEXTS_A_CLASS * len(names), round(share * len(order)))]
        weight, bias = fit_linear(
            task, features["train"][used], targets["train"][used], train[f"{task}_weight"].to_numpy()[used], linear
        )
        scores = features["valid"] @ weight + bias
        found.append(
            {
                "texts": len(used),
                "top1": round(top_k_accuracy(scores, targets["valid"], 1), 4),
                "top3": round(top_k_accuracy(scores, targets["valid"], 3), 4),
                "macro_top3": round(macro_top_k(scores, targets["valid"], 3), 4),
            }
        )
    return found


def _one_of_each_class_first(targets: np.ndarray[Any, np.dtype[np.int64]], seed: int) -> np.ndarray[Any, Any]:
    """Returns the positions shuffled, one text of every class at the front, so that no share lacks a class."""
    order = np.random.default_rng(seed).permutation(len(targets))
    _, first = np.unique(targets[order], return_index=True)
    return np.concatenate([order[first], np.delete(order, first)])
