"""One canonical form for what keyboards, phones and file systems write differently, and the way back to it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carepick.text.normalize import normalize, normalize_with_spans

# What people type and what goes wrong on the way, rather than all of Unicode alike.
KOREAN = st.text(
    st.one_of(
        st.sampled_from("머리가 아파요ㅠㅋㅎ.,!?~\n\t 123aB"),
        st.sampled_from(
            "\u1100\u1161\u11a8\u11ff\uffa1\uffc2\uffbe\u3131\u318d\u0301\ufe0f\u200b\u202e\x00\ud800😀①㎎ﬁ\u3000"
        ),
        st.characters(),
    ),
    max_size=40,
)


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("머리가 아파요", "머리가 아파요"),
        (unicodedata.normalize("NFD", "머리가 아파요"), "머리가 아파요"),  # file names and some keyboards of macOS
        (unicodedata.normalize("NFKD", "값"), "값"),
        ("\uffa1\uffc2\uffa1\uffa1\uffc2 \uffa1\uffc2\uffa3", "각가 갃"),  # half-width jamo
        ("\uffa1\uffc2\uffa8 \uffa1", "가ㄸ ㄱ"),  # no syllable ends in ㄸ
        ("  배가\t\n아파요  ", "배가 아파요"),
        ("배가\u3000아파요\u00a0", "배가 아파요"),
        ("ㅠㅠㅠㅠ", "ㅠㅠ"),
        ("너무우우우우", "너무우우"),
        ("열이 39999도", "열이 39999도"),  # digits are never shortened
        ("３９．５도", "39.5도"),
        ("ＡＢＣ ①㎎", "ABC 1mg"),
        ("배\u200b가 \u202e아\x00파요\ufeff", "배가 아파요"),
        ("배가\ud800 아파요", "배가 아파요"),
        ("ㄱㄴ ㅏ", "ㄱㄴ ㅏ"),
        ("\u1100 \u1161", "ㄱ ㅏ"),  # conjoining jamo alone are those of the keyboard
        ("", ""),
        (" \n\x00\u200b", ""),
        ("😀" * 10, "😀😀"),
    ],
)
def test_canonical_form(typed: str, canonical: str) -> None:
    assert normalize(typed) == canonical


@pytest.mark.parametrize("syllable", ["가", "각", "값", "뷁", "힣"])
def test_every_way_to_write_a_syllable_is_one(syllable: str) -> None:
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert normalize(unicodedata.normalize(form, syllable)) == syllable


@given(KOREAN)
def test_twice_is_once(text: str) -> None:
    assert normalize(normalize(text)) == normalize(text)


@given(st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), max_size=30))
def test_composed_and_decomposed_are_the_same(text: str) -> None:
    assert normalize(unicodedata.normalize("NFD", text)) == normalize(text)


@given(st.text(st.sampled_from("머리가 아파요.!~13aB"), max_size=12))
def test_what_is_plain_is_read_as_what_is_not(text: str) -> None:
    """A full-width letter at the end, which stands for itself in no short cut, changes nothing before it."""
    plain, other = normalize_with_spans(text + "z"), normalize_with_spans(text + "ｚ")
    assert plain == other


@given(KOREAN)
def test_nothing_that_cannot_be_printed_is_left(text: str) -> None:
    canonical = normalize(text)
    assert not {unicodedata.category(character) for character in canonical} & {"Cc", "Cf", "Cs", "Co", "Cn"}
    assert canonical == canonical.strip()
    assert "  " not in canonical


@given(KOREAN)
def test_spans_lead_back(text: str) -> None:
    normalized = normalize_with_spans(text)
    assert len(normalized.text) == len(normalized.starts) == len(normalized.ends)
    assert list(normalized.starts) == sorted(normalized.starts)
    for place, character in enumerate(normalized.text):
        start, end = normalized.span(place, place + 1)
        assert 0 <= start < end <= len(text)
        assert character in normalize(text[start:end]) or character == " "


def test_a_span_covers_what_was_typed() -> None:
    typed = "  \u200b배가\n\n" + unicodedata.normalize("NFD", "아파요") + "ㅠㅠㅠㅠ"
    normalized = normalize_with_spans(typed)
    start = normalized.text.index("아파요")
    first, last = normalized.span(start, start + 3)
    assert typed[first:last] == unicodedata.normalize("NFD", "아파요")


def test_ten_thousand_characters_take_no_time() -> None:
    """Marks without end, decomposed syllables and runs are read in one go, not in squares of their number."""
    for text in ("\u0301" * 10_000, unicodedata.normalize("NFD", "값") * 3_000, "가" * 10_000, "\uffa1\uffc2" * 5_000):
        assert len(normalize(text)) <= 10_000
