"""The words that spoke for an answer are those that did."""

from __future__ import annotations

import numpy as np
import pytest

from carepick.engine.base import Window
from carepick.engine.ngrams import NgramTable, ngram_hashes
from carepick.records import Evidence
from carepick.service.explanation import Places, explain
from carepick.text.normalize import normalize_with_spans

TEXT = normalize_with_spans("눈이  아파요 열은 없고")


def window(spans: list[tuple[int, int]], ngram_ids: list[int] | None = None) -> Window:
    ids = np.array(ngram_ids or [], np.int64)
    return Window(np.arange(len(spans)), np.array(spans, np.int64), ids, np.ones(len(ids), np.float32))


def explained(
    spans: list[tuple[int, int]], tokens: np.ndarray, probabilities: list[float], most: int = 6
) -> tuple[Evidence, ...]:
    places = Places(TEXT, [window(spans)], None)
    added = places.contributions({"d.tokens": tokens}, "d")
    return explain(TEXT, places.words, added, np.array(probabilities, np.float32), 0, 1.0, most)


def test_tokens_are_shared_out_among_their_characters() -> None:
    tokens = np.zeros((1, 3, 2), np.float32)
    tokens[0, 1] = [4, 0]
    places = Places(TEXT, [window([(0, 0), (0, 2), (0, 0)])], None)
    added = places.contributions({"d.tokens": tokens}, "d")
    assert added.by_character[:3, 0].tolist() == [2, 2, 0]
    assert added.by_character.sum() == pytest.approx(4)


def test_ngrams_are_shared_out_among_their_occurrences() -> None:
    table = NgramTable(np.unique(ngram_hashes("아파", 2, 2)), 2, 2)
    ngrams = np.array([[[6.0, 0.0]]], np.float32)
    outputs = {"d.tokens": np.zeros((1, 1, 2), np.float32), "d.ngrams": ngrams}
    added = Places(TEXT, [window([(0, 0)], [1])], table.locate(TEXT.text)).contributions(outputs, "d")
    place = TEXT.text.index("아파")
    assert added.by_character[place : place + 2, 0].tolist() == [3, 3]
    assert added.by_character.sum() == pytest.approx(6)


def test_words_are_named_in_the_text_as_typed_strongest_first() -> None:
    tokens = np.zeros((1, 3, 2), np.float32)
    tokens[0, 0], tokens[0, 1], tokens[0, 2] = [1, 0], [5, 0], [-2, 0]
    spans = [(0, 2), (3, 6), (7, 9)]
    found = explained(spans, tokens, [0.6, 0.4])
    typed = "눈이  아파요 열은 없고"
    assert [typed[item.span.start : item.span.end] for item in found] == ["아파요", "열은", "눈이"]
    assert [item.weight for item in found] == [5, -2, 1]


def test_what_speaks_for_all_labels_speaks_for_none() -> None:
    tokens = np.ones((1, 1, 3), np.float32)
    found = explained([(0, 2)], tokens, [0.5, 0.3, 0.2])
    assert all(abs(item.weight) < 1e-6 for item in found)


def test_words_of_equal_weight_once_rounded_are_named_in_reading_order() -> None:
    tokens = np.zeros((1, 3, 2), np.float32)
    tokens[0, :, 0] = 1.00001, 1.00004, 3
    spans = [(0, 2), (3, 6), (7, 9)]
    found = explained(spans, tokens, [0.6, 0.4], most=2)
    assert [(item.span.start, item.weight) for item in found] == [(8, 3), (0, 1)]


def test_what_overlaps_adds_up() -> None:
    tokens = np.zeros((1, 2, 2), np.float32)
    tokens[0, :, 0] = 4, 6
    places = Places(TEXT, [window([(0, 2), (0, 3)])], None)
    assert places.contributions({"d.tokens": tokens}, "d").by_character[:4, 0].tolist() == [4, 4, 2, 0]
