"""The words that spoke for an answer are those that did."""

from __future__ import annotations

import numpy as np
import pytest

from carepick.engine.base import Window
from carepick.engine.ngrams import NgramTable, ngram_hashes
from carepick.service.explanation import contributions, explain
from carepick.text.normalize import normalize_with_spans

TEXT = normalize_with_spans("눈이  아파요 열은 없고")


def window(spans: list[tuple[int, int]], ngram_ids: list[int] | None = None) -> Window:
    ids = np.array(ngram_ids or [], np.int64)
    return Window(np.arange(len(spans)), np.array(spans, np.int64), ids, np.ones(len(ids), np.float32))


def test_tokens_are_shared_out_among_their_characters() -> None:
    tokens = np.zeros((1, 3, 2), np.float32)
    tokens[0, 1] = [4, 0]
    added = contributions(TEXT, [window([(0, 0), (0, 2), (0, 0)])], {"d.tokens": tokens}, "d", None)
    assert added.by_character[:3, 0].tolist() == [2, 2, 0]
    assert added.by_character.sum() == pytest.approx(4)


def test_ngrams_are_shared_out_among_their_occurrences() -> None:
    table = NgramTable(np.unique(ngram_hashes("아파", 2, 2)), 2, 2)
    ngrams = np.array([[[6.0, 0.0]]], np.float32)
    outputs = {"d.tokens": np.zeros((1, 1, 2), np.float32), "d.ngrams": ngrams}
    added = contributions(TEXT, [window([(0, 0)], [1])], outputs, "d", table.locate(TEXT.text))
    place = TEXT.text.index("아파")
    assert added.by_character[place : place + 2, 0].tolist() == [3, 3]
    assert added.by_character.sum() == pytest.approx(6)


def test_words_are_named_in_the_text_as_typed_strongest_first() -> None:
    tokens = np.zeros((1, 3, 2), np.float32)
    tokens[0, 0], tokens[0, 1], tokens[0, 2] = [1, 0], [5, 0], [-2, 0]
    spans = [(0, 2), (3, 6), (7, 9)]
    added = contributions(TEXT, [window(spans)], {"d.tokens": tokens}, "d", None)
    found = explain(TEXT, added, np.array([0.6, 0.4], np.float32), 0, 1.0)
    typed = "눈이  아파요 열은 없고"
    assert [typed[item.span.start : item.span.end] for item in found] == ["아파요", "열은", "눈이"]
    assert [item.weight for item in found] == [5, -2, 1]


def test_what_speaks_for_all_labels_speaks_for_none() -> None:
    tokens = np.ones((1, 1, 3), np.float32)
    added = contributions(TEXT, [window([(0, 2)])], {"d.tokens": tokens}, "d", None)
    found = explain(TEXT, added, np.array([0.5, 0.3, 0.2], np.float32), 0, 1.0)
    assert all(abs(item.weight) < 1e-6 for item in found)
