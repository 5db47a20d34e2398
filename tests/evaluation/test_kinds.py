"""The judgement of each kind of evaluation set, on answers written out by hand."""

import pytest

from carepick.evaluation.behaviour import passes
from carepick.evaluation.scope import doubt
from carepick.evaluation.triage import heard
from carepick.evaluation.vignettes import best_rank
from carepick.records import Confidence, Prediction, RaisedFlag, ScoredLabel, Task, TaskAnswer, Triage, TriageLevel


def answer(**scores):
    """The answer to one task, with the given scores by name; ids are the names with "id-" before them."""
    ordered = sorted(scores.items(), key=lambda item: -item[1])
    return TaskAnswer(tuple(ScoredLabel(f"id-{name}", name, score) for name, score in ordered), Confidence.LOW)


def prediction(departments, diseases=None, confidence=Confidence.LOW):
    tasks = {Task.DEPARTMENT: answer(**departments), Task.DISEASE: answer(**(diseases or {"감기": 1.0}))}
    return Prediction(tasks, confidence=confidence)


EYE = prediction({"안과": 0.6, "내과": 0.2, "외과": 0.15, "치과": 0.05}, {"결막염": 0.7, "감기": 0.3})
TOOTH = prediction({"치과": 0.5, "내과": 0.3, "외과": 0.15, "안과": 0.05}, {"결막염": 0.2, "감기": 0.8})
MIXED = prediction({"치과": 0.4, "안과": 0.3, "내과": 0.2, "외과": 0.1})


@pytest.mark.parametrize(
    ("expect", "text", "variant", "passed"),
    [
        ({"same_top1_department": True}, TOOTH, MIXED, True),
        ({"same_top1_department": True}, EYE, MIXED, False),
        ({"same_top3_contains_top1": True}, EYE, MIXED, True),
        ({"same_top3_contains_top1": True}, EYE, TOOTH, False),
        ({"department_in_top3": ["안과", "피부과"]}, TOOTH, MIXED, True),
        ({"department_in_top3": ["안과", "피부과"]}, MIXED, TOOTH, False),
        ({"department_in_top3": "id-안과"}, EYE, EYE, True),
        ({"disease_in_top3": ["결막염"]}, TOOTH, TOOTH, True),
        ({"disease_score_down": "결막염"}, EYE, TOOTH, True),
        ({"disease_score_down": "결막염"}, TOOTH, EYE, False),
        ({"disease_score_down": "결막염"}, EYE, EYE, False),
        ({"disease_score_up": "감기"}, EYE, TOOTH, True),
        ({"department_score_up": "치과"}, EYE, TOOTH, True),
        ({"department_score_down": "id-치과"}, EYE, TOOTH, False),
        ({"department_in_top3": ["안과"], "disease_in_top3": ["골절"]}, EYE, EYE, False),
    ],
)
def test_a_case_passes_when_every_expectation_holds(expect, text, variant, passed):
    assert passes(expect, text, variant) is passed


@pytest.mark.parametrize(
    ("expected", "level", "topic", "is_heard"),
    [
        ("emergency", "emergency", "", True),
        ("emergency", "er", "", True),
        ("er", "emergency", "", True),
        ("emergency", "crisis", "", False),
        ("emergency", "none", "", False),
        ("crisis", "crisis", "", True),
        ("crisis", "emergency", "", False),
        ("crisis", "emergency", "attempt", True),
        ("danger", "danger", "", True),
        ("danger", "er", "", True),
        ("danger", "crisis", "", False),
        ("none", "none", "", False),
        ("none", "danger", "", True),
    ],
)
def test_what_counts_as_heard(expected, level, topic, is_heard):
    assert heard(TriageLevel(expected), Triage(TriageLevel(level)), topic) is is_heard


def test_any_raised_flag_is_heard_not_only_the_most_urgent():
    flags = (RaisedFlag("a", TriageLevel.EMERGENCY), RaisedFlag("b", TriageLevel.CRISIS))
    assert heard(TriageLevel.CRISIS, Triage(TriageLevel.EMERGENCY, flags))


def test_the_best_of_several_accepted_labels_counts():
    assert best_rank(EYE, Task.DEPARTMENT, ["외과", "내과"]) == 2
    assert best_rank(EYE, Task.DEPARTMENT, ["id-외과"]) == 3
    assert best_rank(EYE, Task.DEPARTMENT, ["피부과"]) == 5


def test_abstaining_outranks_every_score():
    abstains = prediction({"안과": 0.99, "내과": 0.01}, confidence=Confidence.ABSTAIN)
    assert doubt(abstains, learned=False) > doubt(prediction({"안과": 0.01, "내과": 0.005}), learned=False)


def test_doubt_is_read_from_the_sum_of_scores_where_the_model_has_learned_it():
    vague = prediction({"안과": 0.2, "내과": 0.2, "외과": 0.2, "치과": 0.2, "피부과": 0.2})
    other = prediction({"안과": 0.25, "내과": 0.05})
    assert doubt(other, learned=True) > doubt(vague, learned=True)
    assert doubt(other, learned=False) < doubt(vague, learned=False)
