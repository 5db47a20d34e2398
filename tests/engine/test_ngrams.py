"""Character n-grams: the same hashes for ever, white space and case left out, and where each of them stands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carepick.engine.ngrams import NgramTable, ngram_hashes

TEXTS = st.text(alphabet=st.sampled_from("가나다 아파요Aa1\n\ud800"), max_size=20)


def test_hashes_never_change() -> None:
    """Bundles hold these numbers: another value would make every trained n-gram unknown."""
    assert ngram_hashes("가a", 1, 2).tolist() == [806471195, 4076400103, 432698296]


@given(TEXTS)
def test_hashes_are_those_worked_out_one_by_one(text: str) -> None:
    """Letters, and words between spaces, as polynomials of code points, spread by splitmix64."""

    def mixed(letters: str, salt: int) -> int:
        value = 0
        for letter in letters:
            value = (value * 0x100000001B3 + ord(letter)) % 2**64
        value = (value + salt) % 2**64
        value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        value = (value ^ value >> 27) * 0x94D049BB133111EB % 2**64
        return value >> 32

    words = text.lower().split()
    letters = "".join(words)
    inner = [letters[start : start + size] for size in (1, 2, 3) for start in range(len(letters) - size + 1)]
    whole = [f" {word} " for word in words if len(word) <= 8]
    edges = [
        edge
        for word in words
        for size in range(1, min(3, len(word)) + 1)
        for edge in (f" {word[:size]}", f"{word[-size:]} ")
    ]
    expected = [mixed(part, len(part)) for part in inner] + [mixed(part, 0) for part in whole + edges]
    assert sorted(ngram_hashes(text, 1, 3, True).tolist()) == sorted(expected)


def test_every_ngram_once_for_each_place() -> None:
    hashes = ngram_hashes("가나가나", 1, 3)
    assert len(hashes) == 4 + 3 + 2
    assert len(set(hashes.tolist())) == 2 + 2 + 2
    assert hashes[0] == hashes[2]


@given(TEXTS)
def test_white_space_and_case_are_left_out(text: str) -> None:
    np.testing.assert_array_equal(ngram_hashes(text, 1, 4), ngram_hashes("".join(text.split()).upper(), 1, 4))


@given(TEXTS, st.integers(1, 3), st.integers(0, 3))
def test_lengths_are_those_asked_for(text: str, shortest: int, more: int) -> None:
    letters = len("".join(text.split()))
    longest = shortest + more
    expected = sum(max(0, letters - length + 1) for length in range(shortest, longest + 1))
    assert len(ngram_hashes(text, shortest, longest)) == expected


def test_lengths_do_not_collide() -> None:
    """One n-gram is no other's prefix: the hash tells lengths apart, also for the code point 0."""
    assert len(set(ngram_hashes("\0\0\0\0", 1, 4).tolist())) == 4


def test_edges_tell_words_from_parts_of_words() -> None:
    def edges(text: str) -> set[int]:
        return set(ngram_hashes(text, 1, 3, True).tolist()) - set(ngram_hashes(text, 1, 3).tolist())

    assert len(edges("이")) == 3  # begins with it, ends with it, is it
    assert len(edges("머리가")) == 3 + 3 + 1
    assert edges("이 아파") & edges("이") == edges("이")
    assert edges("머리") != edges("머 리")
    assert not edges("배이아파") & {*edges("이")}
    assert len(edges("가나다라마바사아자")) == 3 + 3  # too long to be read as a whole


def test_edge_hashes_never_change() -> None:
    assert ngram_hashes("가", 1, 1, True).tolist() == [806471195, 2266534978, 2371621445, 3167152100]


@pytest.fixture(scope="module")
def table() -> NgramTable:
    return NgramTable(np.unique(ngram_hashes("머리가 아파요", 1, 3)), 1, 3)


def test_rows_are_numbered_from_one_in_order_of_hash(table: NgramTable) -> None:
    rows, values = table.encode("머리가 아파요")
    assert rows.tolist() == list(range(1, len(table.hashes) + 1))
    assert rows.dtype == np.int64
    assert values.dtype == np.float32


def test_weights_have_length_one_and_grow_with_the_count(table: NgramTable) -> None:
    rows, values = table.encode("머머머리")
    assert float(np.linalg.norm(values)) == pytest.approx(1, abs=1e-6)
    weights = dict(zip(rows.tolist(), values.tolist(), strict=True))
    [once] = table.encode("리")[0].tolist()
    [thrice] = table.encode("머")[0].tolist()
    assert weights[thrice] / weights[once] == pytest.approx(1 + np.log(3), rel=1e-5)


def test_unknown_ngrams_are_left_out(table: NgramTable) -> None:
    for text in ("", "힣힣", "\U0001f600"):
        rows, values = table.encode(text)
        assert len(rows) == len(values) == 0


@given(text=TEXTS)
def test_locate_finds_what_encode_counts(text: str) -> None:
    table = NgramTable(np.unique(ngram_hashes("가나다 아파요", 1, 3)), 1, 3)
    rows, first, last = table.locate(text)
    assert set(rows.tolist()) == set(table.encode(text)[0].tolist())
    for row, start, end in zip(rows.tolist(), first.tolist(), last.tolist(), strict=True):
        length = len("".join(text[start : end + 1].split()))
        assert table.hashes[row - 1] == ngram_hashes(text[start : end + 1], length, length)[0]


@given(text=TEXTS)
def test_locate_finds_the_edges_of_words(text: str) -> None:
    table = NgramTable(np.unique(ngram_hashes("가나다 아파요", 1, 3, True)), 1, 3, True)
    rows, first, last = table.locate(text)
    assert set(rows.tolist()) == set(table.encode(text)[0].tolist())
    for row, start, end in zip(rows.tolist(), first.tolist(), last.tolist(), strict=True):
        assert table.hashes[row - 1] in ngram_hashes(text[start : end + 1], 1, 3, True)


@given(st.text(max_size=20))
def test_case_is_that_of_each_letter_alone(text: str) -> None:
    """The short way through a whole text says what the long way through its letters does."""
    letters = [character.lower()[0] for character in text if not character.isspace()]
    alone = [ngram_hashes(letter, 1, 1)[0] for letter in letters]
    assert ngram_hashes(text, 1, 1).tolist() == alone


@pytest.mark.parametrize("text", ["ΟΔΟΣ", "İstanbul", "Straße", "ǅ", "A\x1cB"])
def test_letters_with_a_case_of_their_own(text: str) -> None:
    test_case_is_that_of_each_letter_alone.hypothesis.inner_test(text)  # type: ignore[attr-defined]
