import json

import pytest

from carepick.evaluation.labelled import study


@pytest.fixture(scope="module")
def document(make_outcomes):
    scores = [
        [0.7, 0.1, 0.1, 0.1],
        [0.6, 0.2, 0.1, 0.1],
        [0.1, 0.45, 0.35, 0.1],
        [0.1, 0.5, 0.3, 0.1],
        [0.4, 0.3, 0.2, 0.1],
    ]
    groups = {"length": ("1-20", "1-20", "21-50", "21-50", "21-50"), "source": ("kin", "", "kin", "kin", "")}
    return study(make_outcomes(scores, [0, 0, 1, 2, 2], groups=groups), seed=3)


def test_confusions_are_counted(document):
    names, cells = document["confusion"]["names"], document["confusion"]["counts"]
    counts = {(names[right], names[answered]): count for right, answered, count in cells}
    assert counts == {("내과", "내과"): 2, ("치과", "치과"): 1, ("치주과", "치과"): 1, ("치주과", "내과"): 1}
    assert document["confusions"] == [
        {"right": "치주과", "answered": "내과", "count": 1, "share": 0.5},
        {"right": "치주과", "answered": "치과", "count": 1, "share": 0.5},
    ]


def test_only_classes_with_rows_are_told(document):
    assert [(row["name"], row["rows"], row["recall"]["value"]) for row in document["classes"]] == [
        ("내과", 2, 1), ("치과", 1, 1), ("치주과", 2, 0)
    ]  # fmt: skip


def test_thresholds_and_confidence(document):
    at = {row["threshold"]: (row["coverage"], row["accuracy"]["value"]) for row in document["thresholds"]}
    assert at[0.4] == (1, 0.6)
    assert at[0.5] == (0.6, pytest.approx(2 / 3, abs=1e-6))
    assert at[0.9] == (0, 0)
    given = {row["confidence"]: (row["rows"], row["accuracy"]["value"]) for row in document["confidence"]}
    assert given == {"high": (2, 1), "medium": (0, 0), "low": (3, pytest.approx(1 / 3, abs=1e-6)), "abstain": (0, 0)}
    assert document["alarms"] == {"none": 5}


def test_slices(document):
    assert [(row["value"], row["rows"], row["top1"]["value"]) for row in document["slices"]["length"]] == [
        ("1-20", 2, 1), ("21-50", 3, pytest.approx(1 / 3, abs=1e-6))
    ]  # fmt: skip
    assert [row["value"] for row in document["slices"]["source"]] == ["", "kin"]


def test_the_curve_ends_at_the_error_rate(document):
    assert document["risk_coverage"]["points"][-1] == [1, 0.4]


def test_the_document_is_json_and_holds_no_texts(document, secret):
    assert secret not in json.dumps(document, ensure_ascii=False, allow_nan=False)
