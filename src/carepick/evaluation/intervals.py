"""How sure a figure is: bootstrap and Wilson intervals, and McNemar's test."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from carepick.evaluation.metrics import Array

LEVEL = 0.95


@dataclass(frozen=True)
class Figure:
    """A measured value with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """Returns the three numbers, rounded to six decimals."""
        return {name: round(getattr(self, name), 6) for name in ("value", "low", "high")}


def bootstrap(
    statistic: Callable[[Array], Array], rows: int, repeats: int, seed: int, strata: Array | None = None
) -> Array:
    """Returns `statistic` of `repeats` resamples of the rows: (repeats, figures).

    `statistic` takes how often each row was drawn, (rows,) int, and returns (figures,). Same seed, same draws.
    `strata` (rows,): how many rows of each value are drawn does not change.
    """
    random = np.random.default_rng(seed)
    groups = [np.arange(rows)] if strata is None else [np.flatnonzero(strata == value) for value in np.unique(strata)]

    def draw() -> Array:
        drawn = [group[random.integers(0, len(group), len(group))] for group in groups]
        return np.bincount(np.concatenate(drawn), minlength=rows)

    return np.array([statistic(draw()) for _ in range(repeats)])


def interval(value: float, samples: Array, level: float = LEVEL) -> Figure:
    """Returns `value` with the bias-corrected percentile interval of its bootstrap `samples` (Efron 1987).

    The correction matters for calibration errors and macro means, whose resamples lie off the value. The interval is
    widened to hold `value` where it otherwise would not.
    """
    normal = NormalDist()
    below = ((samples < value).mean() + (samples <= value).mean()) / 2
    bias = normal.inv_cdf(float(np.clip(below, 0.5 / len(samples), 1 - 0.5 / len(samples))))
    edge = normal.inv_cdf((1 - level) / 2)
    low, high = np.quantile(samples, [normal.cdf(2 * bias + edge), normal.cdf(2 * bias - edge)])
    return Figure(value, min(float(low), value), max(float(high), value))


def wilson(successes: int, trials: int, level: float = LEVEL) -> Figure:
    """Returns the share `successes` / `trials` with its Wilson score interval (Wilson 1927); no trials: 0 in 0..1."""
    if not trials:
        return Figure(0.0, 0.0, 1.0)
    z2 = NormalDist().inv_cdf((1 + level) / 2) ** 2
    share = successes / trials
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = math.sqrt(z2 * (share * (1 - share) / trials + z2 / (4 * trials**2))) / (1 + z2 / trials)
    return Figure(share, min(middle - half, share), max(middle + half, share))


def mcnemar(first_right: Array, second_right: Array) -> float:
    """Returns the two-sided exact McNemar p-value that two models are right equally often.

    `first_right`, `second_right` (rows,) bool, of the same rows. Only rows on which exactly one is right count.
    """
    only_first = int((first_right & ~second_right).sum())
    only_second = int((second_right & ~first_right).sum())
    trials, fewer = only_first + only_second, min(only_first, only_second)
    logs = [math.lgamma(trials + 1) - math.lgamma(i + 1) - math.lgamma(trials - i + 1) for i in range(fewer + 1)]
    tail = math.fsum(math.exp(log - trials * math.log(2)) for log in logs)
    return min(1.0, 2 * tail)
