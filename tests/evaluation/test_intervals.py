import numpy as np
import pytest

from carepick.evaluation.intervals import bootstrap, interval, mcnemar, wilson


def test_wilson_against_published_values():
    # Newcombe 1998, table I, method 3: 81/263 and 0/20.
    assert (wilson(81, 263).low, wilson(81, 263).high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert (wilson(0, 20).low, wilson(0, 20).high) == pytest.approx((0, 0.1611), abs=5e-5)
    assert wilson(0, 0).as_json() == {"value": 0, "low": 0, "high": 1}


def test_mcnemar_is_the_exact_binomial_test():
    first = np.array([True] * 10 + [False] * 2 + [True] * 50)
    second = np.array([False] * 10 + [True] * 2 + [True] * 50)
    assert mcnemar(first, second) == pytest.approx(2 * (1 + 12 + 66) / 2**12)
    assert mcnemar(first, first) == 1
    assert mcnemar(first, second) == mcnemar(second, first)


def test_bootstrap_is_seeded_and_keeps_the_number_of_rows():
    totals = bootstrap(lambda weights: np.array([weights.sum()]), 30, 5, seed=1)
    assert totals.tolist() == [[30]] * 5
    strata = np.arange(30) < 3
    halves = bootstrap(lambda weights: np.array([weights[:3].sum(), weights[3:].sum()]), 30, 5, 1, strata)
    assert halves.tolist() == [[3, 27]] * 5
    values = np.arange(30)

    def mean(weights):
        return np.array([(weights * values).mean()])

    assert (bootstrap(mean, 30, 20, seed=1) == bootstrap(mean, 30, 20, seed=1)).all()
    assert (bootstrap(mean, 30, 20, seed=1) != bootstrap(mean, 30, 20, seed=2)).any()


def test_the_interval_of_a_mean_has_the_known_width():
    values = np.random.default_rng(0).normal(size=400)
    samples = bootstrap(lambda weights: np.array([weights @ values / 400]), 400, 2000, seed=0)[:, 0]
    figure = interval(float(values.mean()), samples)
    half = 1.96 * values.std() / 20
    assert figure.low == pytest.approx(values.mean() - half, abs=0.01)
    assert figure.high == pytest.approx(values.mean() + half, abs=0.01)


def test_the_interval_holds_the_value_even_when_all_resamples_lie_above():
    figure = interval(0.01, np.linspace(0.02, 0.05, 100))
    assert figure.low == 0.01
    assert 0.01 < figure.high <= 0.05
