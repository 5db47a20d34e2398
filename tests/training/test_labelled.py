import json
from pathlib import Path

import pytest

from carepick.errors import DataError
from carepick.training.labelled import Examples, class_names, divide, find_problems, label_counts, read_examples

KNOWN = {"감기", "위염", "편두통"}


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


def test_texts_are_read_as_they_will_be_served(tmp_path: Path) -> None:
    rows = [{"text": "콧물이  나요ㅠㅠㅠㅠ", "disease": "감기"}, {"text": "속이 쓰려요", "disease": "위염"}]
    assert read_examples(write(tmp_path / "a.jsonl", rows), "text", "disease", KNOWN) == Examples(
        ("콧물이 나요ㅠㅠ", "속이 쓰려요"), ("감기", "위염")
    )


def test_each_problem_names_row_column_and_what_was_expected() -> None:
    rows = [
        {"text": "콧물이 나요", "disease": "감기"},
        {"text": " \u200b", "disease": "위염"},
        {"text": "머리가 아파요", "disease": "편두통증"},
        {"text": "배가 아파요", "disease": None},
        {"text": 3, "disease": "감기"},
    ]
    assert [str(problem) for problem in find_problems(rows, "text", "disease", KNOWN)] == [
        "row 2, column text: expected a text that is not blank",
        'row 3, column disease: expected one of the catalog\'s 3 names, found "편두통증"; did you mean "편두통"?',
        "row 4, column disease: expected a label, found none",
        "row 5, column text: expected a text that is not blank",
    ]
    assert label_counts(rows, "disease") == {"감기": 2, "위염": 1, "편두통증": 1}


def test_a_label_as_long_as_a_story_is_not_quoted() -> None:
    story = "사실은 어제부터 배가 너무 아파서 밤새 한숨도 못 자고 계속 울었어요"
    (problem,) = find_problems([{"text": "감기", "label": story}], "text", "label", KNOWN)
    assert "배가" not in str(problem)
    assert f"{len(story)} characters" in str(problem)


def test_the_first_problem_is_told_with_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "b.jsonl", [{"text": "가", "disease": "없는 병"}, {"text": "나", "disease": "없는 병"}])
    with pytest.raises(DataError, match=r"b\.jsonl: row 1, column disease: .*\(and 1 more: .*check"):
        read_examples(path, "text", "disease", KNOWN)
    assert len(read_examples(path, "text", "disease", None).labels) == 2


def test_one_class_is_no_classifier() -> None:
    with pytest.raises(DataError, match="two or more"):
        class_names(Examples(("가", "나"), ("감기", "감기")), Examples((), ()))


def test_validation_may_not_hold_a_class_without_training_rows() -> None:
    train = Examples(("가", "나"), ("감기", "위염"))
    with pytest.raises(DataError, match="편두통"):
        class_names(train, Examples(("다",), ("편두통",)))


def test_a_share_of_each_class_is_held_out_by_seed() -> None:
    examples = Examples(tuple(map(str, range(111))), ("감기",) * 100 + ("위염",) * 10 + ("편두통",))
    train, held = divide(examples, 0.2, seed=1)
    assert [held.labels.count(name) for name in ("감기", "위염", "편두통")] == [20, 2, 0]
    assert sorted(train.texts + held.texts) == sorted(examples.texts)
    assert divide(examples, 0.2, seed=1) == (train, held) != divide(examples, 0.2, seed=2)


def test_too_few_rows_to_hold_any_out() -> None:
    with pytest.raises(DataError, match="--validation"):
        divide(Examples(("가", "나"), ("감기", "위염")), 0.2, seed=1)
