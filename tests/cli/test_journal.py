from __future__ import annotations

import json
from pathlib import Path

import pytest

from carepick.cli.journal import Journal
from carepick.errors import DataError

REQUEST = {"input": "a1", "k": 3}
ONE, TWO, THREE = [{"error": None}, {"error": "가"}], [{"error": "나"}, {"error": None}], [{"error": None}]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "out.csv.partial"
    with Journal(path, REQUEST) as journal:
        assert (journal.chunks, journal.rows) == (0, 0)
        for answers in (ONE, TWO, THREE):
            journal.append(answers)
    return path


def test_goes_on_where_it_stopped(path: Path) -> None:
    with Journal(path, REQUEST) as journal:
        assert (journal.chunks, journal.rows) == (3, 5)
        assert list(journal.answers()) == [*ONE, *TWO, *THREE]
        journal.append(ONE)
        assert list(journal.answers()) == [*ONE, *TWO, *THREE, *ONE]
        journal.remove()
    assert not path.exists()


def test_every_possible_cut_loses_only_the_chunk_that_was_cut(path: Path) -> None:
    whole = path.read_bytes()
    ends = [index + 1 for index, byte in enumerate(whole) if byte == ord("\n")]
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        kept = max(0, sum(end <= size for end in ends) - 1)
        with Journal(path, REQUEST) as journal:
            assert journal.chunks == kept
            for answers in (ONE, TWO, THREE)[kept:]:
                journal.append(answers)
        assert path.read_bytes() == whole


@pytest.mark.parametrize("change", [{"k": 4}, {"input": "b2"}, {"models": []}])
def test_another_request_starts_over(path: Path, change: dict[str, object]) -> None:
    with Journal(path, {**REQUEST, **change}) as journal:
        assert (journal.chunks, journal.rows) == (0, 0)
    assert json.loads(path.read_text(encoding="utf-8")) == {**REQUEST, **change}


def test_foreign_bytes_start_over(path: Path) -> None:
    path.write_bytes(b"\xff\xfe not a journal\n[]\n")
    with Journal(path, REQUEST) as journal:
        assert journal.rows == 0


def test_two_processes_never_share_one(path: Path) -> None:
    with Journal(path, REQUEST), pytest.raises(DataError, match=r"out\.csv is being written by another"):
        Journal(path, REQUEST)
    with Journal(path, REQUEST) as journal:
        assert journal.rows == 5
