"""SVMs that each read an n-gram by how much it tells their class: NBSVM (Wang and Manning 2012), one against the rest."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.svm import LinearSVC

Array = np.ndarray[Any, np.dtype[Any]]

_SMOOTHING = 10.0  # texts of the usual mixture of classes that are added to those of a class, and to the others
_LEAST = 0.05  # added to what an n-gram tells, so that one that tells nothing can still be used
_NEVER = 1e-12  # share of texts that hold an n-gram which no text holds
_MOST_THREADS = 4  # each holds the features twice more, which is a gigabyte for all diseases


def fit_nbsvm(
    svm: LinearSVC, features: sparse.csr_matrix, targets: Array, weights: Array, sample_weights: Array
) -> tuple[Array, Array]:
    """Returns weight (classes, n-grams) and bias (classes,) of one SVM a class, each made as `svm` is, in parallel threads.

    `features` (texts, n-grams); `targets` (texts,): class numbers from 0, each with a text; `weights` (texts,): how much
    a text counts in what the n-grams tell; `sample_weights` (texts,): how much it counts for the SVMs.
    The values of an n-gram are multiplied by the root of its log ratio (`_telling`) before the SVM of a class is fitted,
    and texts brought to a length of 1 on average; both are folded into the weights that are returned.
    """
    told = _telling(features, targets, weights)

    def fit(label: int) -> tuple[Array, float]:
        scales = np.sqrt(told[label] + _LEAST)
        values = features.data * scales[features.indices]
        scaled = sparse.csr_matrix((values, features.indices, features.indptr), features.shape)
        length = np.sqrt(np.asarray(scaled.multiply(scaled).sum(1))).mean()
        model = clone(svm).fit(scaled / length, targets == label, sample_weight=sample_weights)
        return model.coef_[0] * scales / length, float(model.intercept_[0])

    # Threads suffice: the solver lets go of the interpreter.
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as threads:
        fitted = list(threads.map(fit, range(len(told))))
    return np.stack([weight for weight, _ in fitted]), np.array([bias for _, bias in fitted])


def _telling(features: sparse.csr_matrix, targets: Array, weights: Array) -> Array:
    """Returns how much each n-gram tells each class, (classes, n-grams): the absolute logarithm of how many times more of the
    texts of the class hold it than of the others."""
    texts = np.arange(len(targets))
    held = np.asarray((sparse.csr_matrix((weights, (targets, texts))) @ features.sign()).todense())
    size = np.bincount(targets, weights)[:, None]
    usual = _SMOOTHING * held.sum(0) / size.sum()
    inside = (held + usual) / (size + _SMOOTHING)
    outside = (held.sum(0) - held + usual) / (size.sum() - size + _SMOOTHING)
    return np.asarray(np.abs(np.log(np.maximum(inside, _NEVER) / np.maximum(outside, _NEVER))))
