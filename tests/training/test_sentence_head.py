"""The head that judges the sentences of a long story one by one."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("sklearn")

from carepick.engine.sentences import SentenceHead
from carepick.training.gatekeepers import LABELS
from carepick.training.linear import LinearSettings, TaskTexts, choose_ngrams
from carepick.training.sentence_head import SentenceHeadSettings, _pieces_within, fit_sentence_head

pytestmark = pytest.mark.train

ALARM = "벌에 쏘이고 숨이 차요"
QUESTION = "무릎이 시큰거려요 {}번째예요. 계단을 내려갈 때 그래요. 정형외과로 가면 될까요?"


def _rows() -> pd.DataFrame:
    long_story = f"무릎이 시큰거려요. {ALARM}. " * 6  # too long: what of it alarms is not said
    return pd.DataFrame(
        [
            *((f"{ALARM} {number}", "triage", "urgent") for number in range(12)),
            (long_story, "triage", "crisis"),
            *((f"{label} {which}", "triage", label) for label in ("crisis", "danger") for which in ("하나", "둘")),
            *((QUESTION.format(number), "ordinary", None) for number in range(12)),
        ],
        columns=["text", "purpose", "label"],
    ).assign(source="board")


@pytest.mark.parametrize("questions", [[], [QUESTION.format(number) for number in range(20, 26)]])
def test_hears_in_one_sentence_what_it_learnt_from_such(questions: list[str]) -> None:
    rows = _rows()
    texts, targets = rows.text.tolist(), (rows.purpose == "ordinary").to_numpy(np.int64)
    tasks = {"department": TaskTexts(texts, texts, targets, np.ones(len(texts)))}
    table = choose_ngrams(tasks, LinearSettings(least_texts=2, rows=200))
    fitted = fit_sentence_head(rows, questions, table, SentenceHeadSettings())
    assert fitted.deep.shape == (0, 4)
    head = SentenceHead(table, LABELS["triage"], np.vstack([fitted.bias, fitted.wide]))
    text = f"계단을 내려갈 때 그래요. {ALARM}"
    calm_one, urgent_one = head.probabilities(text, [(0, 14), (15, len(text))])
    assert calm_one.argmax() == LABELS["triage"].index("none")
    assert urgent_one.argmax() == LABELS["triage"].index("urgent")


def test_a_sentence_pieces_within_a_story_is_found_again_in_the_pieces_of_it() -> None:
    rng = random.Random(1)
    found = [piece for _ in range(40) for piece in _pieces_within(QUESTION.format(3), ALARM, rng)]
    assert len(found) >= 40
    assert all(len(set(piece.split()) & set(ALARM.split())) >= 2 for piece in found)
    assert len(set(found)) > 1  # at more than one place, so with more than one neighbour
