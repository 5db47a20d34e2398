"""The model as every peer runs it: an ordinary ONNX Runtime session, and one padded pass for the texts of a batch.

Texts are read into the same windows as Carepick reads them, so that every server does the same work.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from carepick.engine.base import FloatArray, Window
from carepick.engine.bundle import open_bundle
from carepick.engine.tokenizer import WindowTokenizer, pad, pad_ngrams
from carepick.text.normalize import normalize

TASKS = ("disease", "department")
_MOST_WINDOWS, _TOP = 16, 3

Answer = dict[str, list[dict[str, Any]]]  # task -> [{"name": ..., "score": ...}, ...], the three best first


@dataclass(frozen=True)
class Options:
    """How a peer is to run: its port, `workers` processes with a model each, `threads` of a pass, texts of a `batch`."""

    bundles: tuple[Path, ...]
    port: int
    workers: int
    threads: int
    batch: int


def read_options() -> Options:
    """Returns the options that the benchmark put into the environment of this process."""
    numbers = {name: int(os.environ[f"BENCH_{name.upper()}"]) for name in ("port", "workers", "threads", "batch")}
    return Options(tuple(map(Path, os.environ["BENCH_BUNDLES"].split(","))), **numbers)


class Model:
    """All bundles of `options`, loaded. Safe to call from several threads."""

    def __init__(self, options: Options) -> None:
        self._parts = [_Part(folder, options.threads) for folder in options.bundles]

    def rank(self, texts: Sequence[str]) -> list[Answer]:
        """Returns for each of `texts` the three best diseases and departments."""
        answers: list[Answer] = [{} for _ in texts]
        for part in self._parts:
            for answer, more in zip(answers, part.rank([normalize(text) for text in texts]), strict=True):
                answer.update(more)
        return answers


class _Part:
    """One bundle and its session."""

    def __init__(self, folder: Path, threads: int) -> None:
        bundle = open_bundle(folder)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._manifest = bundle.manifest
        self._tokenizer = WindowTokenizer(bundle, _MOST_WINDOWS)
        self._session = onnxruntime.InferenceSession(str(bundle.model), options, providers=["CPUExecutionProvider"])
        self._inputs = {value.name for value in self._session.get_inputs()}
        self._tasks = [task for task in TASKS if task in bundle.manifest.heads]

    def rank(self, texts: Sequence[str]) -> list[Answer]:
        encoded = [self._tokenizer.encode(text) for text in texts]
        logits = self._run([window for each in encoded for window in each.windows])
        answers, end = [], 0
        for each in encoded:
            shares = np.array([len(window.input_ids) / each.tokens for window in each.windows])
            begin, end = end, end + len(each.windows)
            answers.append({task: self._best(task, shares @ rows[begin:end]) for task, rows in logits.items()})
        return answers

    def _run(self, windows: Sequence[Window]) -> dict[str, FloatArray]:
        ids, mask = pad(windows, self._manifest.pad_id)
        feed: dict[str, Any] = {"input_ids": ids, "attention_mask": mask}
        if "ngram_ids" in self._inputs:
            feed["ngram_ids"], feed["ngram_values"] = pad_ngrams(windows)
        return dict(zip(self._tasks, self._session.run(self._tasks, feed), strict=True))

    def _best(self, task: str, logits: Any) -> list[dict[str, Any]]:
        head = self._manifest.heads[task]
        powers = np.exp((logits - logits.max()) / head.temperature)
        scores = powers / powers.sum()
        best = np.argsort(-scores)[:_TOP]
        return [{"name": head.labels[place].name, "score": round(float(scores[place]), 4)} for place in best]
