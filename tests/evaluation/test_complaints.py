"""Short everyday complaints: what counts as a sensible answer, on answers written out by hand."""

import json

import pytest

from carepick.errors import DataError
from carepick.evaluation.complaints import study
from carepick.records import Confidence, Prediction, ScoredLabel, Task, TaskAnswer

LIKELY = {"likely": ["감기", "인플루엔자"], "unlikely": ["폐암"], "departments": ["내과", "이비인후과"]}


class Answering:
    """A predictor that gives each text the answers written down for it."""

    manifests = dict.fromkeys(Task)

    def __init__(self, answers):
        self.answers = answers

    def predict_many(self, texts):
        return [
            Prediction(
                {
                    task: TaskAnswer(
                        tuple(ScoredLabel(name, name, 1 / (2 + n)) for n, name in enumerate(names)), Confidence.LOW
                    )
                    for task, names in zip((Task.DISEASE, Task.DEPARTMENT), self.answers[text], strict=True)
                }
            )
            for text in texts
        ]


def write(tmp_path, *cases):
    path = tmp_path / "complaints.jsonl"
    path.write_text("\n".join(json.dumps(case, ensure_ascii=False) for case in cases), encoding="utf-8")
    return path


def test_shares_of_likely_and_unlikely_diseases_and_departments(tmp_path):
    predictor = Answering(
        {
            "콧물": (["감기", "비염", "폐암", "천식"], ["치과", "안과", "외과", "내과"]),
            "기침": (["폐암", "천식", "비염", "인플루엔자"], ["이비인후과", "안과", "외과", "내과"]),
            "가래": (["비염", "천식", "인플루엔자", "폐암"], ["안과", "내과", "외과", "치과"]),
        }
    )
    cases = [{"id": str(n), "text": text, **LIKELY} for n, text in enumerate(predictor.answers)]
    found = study(predictor, write(tmp_path, *cases))
    hits = {name: one.hits for name, one in found.figures.items()}
    assert hits == {
        "likely_top1": 1, "likely_top3": 2, "unlikely_top1": 1, "unlikely_top3": 2, "department_top1": 1, "department_top3": 2,
    }  # fmt: skip
    assert found.tables["likely_not_first"].rows == (("1", 4, 1, "폐암"), ("2", 3, 4, "비염"))


@pytest.mark.parametrize("column", ["likely", "departments"])
def test_a_complaint_that_nothing_could_answer_is_refused(tmp_path, column):
    with pytest.raises(DataError, match=f"row 1, column {column}: expected at least one"):
        study(Answering({}), write(tmp_path, {"id": "1", "text": "콧물", **LIKELY, column: []}))
