from __future__ import annotations

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from carepick.cli.tables import Row, Table, open_table
from carepick.errors import DataError


def written(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def texts(table: Table) -> list[object]:
    return [row.values.get(table.column) for row in table]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
@pytest.mark.parametrize("name", ["in.csv", "in.txt"])
def test_encoding_is_found(tmp_path: Path, name: str, encoding: str) -> None:
    text = "text\n머리가 아프고 열이 나요\n똠방각하 펲시콜라\n"
    table = open_table(written(tmp_path, name, text.encode(encoding)), "text")
    assert table.encoding == encoding
    assert texts(table)[-2:] == ["머리가 아프고 열이 나요", "똠방각하 펲시콜라"]


@pytest.mark.parametrize("name", ["in.csv", "in.txt", "in.jsonl"])
@pytest.mark.parametrize("content", [b"text\n\x80\x81\xff\n", "text\n머리\n".encode("utf-16")[:-1]])
def test_unknown_encoding_is_an_error(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(DataError, match="neither UTF-8 nor CP949"):
        open_table(written(tmp_path, name, content), "text")


def test_quoted_cells_hold_commas_quotes_and_new_lines(tmp_path: Path) -> None:
    path = written(tmp_path, "in.csv", 'id,text\r\n1,"머리가, ""콕콕"" 쑤셔요\r\n어제부터요"\r\n2,기침\r\n')
    table = open_table(path, "text")
    assert (table.rows, table.columns) == (2, ("id", "text"))
    assert texts(table) == ['머리가, "콕콕" 쑤셔요\r\n어제부터요', "기침"]


def test_row_with_other_cells_than_the_header_keeps_its_cells(tmp_path: Path) -> None:
    path = written(tmp_path, "in.csv", "id,text\n1,머리, 배, 다리\n2\n3,기침\n")
    assert list(open_table(path, "text")) == [
        Row(
            {"id": "1", "text": "머리, 배, 다리"},
            "the row has 4 cells instead of 2: put quotes around text that holds commas",
        ),
        Row({"id": "2", "text": ""}, "the row has 1 cells instead of 2: put quotes around text that holds commas"),
        Row({"id": "3", "text": "기침"}),
    ]


def test_blank_line_is_an_empty_cell_only_where_there_is_one_column(tmp_path: Path) -> None:
    assert texts(open_table(written(tmp_path, "one.csv", "text\n머리\n\n기침\n"), "text")) == ["머리", "", "기침"]
    assert texts(open_table(written(tmp_path, "two.csv", "id,text\n1,머리\n\n2,기침\n"), "text")) == ["머리", "기침"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('text\n"머리가 아파요\n기침\n', "line 3 is not CSV"),
        ('text\n"머리"가 아파요\n', "line 2 is not CSV"),
        ("", "is empty"),
        ("text,text\n1,2\n", "two columns have the same name"),
    ],
)
def test_broken_csv_is_refused_before_anything_is_answered(tmp_path: Path, content: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        open_table(written(tmp_path, "in.csv", content), "text")


def test_bad_json_line_is_a_bad_row(tmp_path: Path) -> None:
    path = written(
        tmp_path, "in.jsonl", '{"text": "머리"}\n{"text": \n\n[1]\n{"id": 7, "text": "기침"}\n' + "[" * 100_000
    )
    table = open_table(path, "text")
    assert [row.error for row in table] == [
        "",
        "line 2 is not JSON",
        "line 4 is not a JSON object",
        "",
        "line 6 is not JSON",
    ]
    assert table.columns == ("text", "id")
    assert table.rows == 5


def test_plain_lines_break_at_line_ends_only(tmp_path: Path) -> None:
    path = written(tmp_path, "in.txt", "머리\u2028배\x0b\x1c다리\r\n\n기침")
    assert texts(open_table(path, "story")) == ["머리\u2028배\x0b\x1c다리", "", "기침"]


def test_parquet_rows_keep_their_types(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"id": [1, 2], "text": ["머리", None]}), path, row_group_size=1)
    assert list(open_table(path, "text")) == [Row({"id": 1, "text": "머리"}), Row({"id": 2, "text": None})]


def test_damaged_parquet_is_an_error(tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["머리가 아파요"] * 1000}), whole)
    with pytest.raises(DataError, match="not a Parquet file, or is cut short"):
        open_table(written(tmp_path, "cut.parquet", whole.read_bytes()[:-9]), "text")


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"pip install 'carepick\[parquet\]'"):
        open_table(written(tmp_path, "in.parquet", b"PAR1"), "text")


@pytest.mark.parametrize(
    ("name", "content"),
    [("in.csv", "story\n머리가 너무 아파요\n"), ("in.jsonl", json.dumps({"story": "머리가 너무 아파요"}))],
)
def test_missing_column_is_named_and_nothing_is_quoted(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises(DataError, match="has no column text") as refused:
        open_table(written(tmp_path, name, content), "text")
    assert "머리" not in str(refused.value)
    assert open_table(tmp_path / name, "story").rows == 1


def test_file_that_is_none(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing.csv", Path("/dev/null")):
        with pytest.raises(DataError, match="is not a file"):
            open_table(path, "text")
