"""Logits to scores: calibrated, masked, in a stable order."""

from __future__ import annotations

import numpy as np
import pytest

from carepick.engine.manifest import Head, Label
from carepick.service.ranking import Ranking

LABELS = tuple(Label(id, id.upper()) for id in "abcd")


def test_scores_are_the_softmax_of_the_logits() -> None:
    scores = Ranking(Head(LABELS)).probabilities(np.log(np.array([1, 2, 3, 4], np.float32)), 9)
    np.testing.assert_allclose(scores, [0.1, 0.2, 0.3, 0.4], rtol=1e-6)


def test_temperature_divides_the_logits() -> None:
    logits = np.array([0, 2, 4, 6], np.float32)
    np.testing.assert_allclose(
        Ranking(Head(LABELS, temperature=2)).probabilities(logits, 9),
        Ranking(Head(LABELS)).probabilities(logits / 2, 9),
    )


def test_the_shorter_a_text_the_more_counts_what_is_common() -> None:
    ranking = Ranking(Head(LABELS, temperature=2, short_bias={"b": 1.0, "c": -1.0}, short_letters=20))
    logits = np.zeros(4, np.float32)
    half = ranking.probabilities(logits, 10)
    np.testing.assert_allclose(half / half[0], np.exp([0, 0.5, -0.5, 0]))
    empty = ranking.probabilities(logits, 0)
    np.testing.assert_allclose(empty / empty[0], np.exp([0, 1, -1, 0]))
    for letters in (20, 500):
        np.testing.assert_allclose(ranking.probabilities(logits, letters), 0.25)


def test_excluded_labels_give_their_share_to_the_others_and_are_never_answered() -> None:
    ranking = Ranking(Head(LABELS, excluded_labels=("d",)))
    scores = ranking.probabilities(np.log(np.array([1, 2, 5, 1e6], np.float32)), 9)
    np.testing.assert_allclose(scores, [0.125, 0.25, 0.625, 0], atol=1e-6)
    assert [label.id for label in ranking.rank(scores)] == ["c", "b", "a"]


def test_ranks_best_first_with_names_and_plain_floats() -> None:
    ranked = Ranking(Head(LABELS)).rank(np.array([0.1, 0.4, 0.2, 0.3]))
    assert [(label.id, label.name, label.score) for label in ranked[:2]] == [("b", "B", 0.4), ("d", "D", 0.3)]
    assert all(type(label.score) is float for label in ranked)


def test_equal_scores_keep_the_order_of_the_head() -> None:
    ranking = Ranking(Head(LABELS, excluded_labels=("a",)))
    assert [label.id for label in ranking.rank(np.zeros(4))] == ["b", "c", "d"]


def test_what_is_ranked_is_like_a_tuple() -> None:
    ranked = Ranking(Head(LABELS)).rank(np.array([0.1, 0.4, 0.2, 0.3]))
    labels = tuple(ranked)
    assert [label.id for label in labels] == ["b", "d", "c", "a"]
    assert (len(ranked), ranked[-1], ranked[1:3], ranked[9:]) == (4, labels[3], labels[1:3], ())
    assert ranked == labels == ranked
    assert ranked != labels[:3]
    assert hash(ranked) == hash(labels)
    assert repr(ranked) == repr(labels)
    with pytest.raises(IndexError):
        ranked[4]


@pytest.mark.parametrize("scale", [1e4, -1e4])
def test_enormous_logits_stay_numbers(scale: float) -> None:
    scores = Ranking(Head(LABELS)).probabilities(np.array([1, 2, 3, 4], np.float32) * np.float32(scale), 9)
    assert np.isfinite(scores).all()
    assert scores.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("thresholds", "expected"),
    [
        ({}, ()),
        ({"": 0.25}, ("c", "b")),
        ({"": 0.25, "b": 0.5}, ("c",)),
        ({"": 0.95}, ("c",)),
        ({"": 0.0}, ("c", "b", "a")),
    ],
)
def test_the_conformal_set_holds_what_reaches_its_threshold_best_first(
    thresholds: dict[str, float], expected: tuple[str, ...]
) -> None:
    ranking = Ranking(Head(LABELS, excluded_labels=("d",), conformal=thresholds))
    assert ranking.conformal_set(np.array([0.1, 0.3, 0.6, 0.0])) == expected
