"""What a head's probabilities become before anyone reads them; served and fitted with the same code."""

from __future__ import annotations

import numpy as np

from carepick.engine.base import FloatArray


def count_letters(text: str) -> int:
    """Returns how many characters of `text` are no spaces: how short it is, see `shortness`."""
    return sum(map(len, text.split()))


def shortness(letters: FloatArray | float, limit: int) -> FloatArray:
    """Returns how short texts of `letters` are: 1 for an empty one, falling to 0 at `limit` letters; 0 for a limit of 0.

    A few words fit many diseases, so what a head knows of how common each is (`Head.short_bias`) counts by this.
    """
    return np.asarray(np.maximum(0.0, 1 - np.asarray(letters) / limit) if limit else np.zeros_like(letters, np.float64))


def correct_top(probabilities: FloatArray, slope: float, offset: float) -> FloatArray:
    """Returns `probabilities` (..., classes) with each row's best one p as sigmoid(slope * logit(p) + offset), and the
    others scaled so that the row still adds up to 1.

    Platt scaling (1999) of the best answer: a temperature fits all classes at once, and where labels are noisy that
    leaves sure answers too sure. The order stays: the best one never falls below the second.
    """
    best = np.arange(probabilities.shape[-1]) == probabilities.argmax(-1)[..., None]
    ordered = np.partition(probabilities, -2, axis=-1)
    second, top = ordered[..., -2:-1], ordered[..., -1:]
    rest = np.maximum(1 - top, np.finfo(np.float64).tiny)
    corrected = 1 / (1 + np.exp(-offset) * (rest / np.maximum(top, np.finfo(np.float64).tiny)) ** slope)
    corrected = np.maximum(corrected, (1 + 1e-9) * second / (rest + second))  # equal ones would fall behind by rounding
    return np.asarray(np.where(best, corrected, probabilities * ((1 - corrected) / rest)))
