import numpy as np
import pytest

from carepick.evaluation.calibration import conformal_members, fit_conformal, fit_temperature, softmax
from carepick.evaluation.metrics import expected_calibration_error, set_figures


def draw(rows, classes, seed, sharpness=1.0):
    """Logits whose softmax at `sharpness` is the true distribution of the targets."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (rows, classes))
    odds = softmax(logits * sharpness).cumsum(1)
    targets = (random.random((rows, 1)) > odds[:, :-1]).sum(1)
    return logits, targets


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_is_found(temperature):
    logits, targets = draw(8000, 10, 3)
    assert fit_temperature(logits * temperature, targets) == pytest.approx(temperature, rel=0.08)


def test_temperature_is_the_least_of_the_likelihood():
    logits, targets = draw(500, 5, 4, sharpness=0.6)

    def loss(temperature):
        return -np.log(softmax(logits / temperature)[np.arange(500), targets]).mean()

    best = fit_temperature(logits, targets)
    assert loss(best) < min(loss(best * 1.02), loss(best / 1.02))


def test_temperature_repairs_calibration():
    logits, targets = draw(8000, 10, 5)
    before = expected_calibration_error(softmax(logits * 4), targets)
    after = expected_calibration_error(softmax(logits * 4 / fit_temperature(logits * 4, targets)), targets)
    assert before > 0.1
    assert after < 0.02


def test_a_perfect_model_has_a_finite_temperature():
    assert 0 < fit_temperature(np.eye(4) * 5, np.arange(4)) < 0.2


def test_excluded_classes_have_no_probability():
    assert softmax(np.array([[0.0, -np.inf, 0.0]])).tolist() == [[0.5, 0, 0.5]]
    logits, targets = draw(2000, 5, 9)
    masked = np.hstack([logits * 2, np.full((2000, 1), -np.inf)])
    assert fit_temperature(masked, targets) == pytest.approx(fit_temperature(logits * 2, targets))


def test_threshold_by_hand():
    # Nine rows, coverage 0.9: floor(10 * 0.1) = 1st smallest probability of the right class.
    own = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.45, 0.4, 0.35, 0.3])
    probabilities = np.stack([own, 1 - own], 1)
    targets = np.zeros(9, int)
    assert fit_conformal(probabilities, targets, ["a", "b"], 0.9, per_class=False) == {"": 0.3}
    # Eight rows are too few to promise 90 %: every label enters.
    assert fit_conformal(probabilities[:8], targets[:8], ["a", "b"], 0.9, per_class=False) == {"": 0.0}


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_sets_hold_the_right_class_as_often_as_promised(coverage):
    logits, targets = draw(12_000, 8, 6)
    labels = [str(column) for column in range(8)]
    fitted = fit_conformal(softmax(logits[:6000]), targets[:6000], labels, coverage, per_class=False)
    figures = set_figures(conformal_members(softmax(logits[6000:]), labels, fitted), targets[6000:])
    assert figures.coverage == pytest.approx(coverage, abs=0.02)
    assert figures.size < 8


def test_each_class_is_covered_when_fitted_per_class():
    logits, targets = draw(12_000, 4, 7)
    logits[:, 0] -= 1.5  # a class that the model underrates: the pooled threshold would miss it
    labels = ["rare", "b", "c", "d"]
    halves = slice(None, 6000), slice(6000, None)
    fitted = fit_conformal(softmax(logits[halves[0]]), targets[halves[0]], labels, 0.9, per_class=True)
    members = conformal_members(softmax(logits[halves[1]]), labels, fitted)
    assert set_figures(members, targets[halves[1]]).class_coverage == pytest.approx([0.9] * 4, abs=0.04)
    pooled = fit_conformal(softmax(logits[halves[0]]), targets[halves[0]], labels, 0.9, per_class=False)
    assert set_figures(conformal_members(softmax(logits), labels, pooled), targets).class_coverage[0] < 0.85


def test_classes_with_few_rows_take_the_pooled_threshold():
    logits, targets = draw(400, 3, 8)
    targets[targets == 2] = 0
    targets[:5] = 2
    fitted = fit_conformal(softmax(logits), targets, ["a", "b", "c"], 0.9, per_class=True)
    pooled = fit_conformal(softmax(logits), targets, ["a", "b", "c"], 0.9, per_class=False)
    assert fitted["c"] == pooled[""]
    assert fitted["a"] != pooled[""]
