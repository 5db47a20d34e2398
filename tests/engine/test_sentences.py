"""The sentence head is a softmax over n-grams, sentence by sentence."""

from __future__ import annotations

import numpy as np

from carepick.engine.ngrams import NgramTable, ngram_hashes
from carepick.engine.sentences import SentenceHead


def test_each_sentence_is_read_as_a_text_of_its_own() -> None:
    text = "어제 넘어졌어요. 머리가 아프고 머리가 멍해요! 어지러워요 ~"
    sentences = [(0, 9), (10, 27), (28, len(text))]
    rng = np.random.default_rng(3)
    hashes = np.unique(ngram_hashes(text, 1, 3))[::2]
    weight = rng.normal(size=(len(hashes) + 1, 4)).astype(np.float16)
    head = SentenceHead(NgramTable(hashes, 1, 3), ("none", "urgent", "crisis", "danger"), weight)
    found = head.probabilities(text, sentences)
    assert found.shape == (3, 4)
    for (start, end), likely in zip(sentences, found, strict=True):
        rows, values = head.table.encode(text[start:end])
        logits = values @ weight[rows].astype(np.float64) + weight[0]
        assert np.allclose(likely, np.exp(logits) / np.exp(logits).sum(), atol=1e-5)


def test_without_known_ngrams_only_the_biases_speak() -> None:
    weight = np.array([[0, 0], [9, 0]], np.float16)
    head = SentenceHead(NgramTable(np.array([5], np.uint32), 1, 1), ("calm", "urgent"), weight)
    assert head.probabilities("가. 나.", [(0, 2), (3, 5)]).tolist() == [[0.5, 0.5], [0.5, 0.5]]
