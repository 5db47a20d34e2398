"""Noise that people make: it changes the spelling, keeps the meaning, and is the same for the same seed."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from carepick.training.augment import excerpt, perturb

SENTENCE = "어제부터 머리가 많이 아파요 그리고 열이 나요"


def test_the_same_seed_makes_the_same_noise_and_other_seeds_other_noise() -> None:
    variants = {perturb(SENTENCE, random.Random(seed)) for seed in range(40)}
    assert len(variants) > 20
    assert perturb(SENTENCE, random.Random(3)) == perturb(SENTENCE, random.Random(3))


def test_most_of_the_letters_stay() -> None:
    for seed in range(60):
        noisy = perturb(SENTENCE, random.Random(seed))
        kept = sum(noisy.count(letter) > 0 for letter in SENTENCE.replace(" ", ""))
        assert kept >= 0.6 * len(SENTENCE.replace(" ", ""))


@given(st.text(max_size=60), st.integers(0, 1000))
def test_any_text_can_be_perturbed(text: str, seed: int) -> None:
    assert isinstance(perturb(text, random.Random(seed)), str)


def test_an_excerpt_is_a_run_of_whole_sentences() -> None:
    sentences = [
        "문의드립니다.", "어제부터 머리가 아파요.", "밤에는 열이 나고 추워요.", "약을 먹어도 낫지 않아요!",
        "동네 병원에서는 감기라고 했어요.", "어디로 가야 하나요?",
    ]  # fmt: skip
    runs = {" ".join(sentences[i:j]) for i in range(6) for j in range(i + 1, 7)}
    rng = random.Random(1)
    excerpts = {excerpt(" ".join(sentences), rng) for _ in range(200)}
    assert excerpts <= runs
    assert len(excerpts) > 10
    assert all(len(piece) <= 100 for piece in excerpts)


def test_a_short_text_is_its_own_excerpt() -> None:
    assert excerpt("머리가 아파요. 열이 나요.", random.Random(1)) == "머리가 아파요. 열이 나요."
