from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

from carepick import __version__
from carepick.cli.main import COMMANDS

from .conftest import Carepick


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_module_and_its_help(command: str, carepick: Carepick) -> None:
    assert importlib.util.find_spec(COMMANDS[command][0]), f"{command} has no module"
    code, out, err = carepick(command, "--help")
    assert (code, err) == (0, "")
    assert f"carepick {command}" in out


def test_help_lists_every_command(carepick: Carepick) -> None:
    code, out, _ = carepick("--help")
    assert code == 0
    for command, (_, help_line) in COMMANDS.items():
        assert command in out
        assert help_line.split(",")[0] in " ".join(out.split())


def test_version(carepick: Carepick) -> None:
    assert carepick("--version") == (0, f"carepick {__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], "COMMAND"),
        (["diagnose-me"], "diagnose-me"),
        (["labels", "--colour"], "--colour"),
        (["predict"], "TEXT"),
        (["batch", "in.csv"], "OUT"),
        (["serve", "--port", "many"], "port must be a whole number"),
        (["serve", "--metric"], "--metric"),  # flags are never guessed from their beginning
    ],
)
def test_wrong_words_are_one_line_and_exit_2(words: list[str], names: str, carepick: Carepick) -> None:
    code, out, err = carepick(*words)
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert names in err
    assert "--help" in err


def test_errors_are_one_line_and_exit_2(carepick: Carepick, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAREPICK_THREDS", "4")
    code, out, err = carepick("labels")
    assert (code, out) == (2, "")
    assert err == "carepick: CAREPICK_THREDS is not a setting: see docs/settings.md for the list\n"


def test_only_the_command_asked_for_is_imported() -> None:
    script = (
        "import sys; from carepick.cli.main import build_parser; build_parser(['reload']);"
        "print([name for name in sys.modules if name.startswith('carepick.cli.')],"
        "      [name for name in ('flask', 'numpy', 'onnxruntime') if name in sys.modules])"
    )
    listed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "carepick.cli.reload" in listed
    assert "carepick.cli.predict" not in listed
    assert listed.rstrip().endswith("[]")


def test_reader_that_leaves_is_no_error() -> None:
    script = "import sys; from carepick.cli.main import main; sys.exit(main())"
    environment = {**os.environ, "CAREPICK_ENGINE": "deterministic"}
    words = [sys.executable, "-c", script, "openapi"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_console_without_hangul_gets_question_marks() -> None:
    environment = {**os.environ, "CAREPICK_ENGINE": "deterministic", "PYTHONIOENCODING": "ascii"}
    words = [sys.executable, "-m", "carepick", "labels", "--task", "specialty"]
    done = subprocess.run(words, capture_output=True, env=environment, check=True)
    assert b"?" in done.stdout
    assert done.stdout.count(b"\n") == 34
