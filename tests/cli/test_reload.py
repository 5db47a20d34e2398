from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Carepick

# Stands in for a server: says what signal it was sent. Its name is on its command line, as a server's is.
WAITS = (
    "import signal, sys; signal.signal(signal.SIGHUP, lambda *_: (print('reloaded', flush=True), sys.exit(0)));"
    "print('ready', flush=True); signal.pause()"
)


def test_running_server_is_told_to_reload(carepick: Carepick, tmp_path: Path) -> None:
    words = [sys.executable, "-c", WAITS, "carepick"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        (tmp_path / "server.pid").write_text(f"{process.pid}\n", encoding="ascii")
        code, out, _ = carepick("reload", "--pid-file", tmp_path / "server.pid")
        assert (code, process.stdout.readline()) == (0, "reloaded\n")
        assert str(process.pid) in out


def test_process_number_that_went_to_another_program_is_left_alone(carepick: Carepick, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as process:
        (tmp_path / "server.pid").write_text(str(process.pid), encoding="ascii")
        code, _, err = carepick("reload", "--pid-file", tmp_path / "server.pid")
        assert code == 2
        assert "is not a Carepick server" in err
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no"),
        ("", "does not hold"),
        ("abc", "does not hold"),
        ("1", "is not a Carepick"),
        ("-1", "is not"),
    ],
)
def test_pid_file_that_leads_nowhere(carepick: Carepick, tmp_path: Path, content: str | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "server.pid").write_text(content, encoding="ascii")
    code, out, err = carepick("reload", "--pid-file", tmp_path / "server.pid")
    assert (code, out) == (2, "")
    assert reason in err


def test_server_that_has_ended(carepick: Carepick, tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / "server.pid").write_text(str(ended.pid), encoding="ascii")
    code, _, err = carepick("reload", "--pid-file", tmp_path / "server.pid")
    assert code == 2
    assert "was left by one that has ended" in err


def test_which_server(carepick: Carepick) -> None:
    code, _, err = carepick("reload")
    assert code == 2
    assert "--pid-file" in err
