"""How far two bundles of the same model agree: the gate that an int8 bundle must pass against float32."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from carepick.evaluation.metrics import Array
from carepick.records import Task
from carepick.service.predictor import Predictor
from carepick.settings import Settings


def bundle_parity(bundle: Path, reference: Path, texts: list[str]) -> dict[str, dict[str, float]]:
    """Returns for each task how far the answers of `bundle` to `texts` agree with those of `reference`.

    `top1_agreement`: share of texts with the same first answer; `top3_overlap`: mean share of the first three (of all,
    where there are fewer) that both give; `largest_difference` and `mean_difference` of a label's score.
    """
    ours, theirs = (_scores(folder, texts) for folder in (bundle, reference))
    return {task.value: _agreement(ours[task], theirs[task]) for task in ours}


def first_answers(bundle: Path, text: str) -> dict[str, str]:
    """Returns the id that `bundle` answers first to `text`, for each task."""
    predictor = Predictor.load(Settings(bundle=str(bundle)))
    try:
        return {task.value: answer.labels[0].id for task, answer in predictor.predict(text).tasks.items()}
    finally:
        predictor.close()


def _scores(folder: Path, texts: list[str]) -> dict[Task, Array]:
    predictor = Predictor.load(Settings(bundle=str(folder), cache_seconds=0))
    try:
        rows: dict[Task, list[list[float]]] = {}
        for text in texts:
            for task, answer in predictor.predict(text).tasks.items():
                scores = {label.id: label.score for label in answer.labels}
                rows.setdefault(task, []).append([scores[id] for id in sorted(scores)])
        return {task: np.array(values) for task, values in rows.items()}
    finally:
        predictor.close()


def _agreement(ours: Array, theirs: Array) -> dict[str, float]:
    top = [np.argsort(-scores, axis=1)[:, :3] for scores in (ours, theirs)]
    shared = [len(set(one) & set(other)) / len(one) for one, other in zip(*top, strict=True)]
    difference = np.abs(ours - theirs)
    return {
        "texts": float(len(ours)),
        "top1_agreement": float((top[0][:, 0] == top[1][:, 0]).mean()),
        "top3_overlap": float(np.mean(shared)),
        "largest_difference": float(difference.max()),
        "mean_difference": float(difference.mean()),
    }
