"""The heads that stand before the ranking: triage (how urgent) and scope (about health at all).

Both are linear on the frozen encoder's pooled states and the n-gram branch's columns, so they cost the served graph
nothing but a few more columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression

Array = np.ndarray[Any, np.dtype[Any]]

LABELS = {"triage": ("none", "urgent", "crisis", "danger"), "scope": ("other", "health")}


@dataclass(frozen=True)
class LinearHead:
    """A head's weight on the pooled states (hidden, classes), on the n-grams (rows, classes), and bias (classes,)."""

    deep: Array
    wide: Array
    bias: Array

    def logits(self, pooled: Array, ngrams: sparse.csr_matrix) -> Array:
        """Returns (texts, classes) logits of `pooled` (texts, hidden) and `ngrams` (texts, rows)."""
        return np.asarray(pooled @ self.deep + ngrams @ self.wide + self.bias)


def fit_gatekeeper(
    pooled: Array, ngrams: sparse.csr_matrix, targets: Array, weights: Array, ngram_scale: float, regularization: float
) -> LinearHead:
    """Returns a logistic regression on standardized pooled states beside the n-grams times `ngram_scale`.

    `targets` (texts,): class numbers without a gap; `weights` (texts,). Standardization and scale are folded in.
    """
    mean, spread = pooled.mean(0), pooled.std(0) + 1e-6
    scale = np.sqrt(pooled.shape[1])
    features = sparse.hstack([sparse.csr_matrix((pooled - mean) / spread / scale), ngrams * ngram_scale]).tocsr()
    model = LogisticRegression(C=regularization, max_iter=2000)
    model.fit(features, targets, sample_weight=weights)
    coefficients, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:
        coefficients, bias = np.concatenate([-coefficients, coefficients]) / 2, np.array([-bias[0], bias[0]]) / 2
    hidden = pooled.shape[1]
    deep = (coefficients[:, :hidden] / spread / scale).T
    return LinearHead(
        deep.astype(np.float32),
        (coefficients[:, hidden:] * ngram_scale).T.astype(np.float32),
        (bias - mean @ deep).astype(np.float32),
    )
