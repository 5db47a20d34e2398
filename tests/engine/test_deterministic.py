"""The engine without a model answers the same for ever, and adds up as a real one does."""

from __future__ import annotations

import numpy as np
import pytest
from tests.conftest import head_labels

from carepick.engine.deterministic import DeterministicEngine


@pytest.fixture
def engine() -> DeterministicEngine:
    return DeterministicEngine({name: head_labels(name) for name in ("disease", "department")}, max_windows=3)


def test_every_engine_answers_alike(engine: DeterministicEngine) -> None:
    windows = engine.encode("배가 아파요").windows
    other = DeterministicEngine({"disease": head_labels("disease")}, 1)
    np.testing.assert_array_equal(
        engine.run(windows, ["disease"])["disease"], other.run(windows, ["disease"])["disease"]
    )


def test_other_texts_other_answers(engine: DeterministicEngine) -> None:
    windows = [engine.encode(text).windows[0] for text in ("배가 아파요", "눈이 아파요")]
    logits = engine.run(windows, ["disease", "department", "scope"])
    assert set(logits) == {"disease", "department"}
    assert logits["disease"].shape == (2, 7)
    assert not np.allclose(*logits["disease"])


def test_alone_as_in_a_batch_and_the_sum_of_its_tokens(engine: DeterministicEngine) -> None:
    windows = [engine.encode(text).windows[0] for text in ("배가 아파요", "눈")]
    results = engine.run(windows, ["disease", "disease.tokens"])
    np.testing.assert_allclose(results["disease.tokens"].sum(1), results["disease"], atol=1e-5)
    np.testing.assert_allclose(engine.run(windows[1:], ["disease"])["disease"][0], results["disease"][1], atol=1e-5)


@pytest.mark.parametrize(
    ("length", "windows", "truncated"), [(1, 1, False), (64, 1, False), (65, 2, False), (160, 3, False), (161, 3, True)]
)
def test_long_texts_are_windows(engine: DeterministicEngine, length: int, windows: int, truncated: bool) -> None:
    encoded = engine.encode("\ud800" * length)
    assert (len(encoded.windows), encoded.truncated) == (windows, truncated)
    assert int(encoded.windows[-1].token_spans.max()) == min(length, 160)
