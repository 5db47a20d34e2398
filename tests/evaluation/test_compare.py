from dataclasses import replace

import pytest

from carepick.errors import DataError
from carepick.evaluation.compare import compare, verdict


def test_the_better_model_is_named_with_how_surely(random_outcomes):
    found = compare(*random_outcomes, metric="top1", seed=2, repeats=300)
    assert found["second_better"]
    assert not found["first_better"]
    figure = found["figures"]["top1"]
    assert figure["difference"]["value"] == pytest.approx(figure["second"] - figure["first"], abs=2e-6)
    assert figure["difference"]["low"] > 0
    assert figure["surely"] == 1
    assert found["disagreement"]["mcnemar_p"] < 1e-4
    sentence = verdict(found, "A", "B")
    assert sentence.startswith("B is better than A on 400 rows: top1 ")
    assert "better in 100.0 % of resamples; on first answers McNemar's p is below 0.0001." in sentence


def test_order_does_not_matter(random_outcomes):
    forward = compare(*random_outcomes, metric="macro_f1", seed=2, repeats=100)
    backward = compare(*random_outcomes[::-1], metric="macro_f1", seed=2, repeats=100)
    assert backward["first_better"] == forward["second_better"]
    assert verdict(forward, "A", "B") == verdict(backward, "B", "A")
    assert backward["disagreement"]["only_first_right"] == forward["disagreement"]["only_second_right"]


def test_a_model_is_no_better_than_itself(random_outcomes):
    found = compare(random_outcomes[0], random_outcomes[0], metric="top1", seed=1, repeats=50)
    assert not found["first_better"]
    assert not found["second_better"]
    assert found["figures"]["top1"]["surely"] == 0.5
    assert found["disagreement"]["same_answer"]["value"] == 1
    assert found["disagreement"]["mcnemar_p"] == 1
    assert verdict(found, "A", "A").startswith("No difference can be told on 400 rows")


def test_different_rows_are_not_compared(random_outcomes, make_outcomes):
    other = make_outcomes([[0.7, 0.1, 0.1, 0.1]], [0])
    with pytest.raises(DataError, match="different rows"):
        compare(random_outcomes[0], other, metric="top1", seed=1)


def test_figures_of_sets_are_left_out_where_a_model_has_none(random_outcomes):
    with_sets, without = random_outcomes[0], replace(random_outcomes[1], members=random_outcomes[1].members & False)
    assert "set_size" in compare(with_sets, with_sets, metric="top1", seed=1, repeats=5)["figures"]
    for pair in ((with_sets, without), (without, with_sets), (without, without)):
        figures = compare(*pair, metric="top1", seed=1, repeats=5)["figures"]
        assert not [name for name in figures if name.startswith("set_")]
        assert {"top1", "ece", "label_noise"} <= figures.keys()
