"""Logits to scores: calibrated, masked, in a stable order."""

from __future__ import annotations

import numpy as np
import pytest

from carepick.engine.manifest import Head, Label
from carepick.service.ranking import Ranking, correct_top

LABELS = tuple(Label(id, id.upper()) for id in "abcd")


def test_scores_are_the_softmax_of_the_logits() -> None:
    scores = Ranking(Head(LABELS)).probabilities(np.log(np.array([1, 2, 3, 4], np.float32)))
    np.testing.assert_allclose(scores, [0.1, 0.2, 0.3, 0.4], rtol=1e-6)


def test_temperature_divides_the_logits() -> None:
    logits = np.array([0, 2, 4, 6], np.float32)
    np.testing.assert_allclose(
        Ranking(Head(LABELS, temperature=2)).probabilities(logits), Ranking(Head(LABELS)).probabilities(logits / 2)
    )


def test_excluded_labels_give_their_share_to_the_others_and_are_never_answered() -> None:
    ranking = Ranking(Head(LABELS, excluded_labels=("d",)))
    scores = ranking.probabilities(np.log(np.array([1, 2, 5, 1e6], np.float32)))
    np.testing.assert_allclose(scores, [0.125, 0.25, 0.625, 0], atol=1e-6)
    assert [label.id for label in ranking.rank(scores)] == ["c", "b", "a"]


def test_ranks_best_first_with_names_and_plain_floats() -> None:
    ranked = Ranking(Head(LABELS)).rank(np.array([0.1, 0.4, 0.2, 0.3]))
    assert [(label.id, label.name, label.score) for label in ranked[:2]] == [("b", "B", 0.4), ("d", "D", 0.3)]
    assert all(type(label.score) is float for label in ranked)


def test_equal_scores_keep_the_order_of_the_head() -> None:
    ranking = Ranking(Head(LABELS, excluded_labels=("a",)))
    assert [label.id for label in ranking.rank(np.zeros(4))] == ["b", "c", "d"]


@pytest.mark.parametrize("scale", [1e4, -1e4])
def test_enormous_logits_stay_numbers(scale: float) -> None:
    scores = Ranking(Head(LABELS)).probabilities(np.array([1, 2, 3, 4], np.float32) * np.float32(scale))
    assert np.isfinite(scores).all()
    assert scores.sum() == pytest.approx(1)


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
