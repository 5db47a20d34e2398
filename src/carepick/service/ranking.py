"""Logits to ranked labels with calibrated scores."""

from __future__ import annotations

import numpy as np

from carepick.engine.base import FloatArray
from carepick.engine.manifest import Head
from carepick.records import ScoredLabel


def probabilities(logits: FloatArray, head: Head) -> FloatArray:
    """Returns the calibrated probabilities of `logits` (classes,), 0 for excluded labels; they add up to 1."""
    scaled = np.asarray(logits, np.float64) / head.temperature
    excluded = np.array([label.id in head.excluded_labels for label in head.labels])
    scaled[excluded] = -np.inf
    powers = np.exp(scaled - scaled.max())
    return np.asarray(powers / powers.sum())


def rank(scores: FloatArray, head: Head) -> tuple[ScoredLabel, ...]:
    """Returns every answerable label with its score, best first; equal scores in the head's order."""
    order = np.argsort(-scores, kind="stable")
    return tuple(
        ScoredLabel(head.labels[index].id, head.labels[index].name, float(scores[index]))
        for index in order
        if head.labels[index].id not in head.excluded_labels
    )
