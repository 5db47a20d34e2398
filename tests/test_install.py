"""The two ways in, each in an empty environment: the wheel with pip, and `make serve` in a clean clone.

Needs a package index, as an installation does. Everything that is asserted was printed, answered or measured by the
installed program itself, outside the working tree.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SENTENCE = "머리가 아프고 열이 나요"
MOST_MEGABYTES = 250
FILES_NAMED = {"CONSTRAINTS", "PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT", "PIP_FIND_LINKS"}
NEVER_SERVED = ("torch", "transformers", "pandas", "scikit-learn", "scipy", "pyarrow", "onnx", "matplotlib", "hf-xet")


def run(*words: object, **options: object) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, env=environment(), **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def environment() -> dict[str, str]:
    """Returns the environment without what would lend the working tree to the installed program.

    Files that it names for pip and make are found from any folder.
    """
    lent = ("PYTHONPATH", "VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    kept = {name: value for name, value in os.environ.items() if name not in lent and not name.startswith("CAREPICK_")}
    return kept | {name: from_anywhere(kept[name]) for name in FILES_NAMED & kept.keys()}


def from_anywhere(words: str) -> str:
    """Returns the paths and addresses in `words`, those of files that exist made absolute."""
    return " ".join(str(Path(word).absolute()) if Path(word).exists() else word for word in words.split())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the folder of programs of an environment that holds the wheel and what it asks for."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    run(ROOT / "scripts" / "make_venv", venv, sys.executable)
    python = venv / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--no-compile", "-c", ROOT / "requirements-serve.txt", wheel)
    return venv / "bin"


def test_serving_install_is_small_and_has_nothing_of_training(
    installed: Path, wheel: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = json.loads(run(installed / "python", "-m", "pip", "list", "--format=json", "--disable-pip-version-check"))
    names = {package["name"].lower() for package in listed}
    assert {"flask", "onnxruntime", "tokenizers"} <= names
    assert not names & set(NEVER_SERVED)
    megabytes = disk_megabytes(installed.parent)
    with capsys.disabled():
        print(f"\nserving install: {megabytes:.0f} MB with pip; wheel: {wheel.stat().st_size / 1e6:.1f} MB")
    assert megabytes < MOST_MEGABYTES


def disk_megabytes(folder: Path) -> float:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*")) / 1e6


def test_wheel_carries_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    tracked = run("git", "-C", ROOT / "src", "ls-files", "-co", "--exclude-standard", "-z").split("\0")[:-1]
    assert {name for name in tracked if (ROOT / "src" / name).is_file()} <= packed


def test_installed_command_answers(installed: Path, tmp_path: Path) -> None:
    document = json.loads(run(installed / "carepick", "predict", SENTENCE, "-k", 3, "--json", cwd=tmp_path))
    assert (len(document["diseases"]), len(document["specialties"])) == (3, 3)
    assert "진료과" in run(installed / "python", "-m", "carepick", "predict", SENTENCE, cwd=tmp_path)


def test_importing_the_web_loads_no_model(installed: Path, tmp_path: Path) -> None:
    script = (
        "import sys, threading, carepick.web.app;"
        "print(sorted({'onnxruntime', 'tokenizers'} & set(sys.modules)), threading.active_count())"
    )
    assert run(installed / "python", "-c", script, cwd=tmp_path).split("\n")[0] == "[] 1"


def test_installed_server_answers_and_stops(
    installed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(installed / "carepick", "labels", cwd=tmp_path)  # the first run writes bytecode, as after any installation
    port, started = free_port(), time.monotonic()
    with server([installed / "carepick", "serve", "--port", port], tmp_path) as process:
        wait_until_ready(process, port)
        seconds = time.monotonic() - started
        answer = ask(port, "/specialty?k=3", {"text": SENTENCE})
        assert [list(row) for row in answer] == [["specialty", "score"]] * 3
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    with capsys.disabled():
        print(f"\nstart to ready: {seconds:.2f} s")
    printed = (tmp_path / "server.log").read_text(encoding="utf-8")
    assert f"http://127.0.0.1:{port}" in printed
    assert "curl" in printed
    assert SENTENCE not in printed.replace('-d \'{"text": "' + SENTENCE, "")


def test_make_serve_in_a_clean_clone(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    for name in run("git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z").split("\0")[:-1]:
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    for attempt in ("installs", "starts at once"):
        port = free_port()
        with server(["make", "serve", f"ARGS=--port {port}"], clone) as process:
            wait_until_ready(process, port)
            assert len(ask(port, "/disease", {"text": SENTENCE})) == 3
        printed = (clone / "server.log").read_text(encoding="utf-8")
        assert ("Installing" in printed) == (attempt == "installs")
    assert run(clone / ".venv" / "bin" / "carepick", "--version", cwd=tmp_path).startswith("carepick ")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Returns a folder with the files that make reads, and nothing else of the project."""
    for name in ("Makefile", "pyproject.toml", "requirements-lock.txt", "requirements-serve.txt"):
        shutil.copy2(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    return tmp_path


ADDRESS = "https://example.org/limits.txt"


@pytest.mark.parametrize("limits", [[], ["limits.txt"], ["{bare}/limits.txt"], [ADDRESS], ["limits.txt", ADDRESS]])
@pytest.mark.parametrize("there", [True, False])
def test_constraints_reach_pip_wherever_they_are(bare: Path, limits: list[str], there: bool) -> None:
    if there:
        (bare / "limits.txt").write_text("flask>=3\n", encoding="ascii")
    named = [limit.format(bare=bare) for limit in limits]
    for folder in (bare, bare / "scripts"):  # make -C: paths count from the Makefile's folder
        printed = run("make", "-n", "-C", bare, ".venv/.serve", f"CONSTRAINTS={' '.join(named)}", cwd=folder)
        words = [word for word in printed.split() if word.startswith("--constraint=")]
        assert words == [f"--constraint={limit}" for limit in ["requirements-serve.txt", *named]]


def test_what_the_tests_need_is_not_replaced_by_what_serving_needs(bare: Path) -> None:
    (bare / ".venv").mkdir()
    (bare / ".venv" / ".test").touch()
    printed = run("make", "-n", "-C", bare, ".venv/.serve", "CONSTRAINTS=", cwd=bare)
    assert [word for word in printed.split() if word.startswith("--con")] == ["--constraint=requirements-lock.txt"]


def test_serving_is_pinned_as_everything_is_but_for_what_it_never_imports() -> None:
    locks = [(ROOT / f"requirements-{name}.txt").read_text(encoding="ascii").splitlines() for name in ("serve", "lock")]
    serving, everything = ({line for line in lines if not line.startswith("huggingface-hub")} for lines in locks)
    names = {line.partition("==")[0] for line in serving}
    assert {"flask", "gunicorn", "numpy", "onnxruntime", "prometheus-client", "tokenizers"} <= names
    assert "hf-xet" not in names
    versions = {line.partition(" ;")[0] for line in everything}
    assert {line.partition(" ;")[0] for line in serving} <= versions


def test_files_named_for_pip_are_found_from_anywhere(monkeypatch: pytest.MonkeyPatch, bare: Path) -> None:
    monkeypatch.chdir(bare)
    monkeypatch.setenv("PIP_CONSTRAINT", f"requirements-lock.txt {ADDRESS} /nowhere/limits.txt")
    monkeypatch.setenv("CONSTRAINTS", "missing.txt")
    assert environment()["PIP_CONSTRAINT"] == f"{bare}/requirements-lock.txt {ADDRESS} /nowhere/limits.txt"
    assert environment()["CONSTRAINTS"] == "missing.txt"


@pytest.mark.parametrize("name", ["CONSTRAINTS", "PIP_CONSTRAINT"])
@pytest.mark.parametrize("value", [".ci/constraints.txt", "/nowhere/limits.txt", ADDRESS])
def test_make_says_what_is_missing(bare: Path, name: str, value: str) -> None:
    old = bare / "old-python"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
    old.chmod(0o755)
    words = ["make", "serve", f"PYTHON={old}"]
    named = environment() | {name: value}  # as it is: in this folder no such file exists
    done = subprocess.run(words, cwd=bare, capture_output=True, text=True, env=named)
    assert done.returncode == 2
    assert "Carepick needs Python 3.10 or later" in done.stderr
    assert not (bare / ".venv").exists()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def server(words: list[object], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a server in `folder`, its output in server.log, and ends it with all its processes."""
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [str(word) for word in words],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment(),
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(timeout=60)


def wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server has ended: see server.log"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return
        except OSError:
            time.sleep(0.02)
    pytest.fail("the server was not ready within five minutes")


def ask(port: int, path: str, document: object) -> list[dict[str, object]]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        json.dumps(document).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return list(json.load(response))
