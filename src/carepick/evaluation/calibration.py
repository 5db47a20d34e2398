"""Fits what makes scores mean what they say: a temperature for each head, and the thresholds of conformal sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from carepick.evaluation.metrics import Array

# The range of temperatures tried; a perfect or a useless model would otherwise run to 0 or to infinity.
COLDEST, HOTTEST = 0.02, 50.0
# Below so many rows a class's own quantile is noise, and the pooled threshold serves it better.
LEAST_CLASS_ROWS = 30
POOLED = ""  # the key that stands for every label, as in the manifest


def fit_temperature(logits: Array, targets: Array) -> float:
    """Returns the temperature that minimises the negative log-likelihood of `targets` (Guo et al. 2017).

    `logits` (rows, classes), -inf for excluded classes; `targets` (rows,) columns; the temperature lies within
    `COLDEST`..`HOTTEST`. The likelihood is convex in the inverse temperature, so its slope changes sign once, and
    halving finds the place.
    """
    logits = np.asarray(logits, np.float64)
    own = logits[np.arange(len(targets)), targets].mean()
    finite = np.where(np.isfinite(logits), logits, 0.0)  # an excluded class adds nothing: its probability is 0
    low, high = np.log(1 / HOTTEST), np.log(1 / COLDEST)
    for _ in range(50):
        middle = (low + high) / 2
        expected = (softmax(logits * np.exp(middle)) * finite).sum(1).mean()
        low, high = (middle, high) if expected < own else (low, middle)
    return float(np.exp(-(low + high) / 2))


def softmax(logits: Array) -> Array:
    """Returns the probabilities of `logits` (rows, classes), each row adding up to 1; -inf gives 0."""
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def fit_conformal(
    probabilities: Array, targets: Array, labels: Sequence[str], coverage: float, per_class: bool
) -> Mapping[str, float]:
    """Returns for each label id the least probability with which it enters a set that holds the right label
    `coverage` (0..1) of the time; the single key "" stands for all labels when `per_class` is false.

    `probabilities` (rows, classes) of rows that nothing was fitted on, `targets` (rows,) columns, `labels` (classes,)
    ids. Split conformal prediction with the score 1 - probability of the right class and the finite-sample correction
    (Sadinle, Lei and Wasserman 2019); per class its coverage holds within each class with at least
    `LEAST_CLASS_ROWS` rows, and the other classes take the pooled threshold.
    """
    own = np.asarray(probabilities)[np.arange(len(targets)), targets]
    pooled = _threshold(own, coverage)
    if not per_class:
        return {POOLED: pooled}
    rows = [own[targets == column] for column in range(len(labels))]
    return {
        label: _threshold(mine, coverage) if len(mine) >= LEAST_CLASS_ROWS else pooled
        for label, mine in zip(labels, rows, strict=True)
    }


def conformal_members(probabilities: Array, labels: Sequence[str], thresholds: Mapping[str, float]) -> Array:
    """Returns which labels enter each row's set: (rows, classes) bool. `thresholds` as `fit_conformal` returns them."""
    least = [thresholds.get(label, thresholds.get(POOLED, 0.0)) for label in labels]
    return np.asarray(probabilities >= np.array(least))


def _threshold(own: Array, coverage: float) -> float:
    """Returns the floor((n + 1)(1 - coverage))-th smallest of `own`, or 0, with which every label enters."""
    place = int(np.floor((len(own) + 1) * (1 - coverage) + 1e-9))
    return float(np.sort(own)[place - 1]) if place else 0.0
