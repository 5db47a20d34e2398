"""Scores are corrected where labels are noisy, and left alone where there is nothing to fit."""

from __future__ import annotations

import numpy as np
import pytest

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
