"""Figures about scores: how good a ranking is, how honest its scores are, and what abstaining buys. Pure numpy.

Throughout, `scores` is (rows, classes) float, higher is better, and `targets` is (rows,) whole numbers, the column of
the right class. Equal scores rank by column, the lower first. Macro figures are means over the classes that have rows,
each counting the same. `weights` is (rows,), how often each row counts; None: once. No rows: `ValueError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

CALIBRATION_BINS = 15


def target_ranks(scores: Array, targets: Array) -> Array:
    """Returns the rank of the right class of each row, 1 for the best: (rows,) int."""
    _check(scores, targets)
    own = scores[np.arange(len(targets)), targets][:, None]
    earlier = np.arange(scores.shape[1])[None, :] < targets[:, None]
    return np.asarray(1 + ((scores > own) | ((scores == own) & earlier)).sum(1))


def top_k_accuracy(scores: Array, targets: Array, k: int) -> float:
    """Returns the share of rows whose right class is among the best `k`."""
    return float((target_ranks(scores, targets) <= k).mean())


def macro_top_k(scores: Array, targets: Array, k: int) -> float:
    """Returns the mean over classes of the class's top-`k` accuracy."""
    hits = target_ranks(scores, targets) <= k
    return class_average(hits, targets, scores.shape[1])


def mean_reciprocal_rank(scores: Array, targets: Array) -> float:
    """Returns the mean of 1 / rank of the right class."""
    return float((1 / target_ranks(scores, targets)).mean())


def macro_f1(scores: Array, targets: Array) -> float:
    """Returns the unweighted mean of F1 over the classes that are right or answered first for at least one row."""
    _check(scores, targets)
    return macro_f1_of_answers(scores.argmax(1), targets, scores.shape[1])


def macro_f1_of_answers(predicted: Array, targets: Array, classes: int, weights: Array | None = None) -> float:
    """Returns macro-F1 of the first answers `predicted`: (rows,) columns below `classes`."""
    hits, answered, right = _tallies(predicted, targets, classes, weights)
    seen = answered + right > 0
    return float((2 * hits[seen] / (answered + right)[seen]).mean())


def class_average(values: Array, targets: Array, classes: int, weights: Array | None = None) -> float:
    """Returns the mean over classes of the class's mean of `values`: (rows,)."""
    weights = np.ones(len(targets)) if weights is None else weights
    totals = np.bincount(targets, weights, classes)
    sums = np.bincount(targets, weights * values, classes)
    return float((sums[totals > 0] / totals[totals > 0]).mean())


@dataclass(frozen=True)
class ClassFigures:
    """Per class, each (classes,): rows, precision and recall of the first answer, F1, top-3 accuracy.

    Figures of classes without rows (precision: never answered) are 0.
    """

    rows: Array
    precision: Array
    recall: Array
    f1: Array
    top3: Array


def class_figures(scores: Array, targets: Array) -> ClassFigures:
    """Returns precision, recall, F1 and top-3 accuracy of each class."""
    classes = scores.shape[1]
    hits, answered, right = _tallies(scores.argmax(1), targets, classes, None)
    near = np.bincount(targets, target_ranks(scores, targets) <= 3, classes)
    return ClassFigures(
        right.astype(int), _ratio(hits, answered), _ratio(hits, right), _ratio(2 * hits, answered + right),
        _ratio(near, right),
    )  # fmt: skip


