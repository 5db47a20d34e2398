"""What is said around an answer exists for every level, in both languages, and asks only for what is missing."""

from __future__ import annotations

import pytest

from carepick.errors import CatalogError
from carepick.knowledge.guidance import load_guidance, parse_guidance
from carepick.records import Confidence, TriageLevel


def test_every_level_and_band_has_words_in_both_languages() -> None:
    guidance = load_guidance()
    topics = (
        {level.value for level in TriageLevel if level is not TriageLevel.NONE}
        | {c.value for c in Confidence}
        | {"other_language"}
    )
    assert set(guidance.advice) == topics
    assert set(guidance.bands) == {"high", "medium", "low"}
    for wording in (*guidance.advice.values(), *guidance.bands.values(), *guidance.notices):
        assert wording["ko"].strip()
        assert wording["en"].isascii()


def test_nothing_calls_itself_a_diagnosis() -> None:
    guidance = load_guidance()
    for wording in (*guidance.advice.values(), *guidance.bands.values()):
        assert "진단" not in wording["ko"]
        assert "%" not in wording["ko"]


@pytest.mark.parametrize(
    ("text", "missing"),
    [("아파요", 3), ("배가 아파요", 2), ("어제부터 배가 아파요", 1), ("어제부터 배가 너무 아파요", 0)],
)
def test_only_what_is_missing_is_asked_for(text: str, missing: int) -> None:
    assert len(load_guidance().missing_details(text, "ko")) == missing


def test_a_missing_part_is_named() -> None:
    with pytest.raises(CatalogError, match="advice"):
        parse_guidance({"add": [], "bands": {}})
