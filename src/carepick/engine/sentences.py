"""The sentence head: how urgent each sentence of a text is on its own, by its n-grams.

In a long story one sentence may decide, and in the mean over the whole it is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from carepick.engine.ngrams import Located, NgramTable

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class SentenceHead:
    """A linear model on the n-grams of `table`: `weight` (rows + 1, labels) of any float type, the biases in row 0."""

    table: NgramTable
    labels: tuple[str, ...]
    weight: Array

    def probabilities(self, text: str, sentences: Sequence[tuple[int, int]], located: Located | None = None) -> Array:
        """Returns the probability of each label for each of `sentences`: (sentences, labels).

        They are half-open ranges of the normalized `text` in ascending order, without overlap. Each is read as
        `NgramTable.encode` reads a text. `located`: what `table.locate(text)` returns, where it is known.
        """
        starts, ends = np.array(sentences, np.int64).reshape(-1, 2).T
        rows, first, last = located or self.table.locate(text)
        owners = np.searchsorted(starts, first, side="right") - 1
        within = (owners >= 0) & (last < ends[owners])
        size = len(self.weight)
        pairs, counts = np.unique(owners[within] * size + rows[within], return_counts=True)
        owners, rows = np.divmod(pairs, size)
        values = 1 + np.log(counts)
        norms = np.sqrt(np.bincount(owners, values**2, len(starts))).clip(min=1e-9)
        added = self.weight[rows].astype(np.float32) * (values / norms[owners])[:, None]
        logits = np.stack([np.bincount(owners, column, len(starts)) for column in added.T], 1) + self.weight[0]
        likely = np.exp(logits - logits.max(1, keepdims=True))
        return np.asarray(likely / likely.sum(1, keepdims=True))
