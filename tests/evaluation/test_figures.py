from dataclasses import replace

import numpy as np
import pytest

from carepick.evaluation import metrics
from carepick.evaluation.figures import NAMES, headline, row_figures
from carepick.evaluation.intervals import wilson


def test_figures_agree_with_the_metrics(random_outcomes):
    outcomes = random_outcomes[0]
    scores, targets = outcomes.scores, outcomes.targets
    found = {name: figure.value for name, figure in headline(outcomes, seed=0, repeats=20).items()}
    sets = metrics.set_figures(outcomes.members, targets)
    expected = {
        **{f"top{k}": metrics.top_k_accuracy(scores, targets, k) for k in (1, 3, 5)},
        **{f"macro_top{k}": metrics.macro_top_k(scores, targets, k) for k in (1, 3)},
        "macro_f1": metrics.macro_f1(scores, targets),
        "mrr": metrics.mean_reciprocal_rank(scores, targets),
        "ece": metrics.expected_calibration_error(scores, targets),
        "set_coverage": sets.coverage,
        "set_size": sets.size,
        "set_coverage_least_class": sets.class_coverage.min(),
        "set_coverage_median_class": np.median(sets.class_coverage),
        "label_noise": metrics.suspect_labels(scores, targets).mean(),
        "alarms": 0.0,
    }
    assert found == pytest.approx(expected)
    assert tuple(found) == (*NAMES, "alarms")


def test_weights_stand_for_repeated_rows(random_outcomes):
    outcomes = random_outcomes[0]
    weights = np.random.default_rng(1).integers(0, 3, len(outcomes.targets))
    repeated = outcomes.take(np.repeat(np.arange(len(weights)), weights).tolist())
    ones = np.ones(len(repeated.targets))
    # All but the last: which labels are suspected is found once, on all rows.
    assert row_figures(outcomes).figures(weights)[:-1] == pytest.approx(row_figures(repeated).figures(ones)[:-1])


def test_intervals_are_seeded_and_hold_the_figure(random_outcomes):
    first, again, other = (headline(random_outcomes[0], seed, repeats=200) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    for figure in first.values():
        assert figure.low <= figure.value <= figure.high
    top1 = first["top1"]
    half = 1.96 * np.sqrt(top1.value * (1 - top1.value) / 400)
    assert top1.high - top1.low == pytest.approx(2 * half, rel=0.25)


def test_models_without_sets_have_no_figures_of_sets(make_outcomes):
    outcomes = make_outcomes([[0.7, 0.1, 0.1, 0.1]] * 3, [0, 0, 1], threshold=2)
    assert not [name for name in headline(outcomes, 0, 10) if name.startswith("set_")]


def test_class_coverage_leaves_out_rare_classes(make_outcomes):
    def covered(rows, held):  # of `rows` rows of a class, sets hold `held`
        return [[1, 0, 0, 0]] * held + [[0, 0, 0, 1]] * (rows - held)

    scores = [*covered(20, 20), *np.roll(covered(20, 15), 1, axis=1), *np.roll(covered(19, 1), 2, axis=1)]
    found = headline(make_outcomes(scores, [0] * 20 + [1] * 20 + [2] * 19), 0, 10)
    assert found["set_coverage_least_class"].value == 0.75
    assert found["set_coverage_median_class"].value == 0.875
    assert found["set_coverage_least_class"].low < 0.75 < found["set_coverage_least_class"].high
    rare = headline(make_outcomes(scores[40:], [2] * 19), 0, 10)
    assert "set_coverage" in rare
    assert "set_coverage_least_class" not in rare


def test_alarms_of_every_level_are_counted(make_outcomes):
    outcomes = make_outcomes([[0.7, 0.1, 0.1, 0.1]] * 4, [0] * 4)
    alarms = headline(replace(outcomes, alarms=("none", "emergency", "er", "none")), 0, 10)["alarms"]
    assert alarms == wilson(2, 4)
