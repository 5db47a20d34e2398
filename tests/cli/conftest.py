"""The command line run in this process, on the deterministic engine: everything but the model's weights."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from carepick.cli.main import main


class Outcome(NamedTuple):
    code: int
    out: str
    err: str


Carepick = Callable[..., Outcome]


@pytest.fixture
def carepick(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Carepick:
    """Runs `carepick WORDS...` with `stdin` as bytes, and returns exit code, standard output and standard error."""
    monkeypatch.setenv("CAREPICK_ENGINE", "deterministic")

    def run(*words: object, stdin: bytes = b"") -> Outcome:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:  # argparse
            code = int(end.code or 0)
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture
def texts_csv(tmp_path: Path) -> Path:
    path = tmp_path / "texts.csv"
    path.write_text("id,text\n1,머리가 아프고 열이 나요\n2,기침이 나요\n", encoding="utf-8")
    return path
