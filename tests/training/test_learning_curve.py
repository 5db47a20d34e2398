"""The learning curve grows with the data, and its largest share is the whole of it."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.train


def test_more_texts_are_learnt_from_and_help() -> None:
    import pandas as pd

    from carepick.training.learning_curve import LearningCurveSettings, learning_curve
    from carepick.training.linear import LinearSettings, fit_branches

    rng = np.random.default_rng(4)
    departments = ["안과", "이비인후과", "피부과"]
    words = {name: [chr(0xAC00 + 500 * row + 7 * i) * 2 for i in range(40)] for row, name in enumerate(departments)}
    chosen = rng.choice(departments, 900)
    texts = [" ".join(rng.choice(words[name], 2)) for name in chosen]
    corpus = pd.DataFrame(
        {
            "text": texts, "named_text": texts, "department": chosen, "disease": chosen, "department_weight": 1.0,
            "disease_weight": 1.0, "source": "board", "split": ["train"] * 600 + ["valid"] * 300,
        }
    )  # fmt: skip
    linear = LinearSettings(least_texts=1, rows=2000)
    table, _ = fit_branches(corpus, linear)
    curve = learning_curve(corpus, table, linear, LearningCurveSettings(shares=(0.02, 1.0)))
    for points in curve.values():
        assert [point["texts"] for point in points] == [12, 600]
        assert points[1]["top1"] > points[0]["top1"]
        assert points[1]["top1"] > 0.95
