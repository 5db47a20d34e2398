"""Names are masked however they are typed, and other words are left whole."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carepick.text.masking import NameMasker, mask_names

NAMES = ["역류성 식도염", "식도염", "A형 간염", "IBS", "과민성대장증후군", "치핵(치질)"]
MASKER = NameMasker(NAMES)


def test_names_are_masked_however_they_are_spaced_and_cased() -> None:
    text = "역류성식도염과 역류성  식도염, a형간염, ibs, 과민성 대장 증후군이래요"
    assert MASKER.mask(text) == ("[MASK]과 [MASK], [MASK], [MASK], [MASK]이래요", 5)


def test_the_longest_name_wins() -> None:
    assert MASKER.mask("역류성 식도염과 식도염")[0] == "[MASK]과 [MASK]"
    assert mask_names("당뇨병과 당뇨", ["당뇨", "당뇨병"]) == "[MASK]과 [MASK]"


def test_latin_names_stand_alone_and_signs_are_literal() -> None:
    assert MASKER.mask("IBSX와 LIBS는 아니고 IBS는 맞아요") == ("IBSX와 LIBS는 아니고 [MASK]는 맞아요", 1)
    assert MASKER.mask("치핵(치질)이요") == ("[MASK]이요", 1)


def test_decomposed_hangul_is_masked_too() -> None:
    assert MASKER.mask(unicodedata.normalize("NFD", "식도염 같아요")) == ("[MASK] 같아요", 1)
    assert mask_names("식도염 같아요", [unicodedata.normalize("NFD", "식도염")]) == "[MASK] 같아요"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("치매", "명치 매우 아파요"),
        ("무좀", "너무 좀 아파요"),
        ("부종", "다리 전부 종아리까지 저려요"),
        ("당뇨병", "당뇨 병원에 가요"),
        ("당뇨병", "당뇨 병동에 있어요"),
        ("과호흡", "흉통과 호흡곤란이 와요"),
        ("우울증", "우울 증상이 있어요"),
        ("우울증", "우울증상이 있어요"),
        ("관절염", "무릎 관절염증이래요"),
        ("요통", "아파요통증이 심해요"),
        ("성병", "여성병원에 갔어요"),
        ("불안증", "하지불안증후군인가요"),
        ("치질", "난치질환인가요"),
        ("간질", "목이 간질간질해요"),
        ("간질", "목이 간질거려요"),
    ],
)
def test_other_words_are_left_whole(name: str, text: str) -> None:
    assert NameMasker([name]).mask(text) == (text, 0)


@pytest.mark.parametrize(
    ("name", "text", "masked"),
    [
        ("우울증", "우울 증이래요", "[MASK]이래요"),
        ("위염", "급성위염증상인가요", "급성[MASK]증상인가요"),
        ("치질", "치질환자예요", "[MASK]환자예요"),
        ("간질", "간질을 앓아요", "[MASK]을 앓아요"),
        ("폐 암", "폐암수술과 폐 암수술", "[MASK]수술과 [MASK]수술"),
        ("당뇨병", "당뇨병, 당뇨 병", "[MASK], [MASK]"),
    ],
)
def test_names_beside_such_words_are_masked(name: str, text: str, masked: str) -> None:
    assert mask_names(text, [name]) == masked


def test_another_mask_may_hold_signs_of_patterns() -> None:
    assert NameMasker(["감기"], r"\1").mask("감기약") == (r"\1약", 1)
    assert NameMasker([]).mask("감기약") == ("감기약", 0)


@given(st.text(alphabet="역류성식도염IBSibs()", max_size=40))
def test_nothing_is_left_to_mask(text: str) -> None:
    masked, _ = MASKER.mask(text)
    assert MASKER.mask(masked)[1] == 0


@given(st.text(max_size=10), st.text(max_size=10))
def test_what_stands_around_a_name_is_kept(before: str, after: str) -> None:
    before, after = (unicodedata.normalize("NFC", part) for part in (before, after))
    assert MASKER.mask(f"{before}. 식도염. {after}") == (f"{before}. [MASK]. {after}", 1)
