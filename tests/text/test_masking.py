import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from carepick.text.masking import NameMasker

NAMES = ["역류성 식도염", "식도염", "A형 간염", "IBS", "과민성대장증후군", "치핵(치질)"]
MASKER = NameMasker(NAMES)


def test_names_are_masked_however_they_are_spaced_and_cased() -> None:
    text = "역류성식도염과 역류성  식도염, a형간염, ibs, 과민성 대장 증후군이래요"
    assert MASKER.mask(text) == ("[MASK]과 [MASK], [MASK], [MASK], [MASK]이래요", 5)


def test_the_longest_name_wins() -> None:
    assert MASKER.mask("역류성 식도염과 식도염")[0] == "[MASK]과 [MASK]"


def test_latin_names_stand_alone_and_signs_are_literal() -> None:
    assert MASKER.mask("IBSX와 LIBS는 아니고 IBS는 맞아요") == ("IBSX와 LIBS는 아니고 [MASK]는 맞아요", 1)
    assert MASKER.mask("치핵(치질)이요") == ("[MASK]이요", 1)


def test_decomposed_hangul_is_masked_too() -> None:
    assert MASKER.mask(unicodedata.normalize("NFD", "식도염 같아요")) == ("[MASK] 같아요", 1)


def test_another_mask_may_hold_signs_of_patterns() -> None:
    assert NameMasker(["감기"], r"\1").mask("감기약") == (r"\1약", 1)
    assert NameMasker([]).mask("감기약") == ("감기약", 0)


@given(st.text(alphabet="역류성식도염 IBSibs()", max_size=40))
def test_nothing_is_left_to_mask(text: str) -> None:
    masked, _ = MASKER.mask(text)
    assert MASKER.mask(masked)[1] == 0
