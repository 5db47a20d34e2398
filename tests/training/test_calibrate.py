"""Scores are corrected where labels are noisy, and left alone where there is nothing to fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from carepick.engine.ngrams import NgramTable
from carepick.engine.scores import correct_top
from carepick.evaluation.calibration import softmax
from carepick.evaluation.metrics import expected_calibration_error

pytestmark = pytest.mark.train


def noisy_rows(seed: int):
    """Returns probabilities that are right but for a fifth of the labels, which are another class."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(4000, 6)) * 4
    probabilities = softmax(logits)
    truth = (probabilities.cumsum(1) > rng.random(4000)[:, None]).argmax(1)
    wrong = rng.random(4000) < 0.2
    return probabilities, np.where(wrong, rng.integers(0, 6, 4000), truth)


def test_the_best_answer_is_corrected_where_labels_are_noisy():
    from carepick.training.calibrate import fit_top

    slope, offset = fit_top(*noisy_rows(1))
    probabilities, targets = noisy_rows(2)
    corrected = correct_top(probabilities, slope, offset)
    before, after = (expected_calibration_error(scores, targets) for scores in (probabilities, corrected))
    assert before > 0.1
    assert after < 0.6 * before


def test_nothing_to_fit_changes_nothing():
    from carepick.training.calibrate import fit_top

    assert fit_top(np.array([[0.9, 0.1]] * 5), np.zeros(5, int)) == (1.0, 0.0)


def test_answers_as_sure_as_float32_can_say_are_fitted_as_well():
    from carepick.training.calibrate import fit_top

    sure = np.array([[1.0, 0.0]] * 8 + [[0.6, 0.4]] * 8, np.float32)
    slope, offset = fit_top(sure, np.array([0] * 8 + [0, 1] * 4))
    assert slope > 0
    assert np.isfinite(offset)


def asked_about(priors: np.ndarray, seed: int = 3):
    """Returns rows of diseases drawn by `priors`, and states that are their noisy logits, `priors` included."""
    rng = np.random.default_rng(seed)
    targets = rng.choice(len(priors), 3000, p=priors)
    logits = rng.normal(size=(3000, len(priors))) * 2 + 2 * np.eye(len(priors))[targets] + np.log(priors)
    rows = pd.DataFrame({"text": "가나다", "source": "board", "purpose": "disease"}, index=range(3000))
    return rows.assign(disease=[str(number) for number in targets]), logits.astype(np.float32)


def test_the_prior_is_taken_out_where_rare_classes_are_lost():
    from carepick.training.calibrate import CalibrationSettings, calibrate

    skewed, even = np.array([0.4, 0.3, 0.2, 0.06, 0.03, 0.01]), np.full(6, 1 / 6)
    table = NgramTable(np.arange(1, 9, dtype=np.uint32), 1, 2)
    branches, heads = {"disease": (np.zeros((8, 6)), np.zeros(6))}, {"disease": (np.eye(6), np.zeros(6))}
    power = {}
    for name, priors in (("skewed", skewed), ("even", even)):
        rows, states = asked_about(priors)
        labels = {"disease": [str(number) for number in range(6)]}
        result = calibrate(rows, states, table, branches, heads, labels, {"disease": priors}, {}, CalibrationSettings())
        power[name] = result["disease"]["blend"]["prior_power"]
    assert power["skewed"] > 0
    assert power["even"] == 0


def test_the_least_prior_power_near_the_best_is_taken_with_its_best_encoder_factor():
    from carepick.training.calibrate import _chosen

    powers = np.array([0.0, 0.0, 0.2, 0.2, 0.4, 0.4])
    goodness = np.array([0.730, 0.732, 0.739, 0.741, 0.7405, 0.7415])
    assert _chosen(powers, goodness, tolerance=0.003) == 3
    assert _chosen(powers, goodness, tolerance=0.0) == 5
    assert _chosen(powers, goodness, tolerance=0.1) == 1


def test_what_people_mostly_come_with_is_said_for_short_texts():
    from carepick.training.calibrate import CalibrationSettings, calibrate

    rows, states = asked_about(np.full(3, 1 / 3))
    table = NgramTable(np.arange(1, 9, dtype=np.uint32), 1, 2)
    branches, heads = {"disease": (np.zeros((8, 3)), np.zeros(3))}, {"disease": (np.eye(3), np.zeros(3))}
    result = calibrate(
        rows, states, table, branches, heads, {"disease": ["0", "1", "2"]}, {"disease": np.full(3, 1 / 3)},
        {"disease": {"0": 100.0, "1": 1.0}}, CalibrationSettings(short_power=0.5, short_letters=12),
    )["disease"]  # fmt: skip
    assert result["short_letters"] == 12
    assert result["short_bias"] == {"0": pytest.approx(np.log(10) / 2), "1": pytest.approx(-np.log(10) / 2), "2": 0}


def test_priors_are_shares_of_the_weights_in_the_train_split():
    from carepick.training.corpus import training_priors

    corpus = pd.DataFrame(
        {
            "split": ["train", "train", "train", "tune"],
            "disease": ["a", "a", "b", "c"],
            "disease_weight": [1.0, 2.0, 0.5, 9.0],
        }
    )
    found = training_priors(corpus, {"disease": ["a", "b", "c"]})["disease"]
    np.testing.assert_allclose(found, np.array([4.0, 1.5, 1.0]) / 6.5)
