"""The texts that are asked: of the lengths wanted, all different, the same every time."""

from __future__ import annotations

import random

import pytest
from benchmarks.contestants import DEFAULT_MODEL
from benchmarks.texts import MIX, mixed_texts, text_of, token_counter

from carepick.text.normalize import normalize

tokens = token_counter(DEFAULT_MODEL.bundles[0])


@pytest.mark.parametrize("length", MIX)
def test_lengths(length: int) -> None:
    draw = random.Random(3)
    assert all(length - 2 <= tokens(text_of(length, tokens, draw)) <= length for _ in range(10))


def test_texts_differ_follow_the_mix_and_come_again() -> None:
    texts = mixed_texts(300, tokens)
    assert texts == mixed_texts(300, tokens)
    assert texts != mixed_texts(300, tokens, seed=2)
    assert len({normalize(text) for text in texts}) == 300
    short = sum(tokens(text) <= 15 for text in texts) / 300
    assert short == pytest.approx(MIX[15] / sum(MIX.values()), abs=0.1)


def test_every_ten_texts_in_a_row_are_the_same_work() -> None:
    lengths = [tokens(text) for text in mixed_texts(305, tokens)]
    for first in range(0, 300, 10):
        ten = lengths[first : first + 10]
        assert {length: sum(length - 2 <= each <= length for each in ten) for length in MIX} == MIX
