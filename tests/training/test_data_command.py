"""carepick data, from file to file in every format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("datasketch")

from carepick.cli.main import main
from carepick.errors import DataError
from carepick.evaluation.tables import read_table
from carepick.training.catalog_names import maskable_names
from carepick.training.table_writer import FORMATS, check_writable, write_table

pytestmark = pytest.mark.train

STORY = "어제 저녁부터 배가 아프고 설사를 다섯 번 했어요 열은 없습니다"
ROWS = [
    {"text": STORY, "disease": "감기", "date": "2024.10.01"},
    {"text": "제 번호는 010-1234-5678이고, 콧물이 나요", "disease": "감기", "date": "2024.10.02"},
    {"text": "  ", "disease": "감기", "date": "2024.10.03"},
    {"text": STORY + "!!", "disease": "위염", "date": "2024.11.01"},
    {"text": "무릎이 시리고\n계단에서 아파요", "disease": "없는 병", "date": "2024.11.02"},
]


def texts(path: Path) -> list[str]:
    return [row["text"] for row in read_table(path, ["text"])]


@pytest.fixture(params=FORMATS)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / f"rows{request.param}"
    write_table(ROWS, path)
    return path


def test_what_is_written_reads_back(file: Path) -> None:
    assert [dict(row) for row in read_table(file, ["text"])] == ROWS


def test_clean(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = file.with_name("clean" + file.suffix)
    assert main(["data", "clean", str(file), "--out", str(out)]) == 0
    assert texts(out) == [STORY, "제 번호는 <phone>이고, 콧물이 나요", "무릎이 시리고\n계단에서 아파요"]
    assert "1 texts scrubbed, 1 blank rows and 1 near-duplicates dropped" in capsys.readouterr().out
    assert main(["data", "clean", str(file), "--out", str(out), "--keep-near-duplicates"]) == 0
    assert len(texts(out)) == 4


def test_split(file: Path, tmp_path: Path) -> None:
    assert main(["data", "split", str(file), "--from", "2024-11", "--out", str(tmp_path / "parts")]) == 0
    assert len(texts(tmp_path / "parts" / f"train{file.suffix}")) == 3
    # The story of November repeats that of October.
    assert texts(tmp_path / "parts" / f"validation{file.suffix}") == ["무릎이 시리고\n계단에서 아파요"]


def test_mask_knows_names_and_aliases(tmp_path: Path) -> None:
    write_table([{"text": "감기인 줄 알았는데 부비동염 (축농증)이래요"}], tmp_path / "a.jsonl")
    assert main(["data", "mask", str(tmp_path / "a.jsonl"), "--out", str(tmp_path / "b.csv")]) == 0
    assert texts(tmp_path / "b.csv") == ["[MASK]인 줄 알았는데 [MASK]이래요"]
    assert {"부비동염", "축농증"} <= set(maskable_names())


def test_check_lists_every_problem(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(file), "--task", "disease"]) == 2
    lines = capsys.readouterr().out.split("\n")
    assert lines[0].startswith(f"{file.name}: row 3, column text: expected a text")
    assert lines[1].startswith(f"{file.name}: row 5, column disease: expected one of the catalog's 155 names")
    assert lines[2] == "5 rows, 2 problems, 2 of 155 labels have rows"


def test_a_good_file_passes_the_check(tmp_path: Path) -> None:
    write_table(ROWS[:2], tmp_path / "a.csv")
    assert main(["data", "check", str(tmp_path / "a.csv"), "--task", "disease"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", "FILE", "--task", "disease", "--label-column", "label"], "rows.csv: row 1 has no column label"),
        (["clean", "FILE", "--out", "out.xlsx"], "out.xlsx: expected a file that ends in .csv"),
        (["clean", "FILE", "--out", "no/such/folder/out.csv"], "folder of out.csv is not there"),
        (["clean", "none.csv", "--out", "out.csv"], "none.csv is not there"),
        (
            ["split", "FILE", "--out", "parts", "--date-column", "disease"],
            "rows.csv: row 1, column disease: expected a date",
        ),
        (["split", "FILE", "--out", "parts", "--from", "2025-01"], "rows.csv: no rows lie from 2025-01-01 on"),
        (["split", "FILE", "--out", "parts", "--from", "2020-01"], "rows.csv: no rows lie before 2020-01-01"),
    ],
)
def test_errors_name_file_row_and_column(
    words: Sequence[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    write_table(ROWS, Path("rows.csv"))
    assert main(["data", *("rows.csv" if word == "FILE" else word for word in words)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("carepick: ")
    assert error.count("\n") == 1
    assert message in error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv"]  # nothing is half written


@pytest.mark.parametrize(
    "words",
    [["clean", "a.csv", "--out", "b.csv", "--similarity", "2"], ["split", "a.csv", "--out", "b", "--from", "x"]],
)
def test_arguments_out_of_range(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["data", *words])
    assert "must" in capsys.readouterr().err


def test_a_format_that_nobody_knows() -> None:
    with pytest.raises(DataError, match=r"expected a file that ends in \.csv, \.json, \.jsonl, \.parquet"):
        check_writable(Path("a.txt"))


@pytest.mark.parametrize("kind", FORMATS)
def test_columns_of_later_rows_and_half_an_emoji_are_kept(tmp_path: Path, kind: str) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "콧물 \\ud83d"}\n{"text": "기침", "source": "a"}\n', encoding="utf-8")
    out = tmp_path / f"out{kind}"
    assert main(["data", "mask", str(tmp_path / "in.jsonl"), "--out", str(out)]) == 0
    first, second = read_table(out, ["text"])
    assert first["text"] in ("콧물 \\ud83d", "콧물 \ud83d")
    assert not first.get("source")
    assert second["source"] == "a"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", out.name]


def test_values_of_several_kinds_are_no_parquet_column(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"b\.parquet: a column holds values of different kinds"):
        write_table([{"text": "콧물"}, {"text": ["기침"]}], tmp_path / "b.parquet")
    assert not list(tmp_path.iterdir())


def test_near_duplicates_may_have_to_be_all_but_the_same(tmp_path: Path) -> None:
    write_table([{"text": STORY}, {"text": STORY + "!!"}, {"text": STORY}], tmp_path / "rows.csv")
    out = tmp_path / "clean.csv"
    assert main(["data", "clean", str(tmp_path / "rows.csv"), "--out", str(out), "--similarity", "0.99"]) == 0
    assert texts(out) == [STORY, STORY + "!!"]


def test_a_folder_in_the_way_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_table(ROWS, tmp_path / "rows.csv")
    (tmp_path / "parts").write_text("")
    assert main(["data", "split", str(tmp_path / "rows.csv"), "--out", str(tmp_path / "parts")]) == 2
    assert capsys.readouterr().err == f"carepick: {tmp_path / 'parts'}: File exists\n"
