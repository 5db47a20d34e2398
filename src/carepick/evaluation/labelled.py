"""Everything that a report on labelled rows shows, as one document of JSON values without any text of a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from carepick.evaluation.data import ordered_groups
from carepick.evaluation.figures import headline
from carepick.evaluation.intervals import wilson
from carepick.evaluation.metrics import (
    Array,
    class_figures,
    confusion_counts,
    reliability_bins,
    risk_coverage,
    set_figures,
    target_ranks,
)
from carepick.evaluation.outcomes import Outcomes
from carepick.records import Confidence

# Top scores at which coverage and accuracy are told; the backend that Carepick was made for acts on 0.4.
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
MOST_CONFUSIONS = 30
MOST_SLICES = 24
_CURVE_POINTS = 100


def study(outcomes: Outcomes, seed: int) -> dict[str, Any]:
    """Returns the figures with intervals, and all that the charts and tables of the report need."""
    top = outcomes.scores.max(1)
    bins = reliability_bins(top, outcomes.correct)
    return {
        "rows": len(outcomes.targets),
        "unlabelled": outcomes.rows.unlabelled,
        "refused": dict(outcomes.refused),
        "figures": {name: figure.as_json() for name, figure in headline(outcomes, seed).items()},
        "classes": _classes(outcomes),
        "confusion": _confusion(outcomes),
        "confusions": _worst_confusions(outcomes),
        "reliability": {name: _rounded(getattr(bins, name)) for name in ("rows", "score", "accuracy")},
        "risk_coverage": _risk(top, outcomes.correct),
        "thresholds": [_at_threshold(top, outcomes.correct, threshold) for threshold in THRESHOLDS],
        "confidence": _confidence(outcomes),
        "alarms": dict(sorted(Counter(outcomes.alarms).items())),
        "slices": {name: _slices(outcomes, values) for name, values in outcomes.rows.groups.items()},
    }


def _classes(outcomes: Outcomes) -> list[dict[str, Any]]:
    """Returns precision, recall, F1, top-3 and set coverage of each class that has rows, in the order of the labels."""
    figures = class_figures(outcomes.scores, outcomes.targets)
    covered = set_figures(outcomes.members, outcomes.targets).class_coverage
    return [
        {
            "id": outcomes.labels[i].id,
            "name": outcomes.labels[i].name,
            "rows": int(figures.rows[i]),
            "recall": wilson(round(figures.recall[i] * figures.rows[i]), int(figures.rows[i])).as_json(),
            "top3": round(float(figures.top3[i]), 6),
            "precision": round(float(figures.precision[i]), 6),
            "f1": round(float(figures.f1[i]), 6),
            "set_coverage": round(float(covered[i]), 6),
        }
        for i in np.flatnonzero(figures.rows)
    ]


def _confusion(outcomes: Outcomes) -> dict[str, Any]:
    """Returns ids and names of the labels, and every count above 0 as [right, answered, count] with places in them."""
    counts = confusion_counts(outcomes.scores, outcomes.targets)
    cells = [[int(i), int(j), int(counts[i, j])] for i, j in zip(*counts.nonzero(), strict=True)]
    labels = outcomes.labels
    return {"ids": [label.id for label in labels], "names": [label.name for label in labels], "counts": cells}


def _worst_confusions(outcomes: Outcomes) -> list[dict[str, Any]]:
    """Returns the wrong pairs that occur most, each with its share of the right class's rows."""
    counts = confusion_counts(outcomes.scores, outcomes.targets)
    rows = counts.sum(1)
    np.fill_diagonal(counts, 0)
    names = [label.name for label in outcomes.labels]
    pairs = sorted(zip(*counts.nonzero(), strict=True), key=lambda pair: (-counts[pair], pair))[:MOST_CONFUSIONS]
    return [
        {"right": names[i], "answered": names[j], "count": int(counts[i, j]), "share": round(counts[i, j] / rows[i], 6)}
        for i, j in pairs
    ]


def _risk(top: Array, correct: Array) -> dict[str, Any]:
    curve = risk_coverage(top, correct)
    shares = np.linspace(0.01, 1, _CURVE_POINTS)
    points = [[round(float(share), 4), round(curve.risk_at(float(share)), 6)] for share in shares]
    return {"area": round(curve.area, 6), "points": points}


def _at_threshold(top: Array, correct: Array, threshold: float) -> dict[str, Any]:
    """Returns how many rows score at least `threshold`, and the share of them that is right."""
    answered = top >= threshold
    right = wilson(int(correct[answered].sum()), int(answered.sum())).as_json()
    return {"threshold": threshold, "coverage": round(float(answered.mean()), 6), "accuracy": right}


def _confidence(outcomes: Outcomes) -> list[dict[str, Any]]:
    given, correct = np.array([one.value for one in outcomes.confidence]), outcomes.correct
    found = []
    for one in Confidence:
        mine = given == one.value
        accuracy = wilson(int(correct[mine].sum()), int(mine.sum())).as_json()
        found.append({"confidence": one.value, "rows": int(mine.sum()), "accuracy": accuracy})
    return found


def _slices(outcomes: Outcomes, values: Sequence[str]) -> list[dict[str, Any]]:
    """Returns rows, top-1, top-3 and mean top score for each group of rows."""
    ranks, top, groups = target_ranks(outcomes.scores, outcomes.targets), outcomes.scores.max(1), np.array(values)
    found = []
    for value in ordered_groups(values, MOST_SLICES):
        mine = groups == value
        near = [wilson(int((ranks[mine] <= k).sum()), int(mine.sum())).as_json() for k in (1, 3)]
        score = round(float(top[mine].mean()), 6)
        found.append({"value": value, "rows": int(mine.sum()), "top1": near[0], "top3": near[1], "score": score})
    return found


def _rounded(values: Array) -> list[float]:
    return [round(float(value), 6) for value in values]
