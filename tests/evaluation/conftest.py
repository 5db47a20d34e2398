from __future__ import annotations

import numpy as np
import pytest

from carepick.engine.manifest import Label
from carepick.evaluation.data import LabelledRows
from carepick.evaluation.outcomes import Outcomes
from carepick.records import Confidence

NAMES = ("내과", "치과", "치주과", "안과")
SECRET = "이름을 밝히지 말아 주세요"


def _outcomes(scores, targets, names=NAMES, threshold=0.25, groups=None):
    """Outcomes whose sets hold every label that scores at least `threshold`; every text is the same marker."""
    scores, targets = np.array(scores, float), np.array(targets)
    confidence = tuple(Confidence.HIGH if top > 0.5 else Confidence.LOW for top in scores.max(1))
    labels = tuple(Label(f"id-{name}", name) for name in names)
    rows = LabelledRows((SECRET,) * len(targets), targets, groups or {"length": ("1-20",) * len(targets)}, 0)
    return Outcomes(labels, rows, scores, scores >= threshold, confidence, ("none",) * len(targets), {})


@pytest.fixture(scope="session")
def make_outcomes():
    return _outcomes


@pytest.fixture(scope="session")
def secret():
    """What must never be shown: the text of every row of `make_outcomes`."""
    return SECRET


@pytest.fixture(scope="session")
def random_outcomes():
    """Two models on the same 400 rows; the second is right more often."""
    random = np.random.default_rng(5)
    targets = random.integers(0, 4, 400)
    groups = {"length": tuple(random.choice(["1-20", "21-50"], 400)), "source": tuple(random.choice(["kin", ""], 400))}

    def model(strength):
        logits = random.normal(size=(400, 4))
        logits[np.arange(400), targets] += strength
        scores = np.exp(logits)
        return _outcomes(scores / scores.sum(1, keepdims=True), targets, groups=groups)

    return model(1.0), model(2.0)
