"""Clear descriptions in lay words: is the right disease near the top, and any of the acceptable departments?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from carepick.evaluation.asking import Progress
from carepick.evaluation.findings import Findings, Share, Table, ask_all, need_both_tasks, read_cases, share, shares_by
from carepick.evaluation.intervals import Figure, bootstrap, interval
from carepick.evaluation.metrics import Array, reliability_bins
from carepick.records import Prediction, ScoredLabel, Task
from carepick.service.predictor import Predictor

COLUMNS = {"id": str, "text": str, "disease": str, "departments": list, "style": str}
_REPEATS = 1000


def study(predictor: Predictor, path: Path, seed: int, progress: Progress | None = None) -> Findings:
    """Returns top-1 and top-3 of diseases and departments, the calibration error of diseases, and what was missed.

    Labels that the model does not answer count as missed; raises `DataError` for a row without any department
    and `BundleError` for a model of one task.
    """
    need_both_tasks(predictor)
    cases = read_cases(path, COLUMNS, filled=("departments",))
    answers = ask_all(predictor, [case["text"] for case in cases], path, progress)
    diseases = [best_rank(answer, Task.DISEASE, [case["disease"]]) for case, answer in zip(cases, answers, strict=True)]
    departments = [
        best_rank(one, Task.DEPARTMENT, case["departments"]) for case, one in zip(cases, answers, strict=True)
    ]
    figures: dict[str, Share | Figure] = {
        f"{task}_top{k}": share(rank <= k for rank in ranks)
        for task, ranks in (("disease", diseases), ("department", departments))
        for k in (1, 3)
    }
    figures["disease_ece"] = _calibration_error(answers, np.array(diseases) == 1, seed)
    styles = shares_by([case["style"] for case in cases], [rank <= 3 for rank in diseases])
    missed: list[tuple[str, str, int, str, str]] = [
        (case["id"], case["disease"], rank, _first(answer, Task.DISEASE), _first(answer, Task.DEPARTMENT))
        for case, rank, answer in zip(cases, diseases, answers, strict=True)
        if rank > 3
    ]
    missed.sort(key=lambda row: -row[2])
    tables = {
        "missed_diseases": Table(
            ("id", "disease", "rank", "answered", "department"),
            tuple(missed),
        ),
        "by_style": Table(
            ("style", "disease_top3", "texts", "share"),
            tuple((style, one.hits, one.rows, one.figure.value) for style, one in styles.items()),
        ),
    }
    return Findings(len(cases), figures, tables)


def best_rank(prediction: Prediction, task: Task, accepted: Sequence[str]) -> int:
    """Returns the best rank, from 1, of any of the `accepted` names or ids; one past the last when none is answered."""
    labels = prediction.tasks[task].labels
    found = (rank for rank, label in enumerate(labels, 1) if label.id in accepted or label.name in accepted)
    return next(found, len(labels) + 1)


def _calibration_error(answers: Sequence[Prediction], correct: Array, seed: int) -> Figure:
    top = np.array([answer.tasks[Task.DISEASE].labels[0].score for answer in answers])

    def error(weights: Array) -> Array:
        return np.array([reliability_bins(top, correct, weights=weights).error])

    samples = bootstrap(error, len(top), _REPEATS, seed)[:, 0]
    return interval(float(error(np.ones(len(top)))[0]), samples)


def _first(prediction: Prediction, task: Task) -> str:
    best: ScoredLabel = prediction.tasks[task].labels[0]
    return best.name
