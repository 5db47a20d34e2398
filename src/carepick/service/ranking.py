"""Logits to ranked labels with calibrated scores."""

from __future__ import annotations

import numpy as np

from carepick.engine.base import FloatArray
from carepick.engine.manifest import Head
from carepick.engine.scores import correct_top
from carepick.records import ScoredLabel


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
