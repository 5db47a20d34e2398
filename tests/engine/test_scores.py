"""Correcting the best answer keeps the order and the sum of the scores."""

from __future__ import annotations

import numpy as np
import pytest

from carepick.engine.scores import correct_top, count_letters, shortness


def test_correcting_the_best_answer_keeps_order_and_sum():
    logits = np.random.default_rng(3).normal(size=(4000, 6)) * 4
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    for slope, offset in ((0.3, -2.0), (0.6, 0.0), (1.0, 0.0), (3.0, 1.0)):
        corrected = correct_top(probabilities, slope, offset)
        assert corrected.sum(1) == pytest.approx(1)
        assert (corrected.argmax(1) == probabilities.argmax(1)).all()
        order = np.argsort(-probabilities, 1, kind="stable")
        assert (np.diff(np.take_along_axis(corrected, order, 1)) <= 0).all()
    assert correct_top(probabilities, 1.0, 0.0) == pytest.approx(probabilities)


def test_a_sure_row_and_an_empty_class_stay_numbers():
    corrected = correct_top(np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]), 0.5, 0.1)
    assert np.isfinite(corrected).all()
    assert corrected.sum(1) == pytest.approx(1)


def test_a_text_is_the_shorter_the_fewer_letters_it_has():
    assert count_letters(" 머리가  아파요\n") == 6
    assert shortness(np.array([0, 5, 10, 99]), 10).tolist() == [1, 0.5, 0, 0]
    assert shortness(5, 0) == 0
