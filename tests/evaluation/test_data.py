import json

import pytest

from carepick.errors import DataError
from carepick.evaluation.data import length_group, ordered_groups, read_labelled, unmasked

COLUMNS = {"감기": 0, "cold": 0, "장염": 1, "enteritis": 1}


def write(path, rows):
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


def test_labels_are_found_by_name_or_id_and_rows_without_one_left_out(tmp_path):
    rows = [
        {"text": "콧물이 나요", "disease": "감기", "source": "kin", "date": "2024.11.03"},
        {"text": "배가 아파요", "disease": " enteritis ", "source": None, "date": "2024-1-30"},
        {"text": "열이 나요", "disease": "", "source": "kin", "date": "2024.11.04"},
        {"text": "목이 아파요", "disease": None, "source": "kin", "date": "2024.11.04"},
    ]
    found = read_labelled(write(tmp_path / "a.jsonl", rows), COLUMNS, "text", "disease", ["source", "date"])
    assert found.texts == ("콧물이 나요", "배가 아파요")
    assert found.targets.tolist() == [0, 1]
    assert found.unlabelled == 2
    assert found.groups == {"length": ("1-20", "1-20"), "source": ("kin", ""), "date": ("2024-11", "2024-01")}
    assert found.take([1]).groups["date"] == ("2024-01",)
    assert found.take([1]).targets.tolist() == [1]


def test_masks_are_removed():
    assert unmasked("제가 [MASK] 인가요? [MASK]") == "제가 인가요?"
    assert unmasked("두  칸은  그대로") == "두  칸은  그대로"


def test_an_unknown_label_is_named_by_its_place_and_never_quoted(tmp_path):
    path = write(tmp_path / "a.jsonl", [{"text": "콧물", "disease": "감기"}, {"text": "배", "disease": "환자의 말"}])
    with pytest.raises(DataError, match=r"a.jsonl: row 2, column disease: not a known label") as caught:
        read_labelled(path, COLUMNS, "text", "disease")
    assert "환자의 말" not in str(caught.value)


def test_texts_must_be_texts_and_labels_must_be_there(tmp_path):
    with pytest.raises(DataError, match=r"row 1, column text: expected a text"):
        read_labelled(write(tmp_path / "a.jsonl", [{"text": 3, "disease": "감기"}]), COLUMNS, "text", "disease")
    with pytest.raises(DataError, match="column disease has no labels"):
        read_labelled(write(tmp_path / "b.jsonl", [{"text": "배", "disease": ""}]), COLUMNS, "text", "disease")


@pytest.mark.parametrize(
    ("length", "group"), [(1, "1-20"), (20, "1-20"), (21, "21-50"), (400, "201-400"), (401, "401-")]
)
def test_length_groups(length, group):
    assert length_group("가" * length) == group


def test_groups_stand_in_order_of_their_numbers():
    values = ["101-200", "21-50", "1-20", "401-", "21-50"]
    assert ordered_groups(values, 9) == ["1-20", "21-50", "101-200", "401-"]
    assert ordered_groups(values, 1) == ["21-50"]
