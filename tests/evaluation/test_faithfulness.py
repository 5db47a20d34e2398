"""Taking out the words of an explanation: on texts by hand, on an engine that adds up, on the tiny model."""

import json

import numpy as np
import pytest

from carepick.errors import DataError
from carepick.evaluation.asking import open_predictor
from carepick.evaluation.evaluate import Request, evaluate
from carepick.evaluation.faithfulness import study, without, word_weights
from carepick.records import Evidence, Span

TEXTS = [
    "어제부터 머리가 아프고 열이 나요 기침도 조금 해요",
    "무릎이 붓고 계단을 내려갈 때 많이 아파요",
    "눈이 빨갛고 눈곱이 자꾸 끼고 간지러워요",
    "밥을 먹고 나면 속이 쓰리고 더부룩해요",
]
NAMES = [
    f"{task}_{name}"
    for task in ("disease", "department")
    for name in ("drop_top", "drop_random", "drop_least", "top_over_random", "top_over_least")
]


@pytest.fixture
def write(tmp_path):
    def lines(*texts):
        path = tmp_path / "texts.jsonl"
        path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
        return path

    return lines


@pytest.fixture(scope="module")
def predictor():
    predictor = open_predictor("deterministic")
    yield predictor
    predictor.close()


def test_words_are_taken_out_whole():
    text = "  머리가 아프고\n열이 나요"
    assert without(text, []) == "머리가 아프고 열이 나요"
    assert without(text, [(6, 9), (13, 15)]) == "머리가 열이"
    assert without("a b", [(0, 1), (2, 3)]) == ""


def test_words_get_the_weights_of_the_explanation_and_0_without():
    evidence = (Evidence(Span(4, 7), -0.5), Evidence(Span(0, 3), 2.0))
    assert word_weights("머리가 아프고 열", evidence) == [((0, 3), 2.0), ((4, 7), -0.5), ((8, 9), 0.0)]


def test_an_engine_that_adds_up_is_explained_faithfully(predictor, write):
    """Its score is the sum of its characters: what is taken out moves it as the explanation says."""
    found = study(predictor, write(*TEXTS * 5), 0, 13)
    assert list(found.figures) == NAMES
    assert found.rows == 20
    assert found.tables["explained"].rows == (("disease", 20), ("department", 20))
    for task in ("disease", "department"):
        top, drawn, least = (found.figures[f"{task}_drop_{name}"] for name in ("top", "random", "least"))
        assert top.low > max(drawn.high, least.high)
        assert found.figures[f"{task}_top_over_random"].value > 0.9


def test_an_explanation_of_other_words_is_not_faithful(predictor, write):
    """The same model with explanations turned round: the words that spoke against are named as those that spoke for."""
    composed = predictor.diagnose

    class Contrary:
        predict_many = predictor.predict_many

        def diagnose(self, *arguments, **options):
            diagnosis = composed(*arguments, **options)
            for explained in (*diagnosis.departments, *diagnosis.diseases):
                turned = tuple(Evidence(item.span, -item.weight) for item in explained.evidence)
                object.__setattr__(explained, "evidence", turned)
            return diagnosis

    found = study(Contrary(), write(*TEXTS), 0, 13)
    assert found.figures["department_top_over_random"].value < 0.5
    assert found.figures["department_drop_top"].value < found.figures["department_drop_random"].value


def test_the_same_seed_gives_the_same_figures_and_a_sample_is_a_part(predictor, write):
    path = write(*TEXTS)
    assert study(predictor, path, 0, 13) == study(predictor, path, 0, 13)
    assert study(predictor, path, 2, 13).rows == 2


def test_texts_that_cannot_be_studied_are_named_or_left_out(predictor, write):
    assert study(predictor, write("너무 짧은 글", TEXTS[0]), 0, 13).tables["explained"].rows[0] == ("disease", 1)
    with pytest.raises(DataError, match="four words"):
        study(predictor, write("너무 짧은 글"), 0, 13)
    with pytest.raises(DataError, match=r"row 2 cannot be asked") as caught:
        study(predictor, write(TEXTS[0], "비밀 " * 5000), 0, 13)
    assert "비밀" not in str(caught.value)


def test_the_tiny_model_is_measured_by_the_command_s_way(make_bundle, write):
    predictor = open_predictor(str(make_bundle()))
    try:
        found = evaluate(predictor, Request(write(*TEXTS), kind="faithfulness")).document
    finally:
        predictor.close()
    assert found["kind"] == "faithfulness"
    for figure in found["figures"].values():
        assert -1 <= figure["low"] <= figure["value"] <= figure["high"] <= 1
        assert np.isfinite(figure["value"])
