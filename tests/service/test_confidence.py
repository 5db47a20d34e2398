"""When an answer is trusted, and when it is not given at all."""

from __future__ import annotations

import pytest

from carepick.records import Confidence
from carepick.service.confidence import DEFAULT_THRESHOLDS, band, in_another_language, readable


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (0.9, Confidence.HIGH),
        (0.7, Confidence.HIGH),
        (0.69, Confidence.MEDIUM),
        (0.4, Confidence.MEDIUM),
        (0.39, Confidence.LOW),
    ],
)
def test_bands(score: float, expected: Confidence) -> None:
    assert band(score, DEFAULT_THRESHOLDS) is expected


@pytest.mark.parametrize(
    "text", ["머리가 아파요", "배아파", "COVID 걸린 것 같아요 열나요", "CT 찍었는데 간에 혹이 있대요"]
)
def test_korean_is_readable(text: str) -> None:
    assert readable(text, 2)


@pytest.mark.parametrize("text", ["asdf", "ㅁㄴㅇㄹ", "I have a headache", "12345", "頭が痛い", "?!", "아"])
def test_what_is_not_korean_is_not(text: str) -> None:
    assert not readable(text, 2)


@pytest.mark.parametrize(
    "text", ["I have a headache", "頭が痛い", "요즘 완전 burnout 온 것 같고 motivation도 appetite도 zero"]
)
def test_another_language_is_told_from_korean(text: str) -> None:
    assert in_another_language(text)


@pytest.mark.parametrize(
    "text", ["ㅁㄴㅇㄹ", "12345", "MRI", "?!", "CT 찍었는데 간에 혹이 있대요", "COVID 걸린 것 같아요 열나요"]
)
def test_abbreviations_jamo_and_numbers_are_no_other_language(text: str) -> None:
    assert not in_another_language(text)
