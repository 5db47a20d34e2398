"""Figures of many requests and of several rounds."""

from __future__ import annotations

from benchmarks.stats import (
    BROKEN,
    OK,
    REFUSED,
    TIMED_OUT,
    Latencies,
    Sample,
    answers_per_second,
    begun_after,
    latencies,
    percentile,
    spread,
    statuses,
)


def test_percentiles_are_values_that_were_met() -> None:
    ordered = [float(value) for value in range(1, 101)]
    assert [percentile(ordered, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert percentile([7.0], 0.99) == 7
    assert percentile([1.0, 9.0], 0.5) == 1


def test_latencies_of_one_status_alone() -> None:
    samples = [Sample(0, 0.010, OK), Sample(0, 0.020, OK), Sample(0, 9.0, REFUSED)]
    assert latencies(samples, OK) == Latencies(10, 20, 20)
    assert latencies(samples, 503) is None


def test_a_rate_counts_answers_when_they_come() -> None:
    """With answers later than the time measured is long, those asked for before it count, and late ones do not."""
    samples = [Sample(0.0, 3.0, OK), Sample(1.0, 1.5, OK), Sample(2.5, 4.0, OK), Sample(0.5, 2.0, REFUSED)]
    assert answers_per_second(samples, 2.0, 6.0) == 2 / 4
    assert begun_after(samples, 1.0) == samples[1:3]


def test_statuses_are_counted_and_named() -> None:
    samples = [Sample(0, 1, status) for status in (OK, OK, REFUSED, BROKEN, TIMED_OUT)]
    assert statuses(samples) == {"timed out": 1, "broken": 1, "200": 2, "429": 1}


def test_spread_of_rounds() -> None:
    found = spread([3.0, 1.0, 2.0])
    assert (found.median, found.least, found.most) == (2, 1, 3)
