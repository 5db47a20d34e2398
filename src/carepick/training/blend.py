"""How much the encoder and the n-grams count in the logits of a task, and how far the class prior is taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Blend:
    """logits = encoder * `encoder_share` + n-grams * `ngram_share` - `prior_power` * ln(prior)."""

    encoder_share: float
    ngram_share: float
    prior_power: float = 0.0

    def apply(self, encoder_logits: Array, ngram_logits: Array, log_prior: Array) -> Array:
        """Returns the blended logits: (texts, classes), from two such arrays and the (classes,) log prior."""
        return (
            self.encoder_share * encoder_logits
            + self.ngram_share * ngram_logits
            - self.prior_power * log_prior[None, :]
        )


def fit_blend(encoder_logits: Array, ngram_logits: Array, targets: Array, weights: Array) -> Blend:
    """Returns the shares that make the likelihood of `targets` (texts,) largest, each text counting `weights`."""

    def loss(logarithms: Array) -> float:
        encoder_share, ngram_share = np.exp(logarithms)
        scores = log_softmax(encoder_share * encoder_logits + ngram_share * ngram_logits, axis=1)
        return float(-(weights * scores[np.arange(len(targets)), targets]).sum() / weights.sum())

    best = minimize(loss, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-6})
    return Blend(*(float(share) for share in np.exp(best.x)))
