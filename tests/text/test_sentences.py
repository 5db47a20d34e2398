"""Sentences are cut where people end them, whole and in order."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carepick.text.sentences import put_into, split_sentences


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("머리가 아파요", ["머리가 아파요"]),
        ("어제부터 머리가 너무 아파요. 열은 없고 기침만 조금 나와요!", ["어제부터 머리가 너무 아파요.", "열은 없고 기침만 조금 나와요!"]),
        (
            "어제부터 머리가 너무 아파요 열은 없고 기침만 조금 나와요",
            ["어제부터 머리가 너무 아파요", "열은 없고 기침만 조금 나와요"],
        ),
        ("아파요. 머리가요. 많이요.", ["아파요. 머리가요. 많이요."]),
        ("", []),
    ],
)  # fmt: skip
def test_marks_and_endings_end_a_sentence(text: str, sentences: list[str]) -> None:
    assert cut(text) == sentences


def test_very_long_ones_are_cut_between_words() -> None:
    parts = cut("허리가 뻐근하고 " * 20)
    assert all(40 <= len(part) <= 60 for part in parts[:-1])
    assert all(part.split()[0] in ("허리가", "뻐근하고") for part in parts)
    assert len(cut("아" * 200)) == 4


@given(st.text(st.sampled_from("가나다요. !?\n~음함abc"), max_size=300))
def test_no_letter_is_lost_and_none_is_read_twice(text: str) -> None:
    ranges = split_sentences(text)
    assert all(start < end for start, end in ranges)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(ranges))
    left_out = text
    for start, end in reversed(ranges):
        left_out = left_out[:start] + left_out[end:]
    assert not left_out.strip()


def test_a_text_is_put_between_the_sentences_of_a_story() -> None:
    story = "무릎이 며칠 전부터 시큰거리고 저녁에는 부어요. 계단을 내려갈 때면 특히 심하게 그래요. 정형외과로 가면 되는지 궁금해요."
    rng = random.Random(2)
    made = {put_into(story, "열은 없어요", rng) for _ in range(50)}
    assert len(made) == 4  # before, after, and at two places between
    for text, start in made:
        assert text[start:].startswith("열은 없어요")
        assert text.replace("열은 없어요", "", 1).split() == story.split()
