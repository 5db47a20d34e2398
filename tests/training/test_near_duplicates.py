import random

import pytest

pytest.importorskip("datasketch")

from carepick.training.near_duplicates import near_duplicates

pytestmark = pytest.mark.train

STORY = "어제 저녁부터 배가 아프고 설사를 다섯 번 했어요 열은 없습니다 병원에 가야 할까요"


def test_repeats_point_to_the_first_of_their_kind() -> None:
    texts = [
        STORY,
        "무릎이 시리고 계단에서 아파요",
        STORY.replace(" ", "") + "?",
        "눈이 침침해요",
        STORY.replace("다섯", "여섯"),
    ]
    assert near_duplicates(texts) == {2: 0, 4: 0}


def test_other_stories_in_similar_words_are_kept() -> None:
    assert (
        near_duplicates(
            [STORY, "어제 저녁부터 머리가 아프고 토를 두 번 했어요 열은 있습니다", "배가 아파요", "배가 고파요"]
        )
        == {}
    )


def test_blank_and_very_short_texts() -> None:
    assert near_duplicates(["열", "열", "", ""]) == {1: 0}  # nothing repeats nothing


def test_the_first_ones_are_never_called_repeats() -> None:
    assert near_duplicates([STORY, STORY, STORY], kept_first=2) == {2: 0}


def test_nearly_all_repeats_are_found_and_nothing_else() -> None:
    rng = random.Random(1)
    syllables = [chr(code) for code in range(0xAC00, 0xAC00 + 400)]
    originals = ["".join(rng.choices(syllables, k=120)) for _ in range(150)]
    changed = [text[:60] + rng.choice(syllables) + text[61:] for text in originals]  # Jaccard (118-3)/(118+3) = 0.95
    found = near_duplicates(originals + changed)
    assert all(position - 150 == earlier for position, earlier in found.items())
    assert len(found) >= 148
