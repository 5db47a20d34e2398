"""How well the model knows what it cannot answer: texts not about health, and texts too vague to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from carepick.errors import DataError
from carepick.evaluation.asking import Progress
from carepick.evaluation.findings import Findings, Table, ask_all, read_cases, share, shares_by
from carepick.evaluation.intervals import Figure, bootstrap, interval
from carepick.evaluation.metrics import Array, auroc, recall_at_precision
from carepick.records import Confidence, Prediction
from carepick.service.predictor import Predictor

PRECISION = 0.95
_REPEATS = 500


def doubt(prediction: Prediction, learned: bool) -> float:
    """Returns how surely a text is not about health, 0 to 2: abstaining outranks any score.

    `learned`: the model has a scope head, and so its scores of all labels add up to the chance that the text is about
    health; without one the best score has to stand for it.
    """
    answer = next(iter(prediction.tasks.values()))
    health = sum(label.score for label in answer.labels) if learned else answer.labels[0].score
    return (prediction.confidence is Confidence.ABSTAIN) + 1.0 - health


def study_scope(
    predictor: Predictor, path: Path, health: Path, seed: int, progress: Progress | None = None
) -> Findings:
    """Returns how well `doubt` tells the texts of `path` (not about health) from those of `health`.

    AUROC, recall at 95 % precision, the share of each that the model abstained from, and that share by the column `kind`,
    which those about health may lack.
    """
    cases = read_cases(path, {"text": str, "kind": str})
    others = read_cases(health, {"text": str})
    outside = ask_all(predictor, [case["text"] for case in cases], path, progress)
    inside = ask_all(predictor, [case["text"] for case in others], health, progress)
    learned = any("scope" in manifest.heads for manifest in predictor.manifests.values())
    signal = np.array([doubt(answer, learned) for answer in outside + inside])
    positive = np.arange(len(signal)) < len(outside)
    abstained = [answer.confidence is Confidence.ABSTAIN for answer in outside]
    refused = [answer.confidence is Confidence.ABSTAIN for answer in inside]
    tables = {"by_kind": _by_kind(cases, abstained)}
    if all(isinstance(case.get("kind"), str) for case in others):
        tables["health_by_kind"] = _by_kind(others, refused)
    return Findings(
        len(signal),
        {
            **_detection(signal, positive, seed),
            "abstained_out_of_scope": share(abstained),
            "abstained_health": share(refused),
        },
        tables,
    )


def _by_kind(cases: Sequence[Mapping[str, Any]], abstained: Sequence[bool]) -> Table:
    kinds = shares_by([case["kind"] for case in cases], abstained)
    return Table(
        ("kind", "abstained", "texts", "share"),
        tuple((kind, one.hits, one.rows, one.figure.value) for kind, one in kinds.items()),
    )


def study_vague(predictor: Predictor, path: Path, progress: Progress | None = None) -> Findings:
    """Returns how often texts too vague to answer got low confidence or none, and the count of each confidence."""
    cases = read_cases(path, {"text": str})
    given = [answer.confidence for answer in ask_all(predictor, [case["text"] for case in cases], path, progress)]
    return Findings(
        len(cases),
        {"unsure": share(one in (Confidence.LOW, Confidence.ABSTAIN) for one in given)},
        {"confidence": Table(("confidence", "texts"), tuple((one.value, given.count(one)) for one in Confidence))},
    )


def _detection(signal: Array, positive: Array, seed: int) -> dict[str, Figure]:
    if not positive.any() or positive.all():
        raise DataError("scope needs texts about health beside those that are not")

    def both(rows: Array) -> Array:
        return np.array(
            [auroc(signal[rows], positive[rows]), recall_at_precision(signal[rows], positive[rows], PRECISION)[0]]
        )

    every = np.arange(len(signal))
    samples = bootstrap(lambda weights: both(np.repeat(every, weights)), len(signal), _REPEATS, seed, positive)
    names = ("auroc", "recall_at_precision_95")
    return {
        name: interval(float(value), samples[:, i])
        for i, (name, value) in enumerate(zip(names, both(every), strict=True))
    }
