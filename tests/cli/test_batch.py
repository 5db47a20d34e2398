from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from carepick.service.predictor import Predictor

from .conftest import Carepick

ANSWERS = ["diseases", "specialties", "triage", "flags", "confidence", "error"]
SENTENCES = ["머리가 아프고 열이 나요", "기침이 나고 가래가 끓어요", "배가 콕콕 쑤시고 설사를 해요"]


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def many_rows(path: Path, count: int) -> Path:
    rows = [{"id": number, "text": f"{SENTENCES[number % 3]} {number}일째예요"} for number in range(count)]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_rows_come_back_in_order_with_answers_like_those_of_predict(
    carepick: Carepick, texts_csv: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    code, printed, err = carepick("batch", texts_csv, out, "-k", 2)
    assert (code, printed) == (0, "")
    assert "2 rows in" in err
    rows = read_csv(out)
    assert list(rows[0]) == ["id", "text", *ANSWERS]
    assert [row["id"] for row in rows] == ["1", "2"]
    for row in rows:
        single = json.loads(carepick("predict", row["text"], "-k", 2, "--json").out)
        assert row["error"] == ""
        for name in ("diseases", "specialties", "flags"):
            assert json.loads(row[name]) == single[name]
        assert (row["triage"], row["confidence"]) == (single["triage"], single["confidence"])
    assert list(tmp_path.glob("out.csv.*")) == []


def test_all_gives_every_label(carepick: Carepick, texts_csv: Path, tmp_path: Path) -> None:
    assert carepick("batch", texts_csv, tmp_path / "out.jsonl", "-k", "all").code == 0
    for row in read_json_lines(tmp_path / "out.jsonl"):
        assert (len(row["diseases"]), len(row["specialties"])) == (155, 34)
        assert sum(label["score"] for label in row["diseases"]) == pytest.approx(1, abs=0.01)


def test_bad_rows_say_why_and_the_others_are_answered(carepick: Carepick, tmp_path: Path) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    rows = [{"text": SENTENCES[0]}, {"text": " "}, {"text": 7}, {"note": "글 없음"}, {"text": "가" * 10_001}]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows] + ["{broken", json.dumps({"text": SENTENCES[1]})]
    source.write_text("\n".join(lines), encoding="utf-8")
    code, _, err = carepick("batch", source, out)
    assert code == 0
    assert "7 rows in" in err
    assert "5 with an error" in err
    answered = read_json_lines(out)
    assert [row["error"] is None for row in answered] == [True, False, False, False, False, False, True]
    assert [list(row) for row in answered[:4]] == [["text", *ANSWERS]] * 3 + [["note", *ANSWERS]]
    assert answered[5]["error"] == "line 6 is not JSON"
    for row in answered[1:6]:
        assert (row["diseases"], row["specialties"], row["triage"], row["flags"]) == ([], [], None, [])


def test_file_from_a_spreadsheet_goes_back_to_it(carepick: Carepick, tmp_path: Path) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes('번호,증상\r\n1,"머리가 아프고,\r\n열이 나요"\r\n'.encode("cp949"))
    assert carepick("batch", source, out, "--column", "증상").code == 0
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    assert read_csv(out)[0]["증상"] == "머리가 아프고,\r\n열이 나요"
    assert read_csv(out)[0]["error"] == ""


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("source_kind", ["csv", "jsonl", "parquet", "txt"])
def test_every_kind_becomes_every_kind(carepick: Carepick, tmp_path: Path, source_kind: str, kind: str) -> None:
    source, out = tmp_path / f"in.{source_kind}", tmp_path / f"out.{kind}"
    if source_kind == "parquet":
        pyarrow.parquet.write_table(pyarrow.table({"id": [1, 2], "text": SENTENCES[:2]}), source)
    elif source_kind == "jsonl":
        many_rows(source, 2)
    else:
        source.write_text("text\n" * (source_kind == "csv") + "\n".join(SENTENCES[:2]), encoding="utf-8")
    assert carepick("batch", source, out, "-k", 1).code == 0
    readers = {
        "csv": read_csv,
        "jsonl": read_json_lines,
        "parquet": lambda path: pyarrow.parquet.read_table(path).to_pylist(),
    }
    rows = readers[kind](out)
    assert [row["text"][:5] for row in rows] == [sentence[:5] for sentence in SENTENCES[:2]]
    for row in rows:
        diseases = json.loads(row["diseases"]) if kind == "csv" else row["diseases"]
        assert set(diseases[0]) == {"disease", "score"}
        assert not row["error"]


