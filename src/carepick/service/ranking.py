"""Logits to ranked labels with calibrated scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np

from carepick.engine.base import FloatArray, IntArray
from carepick.engine.manifest import Head, Label
from carepick.engine.scores import correct_top, shortness
from carepick.records import ScoredLabel


class Ranked(Sequence[ScoredLabel]):
    """Labels with their scores, best first; each is made when it is looked at, as few ever are. Equal to a tuple of them."""

    def __init__(self, known: Sequence[Label], places: IntArray, scores: FloatArray) -> None:
        """`places` in `known` of the labels, best first, and the scores of these: arrays, which are a fifth of lists."""
        self._known, self._places, self._scores = known, places, scores

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> ScoredLabel: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[ScoredLabel, ...]: ...
    def __getitem__(self, place: int | slice) -> ScoredLabel | tuple[ScoredLabel, ...]:
        if isinstance(place, slice):
            return tuple(map(self.__getitem__, range(len(self))[place]))
        return self._label(int(self._places[place]), float(self._scores[place]))

    def __iter__(self) -> Iterator[ScoredLabel]:
        return map(self._label, self._places.tolist(), self._scores.tolist())

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, (Ranked, tuple)) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def _label(self, place: int, score: float) -> ScoredLabel:
        label = self._known[place]
        return ScoredLabel(label.id, label.name, score)


class Ranking:
    """How one head's logits are read: temperature, correction of the best answer, labels that are never answered, names."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self._answerable = np.array([label.id not in head.excluded_labels for label in head.labels])
        self._count = int(self._answerable.sum())
        pooled = head.conformal.get("", 0.0)
        self._short = np.array([head.short_bias.get(label.id, 0.0) for label in head.labels])
        self._least = np.array([head.conformal.get(label.id, pooled) for label in head.labels])

    def probabilities(self, logits: FloatArray, letters: int) -> FloatArray:
        """Returns the calibrated probabilities of `logits` (classes,) for a text of `letters`, 0 for excluded labels; they
        add up to 1."""
        scaled = np.asarray(logits, np.float64) / self.head.temperature
        scaled += shortness(letters, self.head.short_letters) * self._short
        scaled = np.where(self._answerable, scaled, -np.inf)
        powers = np.exp(scaled - scaled.max())
        probabilities = np.asarray(powers / powers.sum())
        if self.head.top_slope == 1 and self.head.top_offset == 0:
            return probabilities
        return correct_top(probabilities, self.head.top_slope, self.head.top_offset)

    def rank(self, scores: FloatArray) -> Ranked:
        """Returns every answerable label with its score (classes,), best first; equal scores in the head's order."""
        ordered = np.argsort(np.where(self._answerable, -scores, np.inf), kind="stable")[: self._count]
        return Ranked(self.head.labels, ordered.astype(np.int32), scores[ordered])

    def conformal_set(self, scores: FloatArray) -> tuple[str, ...]:
        """Returns the ids whose score (classes,) reaches the head's conformal threshold, best first.

        Split conformal prediction (Sadinle, Lei and Wasserman 2019): with the thresholds fitted on held-out texts, the
        set holds the right label `head.coverage` of the time. Empty when the bundle names no thresholds, else never.
        """
        if not self.head.conformal:
            return ()
        reached = np.flatnonzero(self._answerable & (scores >= self._least))
        if not len(reached):
            reached = np.atleast_1d(np.where(self._answerable, scores, -np.inf).argmax())
        best_first = reached[np.argsort(-scores[reached], kind="stable")]
        return tuple(self.head.labels[place].id for place in best_first.tolist())
