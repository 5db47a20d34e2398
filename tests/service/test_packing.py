"""Which windows go together."""

from __future__ import annotations

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carepick.service.packing import PASS_COST, REACH, choose


@pytest.mark.parametrize(
    ("lengths", "limit", "chosen"),
    [
        ([10], 256, [0]),
        ([10, 10, 10], 256, [0, 1, 2]),
        ([10, 10, 10], 20, [0, 1]),
        ([300, 10], 256, [0]),  # longer than the limit: alone
        ([10, 100, 12, 11], 256, [0, 3, 2]),  # nearest in length first; the far one waits
        ([100, 10, 99], 256, [0, 2]),
        ([20, 24, 16], 60, [0, 1]),  # two of equal distance: the older one
        ([10, 90, 90, 90, 90, 10], 100, [0, 5]),
        ([10, 90, 90, 90, 90, 90, 10], 100, [0]),  # too far behind: it would overtake more than four passes
        ([20, 23, 16], 40, [0, 2]),  # one that would make the pass too large leaves room for a shorter one
    ],
)
def test_the_oldest_and_its_like(lengths: list[int], limit: int, chosen: list[int]) -> None:
    assert choose(lengths, limit) == chosen


@given(st.lists(st.integers(1, 300), min_size=1, max_size=60), st.integers(64, 512))
def test_bounds(lengths: list[int], limit: int) -> None:
    chosen = choose(lengths, limit)
    assert chosen[0] == 0
    assert len(set(chosen)) == len(chosen)
    padded = max(lengths[place] for place in chosen) * len(chosen)
    assert len(chosen) == 1 or padded <= limit
    assert padded - sum(lengths[place] for place in chosen) < PASS_COST * len(chosen)
    assert all(tokens <= REACH * limit for tokens in list(accumulate(lengths))[1 : max(chosen) + 1])


@given(st.lists(st.integers(1, 300), min_size=1, max_size=60), st.integers(64, 512))
def test_everything_gets_its_turn(lengths: list[int], limit: int) -> None:
    passes = 0
    while lengths:
        chosen = set(choose(lengths, limit))
        lengths = [length for place, length in enumerate(lengths) if place not in chosen]
        passes += 1
    assert passes <= 60
