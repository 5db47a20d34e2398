"""Logits to ranked labels with calibrated scores."""

from __future__ import annotations

import numpy as np

from carepick.engine.base import FloatArray
from carepick.engine.manifest import Head
from carepick.records import ScoredLabel


def correct_top(probabilities: FloatArray, slope: float, offset: float) -> FloatArray:
    """Returns `probabilities` (..., classes) with each row's best one p as sigmoid(slope * logit(p) + offset), and the
    others scaled so that the row still adds up to 1.

    Platt scaling (1999) of the best answer: a temperature fits all classes at once, and where labels are noisy that
    leaves sure answers too sure. The order stays: the best one never falls below the second.
    """
    best = probabilities.argmax(-1)[..., None]
    ordered = np.partition(probabilities, -2, axis=-1)
    second, top = ordered[..., -2:-1], ordered[..., -1:]
    rest = np.maximum(1 - top, np.finfo(np.float64).tiny)
    corrected = 1 / (1 + np.exp(-offset) * (rest / np.maximum(top, np.finfo(np.float64).tiny)) ** slope)
    corrected = np.maximum(corrected, (1 + 1e-9) * second / (rest + second))  # equal ones would fall behind by rounding
    scaled = probabilities * ((1 - corrected) / rest)
    np.put_along_axis(scaled, best, corrected, -1)
    return np.asarray(scaled)


class Ranking:
    """How one head's logits are read: temperature, correction of the best answer, labels that are never answered, names."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self._answerable = np.array([label.id not in head.excluded_labels for label in head.labels])
        self._count = int(self._answerable.sum())
        self._ids, self._names = [label.id for label in head.labels], [label.name for label in head.labels]

    def probabilities(self, logits: FloatArray) -> FloatArray:
        """Returns the calibrated probabilities of `logits` (classes,), 0 for excluded labels; they add up to 1."""
        scaled = np.where(self._answerable, np.asarray(logits, np.float64) / self.head.temperature, -np.inf)
        powers = np.exp(scaled - scaled.max())
        probabilities = np.asarray(powers / powers.sum())
        if self.head.top_slope == 1 and self.head.top_offset == 0:
            return probabilities
        return correct_top(probabilities, self.head.top_slope, self.head.top_offset)

    def rank(self, scores: FloatArray) -> tuple[ScoredLabel, ...]:
        """Returns every answerable label with its score (classes,), best first; equal scores in the head's order."""
        ordered = np.argsort(np.where(self._answerable, -scores, np.inf), kind="stable")[: self._count]
        ids, names = map(self._ids.__getitem__, ordered), map(self._names.__getitem__, ordered)
        return tuple(map(ScoredLabel, ids, names, scores[ordered].tolist()))
