"""Figures of many requests and of several rounds."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

OK = 200
REFUSED = 429
BROKEN, TIMED_OUT = 0, -1  # in the place of a status where there was no answer

_NAMES = {BROKEN: "broken", TIMED_OUT: "timed out"}


@dataclass(frozen=True)
class Sample:
    """One sentence asked: `begun` seconds after the start, `seconds` until its answer, `status` of it."""

    begun: float
    seconds: float
    status: int


@dataclass(frozen=True)
class Latencies:
    """Milliseconds below which half, 95 and 99 of a hundred lie."""

    p50: float
    p95: float
    p99: float


def latencies(samples: Sequence[Sample], status: int) -> Latencies | None:
    """Returns the latencies of the `samples` with `status`, None where there are none."""
    times = sorted(1000 * sample.seconds for sample in samples if sample.status == status)
    return Latencies(*(round(percentile(times, share), 2) for share in (0.5, 0.95, 0.99))) if times else None


def percentile(ordered: Sequence[float], share: float) -> float:
    """Returns the least of the `ordered` values that at least `share` of them do not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def answers_per_second(samples: Sequence[Sample], begin: float, end: float) -> float:
    """Returns how many answers with status 200 came a second between `begin` and `end`, whenever they were asked for."""
    return sum(sample.status == OK and begin <= sample.begun + sample.seconds < end for sample in samples) / (
        end - begin
    )


def begun_after(samples: Sequence[Sample], moment: float) -> list[Sample]:
    """Returns the `samples` that were begun at `moment` or later: those that met a server at work."""
    return [sample for sample in samples if sample.begun >= moment]


def statuses(samples: Sequence[Sample]) -> dict[str, int]:
    """Returns how often each status was met."""
    counts = Counter(sample.status for sample in samples)
    return {_NAMES.get(status, str(status)): count for status, count in sorted(counts.items())}


@dataclass(frozen=True)
class Spread:
    """The median of several rounds, and the least and the most of them."""

    median: float
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread:
    """Returns the spread of `values`, of which there must be some."""
    return Spread(statistics.median(values), min(values), max(values))
