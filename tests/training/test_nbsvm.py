"""NBSVM weighs an n-gram by how much it tells a class, and answers what it was taught."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.train

# Columns: only in texts of class 0, in half of each class, in no text at all.
HELD = np.array([[1.0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0]] * 10)
TARGETS = np.array([0, 0, 1, 1] * 10)


def test_what_tells_a_class_tells_it_more_than_what_all_have() -> None:
    from scipy import sparse

    from carepick.training.nbsvm import _telling

    told = _telling(sparse.csr_matrix(HELD), TARGETS, np.ones(40))
    inside, outside = (20 + 10 * 20 / 40) / 30, (0 + 10 * 20 / 40) / 30  # ten more texts of the usual mixture in each
    assert told[:, 0] == pytest.approx(np.log(inside / outside))
    assert told[:, 1] == pytest.approx(0)
    assert told[:, 2] == pytest.approx(0)


def test_a_text_tells_as_much_as_it_weighs() -> None:
    from scipy import sparse

    from carepick.training.nbsvm import _telling

    weights = np.where(TARGETS == 0, 2.0, 1.0)
    twice = np.repeat(np.arange(40), weights.astype(int))
    told = _telling(sparse.csr_matrix(HELD[twice]), TARGETS[twice], np.ones(60))
    assert np.allclose(_telling(sparse.csr_matrix(HELD), TARGETS, weights), told)


def test_the_weights_are_those_of_an_svm_on_scaled_texts() -> None:
    from scipy import sparse
    from sklearn.svm import LinearSVC

    from carepick.training.nbsvm import _telling, fit_nbsvm

    rng = np.random.default_rng(5)
    targets = rng.integers(0, 3, 90)
    features = sparse.csr_matrix(rng.random((90, 12)) * (rng.random((90, 12)) < 0.6) + np.eye(3, 12)[targets])
    svm = LinearSVC(C=0.5, tol=1e-6, random_state=0)
    weight, bias = fit_nbsvm(svm, features, targets, np.ones(90), np.ones(90))
    assert weight.shape == (3, 12)
    assert ((features @ weight.T + bias).argmax(1) == targets).mean() > 0.8
    scales = np.sqrt(_telling(features, targets, np.ones(90))[1] + 0.05)
    scaled = features.toarray() * scales
    scaled /= np.linalg.norm(scaled, axis=1).mean()
    alone = LinearSVC(C=0.5, tol=1e-6, random_state=0).fit(scaled, targets == 1)
    assert np.allclose(features @ weight[1] + bias[1], alone.decision_function(scaled), atol=1e-3)