def test_parquet_columns_keep_their_types(carepick: Carepick, tmp_path: Path) -> None:
    source, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    stamps = pyarrow.array([1_700_000_000, None], pyarrow.timestamp("s"))
    table = pyarrow.table({"text": [SENTENCES[0], None], "age": [3.5, None], "when": stamps, "tags": [["가"], []]})
    pyarrow.parquet.write_table(table, source)
    assert carepick("batch", source, out).code == 0
    answered = pyarrow.parquet.read_table(out)
    assert answered.select(table.column_names).to_pylist() == pyarrow.parquet.read_table(source).to_pylist()
    assert [field.type for field in answered.schema][:4] == [
        field.type for field in pyarrow.parquet.read_schema(source)
    ]
    assert answered["error"].to_pylist() == [None, "text must be a string that says what hurts."]


def test_lone_surrogates_and_numbers_survive(carepick: Carepick, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(
        '{"text": "머리가 \\ud800 아파요", "age": 31, "odd": NaN, "more": {"가": [1]}}\n', encoding="utf-8"
    )
    assert carepick("batch", source, tmp_path / "out.jsonl").code == 0
    assert carepick("batch", source, tmp_path / "out.csv").code == 0
    assert carepick("batch", source, tmp_path / "out.parquet").code == 0
    row = read_json_lines(tmp_path / "out.jsonl")[0]
    assert (row["text"], row["age"], row["odd"], row["more"]) == ("머리가 \ud800 아파요", 31, None, {"가": [1]})
    cells = read_csv(tmp_path / "out.csv")[0]
    assert (cells["age"], cells["odd"], cells["more"]) == ("31", "", '{"가": [1]}')


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["texts.csv", "texts.csv"], "same file"),
        (["texts.csv", "link.csv", "--force"], "same file"),
        (["texts.csv", "there.csv"], "is there already"),
        (["texts.csv", "nowhere/out.csv"], "folder that exists"),
        (["texts.csv", "out.xlsx"], "must end in .csv, .jsonl, .parquet"),
        (["nothing.csv", "out.csv"], "is not a file"),
        (["texts.csv", "out.csv", "--column", "story"], "has no column story"),
        (["texts.csv", "out.csv", "-k", "0"], "-k must be a whole number from 1 to 155, or all"),
        (["texts.csv", "out.csv", "-k", "156"], "from 1 to 155"),
        (["texts.csv", "out.csv", "-k", "many"], "from 1 to 155"),
        (["there.csv", "out.csv"], "has a column error already"),
    ],
)
def test_refusals_are_one_line_and_touch_nothing(
    carepick: Carepick, texts_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("link.csv").symlink_to(texts_csv)
    Path("there.csv").write_text("text,error\n머리가 아파요,\n", encoding="utf-8")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    code, out, err = carepick("batch", *words)
    assert (code, out) == (2, "")
    assert reason in err
    assert err.count("\n") == 1
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_force_replaces(carepick: Carepick, texts_csv: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("old", encoding="utf-8")
    assert carepick("batch", texts_csv, out, "--force").code == 0
    assert len(read_csv(out)) == 2


def test_file_without_rows(carepick: Carepick, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,text\n", encoding="utf-8")
    assert carepick("batch", tmp_path / "in.csv", tmp_path / "out.csv").code == 0
    assert (tmp_path / "out.csv").read_text(encoding="utf-8") == "id,text," + ",".join(ANSWERS) + "\n"


def test_diseases_can_be_switched_off(carepick: Carepick, texts_csv: Path, tmp_path: Path) -> None:
    assert carepick("batch", texts_csv, tmp_path / "out.jsonl", "--no-disease-enabled").code == 0
    assert [row["diseases"] for row in read_json_lines(tmp_path / "out.jsonl")] == [[], []]


def test_small_queue_of_a_server_does_not_stop_a_batch(
    carepick: Carepick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAREPICK_QUEUE_LIMIT", "1")
    assert carepick("batch", many_rows(tmp_path / "in.jsonl", 150), tmp_path / "out.jsonl").code == 0
    assert all(row["error"] is None for row in read_json_lines(tmp_path / "out.jsonl"))


def test_killed_run_goes_on_and_ends_like_an_uninterrupted_one(carepick: Carepick, tmp_path: Path) -> None:
    """Kills real processes again and again; each goes on where the last one was stopped."""
    source, whole, out = many_rows(tmp_path / "in.jsonl", 3000), tmp_path / "whole.csv", tmp_path / "out.csv"
    assert carepick("batch", source, whole, "-k", 3).code == 0
    journal = tmp_path / "out.csv.partial"
    words = [sys.executable, "-m", "carepick", "batch", str(source), str(out), "-k", "3"]
    for _ in range(3):
        before = journal.stat().st_size if journal.exists() else 0
        with subprocess.Popen(words, env={**os.environ, "CAREPICK_ENGINE": "deterministic"}) as process:
            deadline = time.monotonic() + 60
            while not journal.exists() or journal.stat().st_size <= before + 20_000:
                assert process.poll() is None, "it ended before it could be killed: give it more rows"
                assert time.monotonic() < deadline
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
        assert not out.exists()
        assert journal.stat().st_size > before
    code, _, err = carepick("batch", source, out, "-k", 3)
    assert code == 0
    assert "going on after row" in err
    assert out.read_bytes() == whole.read_bytes()
    assert not journal.exists()


def test_other_input_or_k_is_not_gone_on_with(
    carepick: Carepick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = many_rows(tmp_path / "in.jsonl", 130), tmp_path / "out.jsonl"
    with monkeypatch.context() as stopped:
        stopped.setattr(Predictor, "predict_many", _stops_after(1))
        assert carepick("batch", source, out, "-k", 3).code == 130
    assert (tmp_path / "out.jsonl.partial").exists()
    code, _, err = carepick("batch", source, out, "-k", 4)
    assert code == 0
    assert "going on" not in err
    assert {len(row["diseases"]) for row in read_json_lines(out)} == {4}


def test_ctrl_c_says_how_to_go_on(carepick: Carepick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, out = many_rows(tmp_path / "in.jsonl", 200), tmp_path / "out.jsonl"
    with monkeypatch.context() as stopped:
        stopped.setattr(Predictor, "predict_many", _stops_after(2))
        code, _, err = carepick("batch", source, out)
    assert code == 130
    assert "the same command goes on from here" in err
    code, _, err = carepick("batch", source, out)
    assert code == 0
    assert "going on after row 128" in err
    assert [row["id"] for row in read_json_lines(out)] == list(range(200))


def _stops_after(chunks: int) -> Any:
    answer, calls = Predictor.predict_many, []

    def predict_many(self: Predictor, *arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) > chunks:
            raise KeyboardInterrupt
        return answer(self, *arguments, **options)

    return predict_many


def test_file_that_changes_meanwhile_is_refused(
    carepick: Carepick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = many_rows(tmp_path / "in.jsonl", 10), tmp_path / "out.jsonl"
    answer = Predictor.predict_many

    def predict_many(self: Predictor, *arguments: Any, **options: Any) -> Any:
        many_rows(source, 11)
        return answer(self, *arguments, **options)

    monkeypatch.setattr(Predictor, "predict_many", predict_many)
    code, _, err = carepick("batch", source, out)
    assert code == 2
    assert "was changed during the run" in err
    assert not out.exists()


def test_full_disk_is_one_line_and_loses_nothing(
    carepick: Carepick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = many_rows(tmp_path / "in.jsonl", 10), tmp_path / "out.jsonl"
    with monkeypatch.context() as full:
        full.setattr(os, "replace", _no_space)
        code, _, err = carepick("batch", source, out)
    assert code == 2
    assert err.splitlines()[-1].endswith("No space left on device; correct it and run again to go on")
    assert not list(tmp_path.glob("*.writing"))
    code, _, err = carepick("batch", source, out)
    assert code == 0
    assert "going on after row 10" in err


def _no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_texts_stay_out_of_the_journal_and_the_messages(
    carepick: Carepick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "in.txt"
    source.write_text("표식문장 머리가 아파요\n표식문장" + "가" * 10_000 + "\n", encoding="utf-8")
    monkeypatch.setattr(os, "replace", _no_space)
    _, out, err = carepick("batch", source, tmp_path / "out.csv")
    assert "표식" not in out + err
    assert "표식".encode() not in (tmp_path / "out.csv.partial").read_bytes()
