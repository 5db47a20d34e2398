import json

import pytest

from carepick.errors import DataError
from carepick.evaluation.tables import read_table

ROWS = [{"text": '배가, "살살" 아파요', "disease": "장염"}, {"text": "줄이\n바뀌어요", "disease": "감기"}]


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def test_every_format_gives_the_same_rows(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)
    files = [
        write(tmp_path / "a.csv", '\ufefftext,disease\n"배가, ""살살"" 아파요",장염\n"줄이\n바뀌어요",감기\n'),
        write(tmp_path / "a.jsonl", lines + "\n\n"),
        write(tmp_path / "a.json", json.dumps(ROWS)),
        tmp_path / "a.parquet",
    ]
    parquet.write_table(pyarrow.Table.from_pylist(ROWS), files[-1])
    for file in files:
        assert read_table(file, ["text", "disease"]) == ROWS


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "text", r"a.txt: expected a file that ends in .csv, .jsonl, .json, .parquet"),
        ("a.csv", "", "a.csv has no rows"),
        ("a.csv", "text,disease\n", "a.csv has no rows"),
        ("a.csv", "text,disease\n머리,가 아파요,감기\n", "row 1 has 3 columns instead of 2: put quotes"),
        ("a.csv", 'text,disease\n"열려 있다,감기\n', "a.csv: line 2 is not CSV"),
        ("a.csv", "text,label\n머리,감기\n", "row 1 has no column disease; it has text, label"),
        ("a.jsonl", '{"text": "머리", "disease": "감기"}\n{"text"\n', "a.jsonl: line 2 is not JSON"),
        ("a.jsonl", "[1]\n", "a.jsonl: line 1: expected an object"),
        (
            "a.csv",
            "머리가 아파요,감기\n배가 아파요,위염\n",
            "has no column text; it has 2 of other names: is there a first line",
        ),
        ("a.jsonl", '{"text": "머리", "disease": "감기"}\n{"text": "배"}\n', "row 2 has no column disease"),
        ("a.json", '{"text": 1}', "a.json: expected a list of objects"),
        ("a.json", "[", "a.json is not JSON"),
        ("a.parquet", "PAR1 cut short", "a.parquet is not a Parquet file, or is cut short"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, name, content, message):
    with pytest.raises(DataError, match=message) as caught:
        read_table(write(tmp_path / name, content), ["text", "disease"])
    assert "\n" not in str(caught.value)
    assert "머리" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_other_encodings_and_missing_files_are_named(tmp_path):
    with pytest.raises(DataError, match=r"a.csv is not UTF-8: save it as UTF-8"):
        read_table(write(tmp_path / "a.csv", "text\n머리\n", "cp949"), ["text"])
    with pytest.raises(DataError, match=r"none.csv is not there"):
        read_table(tmp_path / "none.csv", ["text"])
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match=r"folder.csv cannot be read: Is a directory"):
        read_table(tmp_path / "folder.csv", ["text"])


def test_blank_lines_between_rows_are_none(tmp_path):
    path = write(tmp_path / "a.csv", "text,disease\n머리,감기\n\n배,위염\n\n")
    assert [row["disease"] for row in read_table(path, ["text"])] == ["감기", "위염"]