def confusion_counts(scores: Array, targets: Array) -> Array:
    """Returns how often each class was answered first for each right class: (right classes, answered classes) int."""
    _check(scores, targets)
    classes = scores.shape[1]
    pairs = targets * classes + scores.argmax(1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


@dataclass(frozen=True)
class ReliabilityBins:
    """Equal-width bins of the top score, each array (bins,): rows, mean score, and share of right first answers.

    Bin i holds scores in (i / bins, (i + 1) / bins]. Means of empty bins are 0.
    """

    rows: Array
    score: Array
    accuracy: Array

    @property
    def error(self) -> float:
        """The expected calibration error: mean distance of score and accuracy, weighted by rows."""
        return float((self.rows * np.abs(self.score - self.accuracy)).sum() / self.rows.sum())


def reliability_bins(
    top_scores: Array, correct: Array, bins: int = CALIBRATION_BINS, weights: Array | None = None
) -> ReliabilityBins:
    """Returns the bins of a reliability diagram (Guo et al. 2017, arXiv:1706.04599).

    `top_scores` (rows,) 0..1, `correct` (rows,) bool: whether the first answer was right.
    """
    weights = np.ones(len(top_scores)) if weights is None else weights
    place = np.clip(np.ceil(top_scores * bins).astype(int) - 1, 0, bins - 1)
    rows = np.bincount(place, weights, bins)
    score = _ratio(np.bincount(place, weights * top_scores, bins), rows)
    return ReliabilityBins(rows, score, _ratio(np.bincount(place, weights * correct, bins), rows))


def expected_calibration_error(scores: Array, targets: Array, bins: int = CALIBRATION_BINS) -> float:
    """Returns the expected calibration error of the top score over equal-width bins; `scores` are probabilities."""
    _check(scores, targets)
    return reliability_bins(scores.max(1), scores.argmax(1) == targets, bins).error


@dataclass(frozen=True)
class RiskCoverage:
    """The curve of a model that answers only its surest rows; each array (rows,).

    `coverage[i]` is the share of rows answered, `risk[i]` the share of wrong first answers among them,
    `threshold[i]` the least certainty answered.
    """

    coverage: Array
    risk: Array
    threshold: Array

    @property
    def area(self) -> float:
        """The area under the curve, the mean risk over all coverages; lower is better."""
        return float(self.risk.mean())

    def risk_at(self, coverage: float) -> float:
        """Returns the risk when the surest `coverage` (0..1) of the rows are answered."""
        return float(self.risk[min(int(np.ceil(coverage * len(self.risk))), len(self.risk)) - 1])


def risk_coverage(certainty: Array, correct: Array) -> RiskCoverage:
    """Returns the risk-coverage curve (El-Yaniv and Wiener 2010) of `certainty` (rows,), higher is surer.

    Rows of equal certainty share their mean error, so their order does not matter.
    """
    if not len(certainty):
        raise ValueError("no rows")
    order = np.argsort(-certainty, kind="stable")
    threshold, wrong = certainty[order], 1.0 - np.asarray(correct, float)[order]
    _, group, counts = np.unique(-threshold, return_inverse=True, return_counts=True)
    shared = (np.bincount(group, wrong) / counts)[group]
    answered = np.arange(1, len(wrong) + 1)
    return RiskCoverage(answered / len(wrong), np.cumsum(shared) / answered, threshold)


@dataclass(frozen=True)
class SetFigures:
    """How conformal sets did: `coverage` share of rows whose set holds the right class, `size` mean set size,
    `class_coverage` (classes,) coverage within each class, 0 for classes without rows.
    """

    coverage: float
    size: float
    class_coverage: Array


def set_figures(members: Array, targets: Array) -> SetFigures:
    """Returns coverage and mean size of prediction sets; `members` (rows, classes) bool: which classes are in."""
    _check(members, targets)
    held = members[np.arange(len(targets)), targets]
    classes = members.shape[1]
    by_class = _ratio(np.bincount(targets, held, classes), np.bincount(targets, minlength=classes))
    return SetFigures(float(held.mean()), float(members.sum(1).mean()), by_class)


def suspect_labels(scores: Array, targets: Array) -> Array:
    """Returns which rows the scores are confident about as another class than their label: (rows,) bool.

    A row counts as confidently of a class where its score reaches the mean score of that class over the class's own rows.
    The share of such rows estimates how many labels are wrong (confident learning, Northcutt, Jiang and Chuang 2021).
    `scores` must be calibrated, of a model that has not seen the rows.
    """
    _check(scores, targets)
    classes = scores.shape[1]
    own = np.bincount(targets, scores[np.arange(len(targets)), targets], classes)
    rows = np.bincount(targets, minlength=classes)
    usual = np.where(rows > 0, own / np.maximum(rows, 1), np.inf)
    confident = np.where(scores >= usual, scores, -np.inf)
    return np.asarray(np.isfinite(confident).any(1) & (confident.argmax(1) != targets))


def auroc(signal: Array, positive: Array) -> float:
    """Returns the chance that a positive row has a higher `signal` (rows,) than a negative one; ties count half.

    `positive` (rows,) bool, of both kinds at least one (else `ValueError`). The Mann-Whitney U over its maximum.
    """
    positive = np.asarray(positive, bool)
    ups, downs = int(positive.sum()), int((~positive).sum())
    if not ups or not downs:
        raise ValueError("positive and negative rows are both needed")
    _, place, counts = np.unique(signal, return_inverse=True, return_counts=True)
    middle_rank = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((middle_rank[positive].sum() - ups * (ups + 1) / 2) / (ups * downs))


def recall_at_precision(signal: Array, positive: Array, precision: float) -> tuple[float, float]:
    """Returns the highest recall of a threshold on `signal` (rows,) whose precision is at least `precision`,
    and that threshold (rows at or above it are called positive); (0, inf) where no threshold is so precise.
    """
    positive = np.asarray(positive, bool)
    if not positive.any():
        raise ValueError("no positive rows")
    order = np.argsort(-np.asarray(signal, float), kind="stable")
    values, hits = np.asarray(signal, float)[order], np.cumsum(positive[order])
    last_of_ties = np.append(values[1:] != values[:-1], True)
    precise = last_of_ties & (hits / np.arange(1, len(hits) + 1) >= precision)
    if not precise.any():
        return 0.0, float("inf")
    best = int(np.flatnonzero(precise)[-1])
    return float(hits[best] / positive.sum()), float(values[best])


def _tallies(predicted: Array, targets: Array, classes: int, weights: Array | None) -> tuple[Array, Array, Array]:
    """Returns for each class how often it was answered rightly, answered first, and right."""
    weights = np.ones(len(targets)) if weights is None else weights
    hits = np.bincount(targets, weights * (predicted == targets), classes)
    return hits, np.bincount(predicted, weights, classes), np.bincount(targets, weights, classes)


def _ratio(part: Array, whole: Array) -> Array:
    return np.asarray(np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0))


def _check(scores: Array, targets: Array) -> None:
    if scores.ndim != 2 or targets.shape != scores.shape[:1]:
        raise ValueError(f"scores (rows, classes) and targets (rows,) do not fit: {scores.shape}, {targets.shape}")
    if not len(targets):
        raise ValueError("no rows")
