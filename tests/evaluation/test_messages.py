"""Everyday messages: what counts as a good answer, on answers written out by hand."""

import json

import pytest

from carepick.errors import BundleError, DataError
from carepick.evaluation.messages import study
from carepick.records import Confidence, Prediction, RaisedFlag, ScoredLabel, Task, TaskAnswer, Triage, TriageLevel

NONE = TriageLevel.NONE


class Answering:
    """A predictor that gives each text the departments, the levels of flags and the confidence written down for it."""

    manifests = dict.fromkeys(Task)

    def __init__(self, answers):
        self.answers = answers

    def predict_many(self, texts):
        return [self.answer(*self.answers[text]) for text in texts]

    def answer(self, names, levels, confidence=Confidence.HIGH):
        labels = tuple(ScoredLabel(name, name, 1 / (2 + n)) for n, name in enumerate(names))
        flags = tuple(RaisedFlag(level.value, level) for level in levels)
        tasks = {task: TaskAnswer(labels, confidence) for task in Task}
        return Prediction(tasks, Triage(levels[0] if levels else NONE, flags), confidence)


ANSWERS = {
    "now": (["내과"], [TriageLevel.ER]),
    "now-missed": (["내과"], [TriageLevel.CRISIS]),
    "crisis": (["내과"], [TriageLevel.EMERGENCY, TriageLevel.CRISIS]),
    "danger": (["내과"], [TriageLevel.DANGER]),
    "today": (["안과", "외과", "내과", "치과"], [TriageLevel.ER]),
    "days": (["내과", "안과", "외과", "치과"], []),
    "routine": (["안과", "외과", "치과", "내과"], [TriageLevel.DANGER]),
    "routine-unanswered": (["안과", "내과", "치과", "외과"], [], Confidence.ABSTAIN),
}


def write(tmp_path, *cases):
    path = tmp_path / "messages.jsonl"
    path.write_text("\n".join(json.dumps(case, ensure_ascii=False) for case in cases), encoding="utf-8")
    return path


def case(text, **changes):
    return {"id": text, "text": text, "departments": ["내과"], "urgency": text.split("-")[0], **changes}


def test_departments_alarms_and_silence_are_counted(tmp_path):
    found = study(Answering(ANSWERS), write(tmp_path, *map(case, ANSWERS)))
    assert {name: (one.hits, one.rows) for name, one in found.figures.items()} == {
        "department_top1": (1, 4), "department_top3": (3, 4), "abstained": (1, 8),
        "heard_now": (1, 2), "heard_crisis": (1, 1), "heard_danger": (1, 1), "alarmed_today": (1, 1), "false_alarms": (1, 3),
    }  # fmt: skip
    rows = {
        row[0]: dict(zip(found.tables["levels"].columns[1:], row[1:], strict=True))
        for row in found.tables["levels"].rows
    }
    assert rows["routine"]["danger"] == rows["routine"]["none"] == 1
    assert sum(sum(row.values()) for row in rows.values()) == len(ANSWERS)
    assert "routine-unanswered" not in json.dumps(found.as_json()), "the set stays blind"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"departments": []}, "row 1, column departments: expected at least one"),
        ({"urgency": "soon"}, "row 1, column urgency: expected one of now, crisis, danger, today, days, routine"),
    ],
)
def test_a_message_that_cannot_be_judged_is_refused(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        study(Answering(ANSWERS), write(tmp_path, case("now", **changes)))


def test_a_model_of_one_task_is_refused(tmp_path):
    predictor = Answering(ANSWERS)
    predictor.manifests = {Task.DISEASE: None}
    with pytest.raises(BundleError, match="answers department too"):
        study(predictor, write(tmp_path, case("now")))
