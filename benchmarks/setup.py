"""Makes what the benchmarks need: `python -m benchmarks.setup [SERVER ...]`.

An environment for each server in .venvs, what it weighs in .venvs/SERVER.json, and two random models of KM-BERT's size
in .models. What is there already is kept; only Carepick itself is installed anew each time, and the models are made
anew when the code that writes them has changed. A constraints file in PIP_CONSTRAINT counts, as it does for pip; the
models need the `train` extra in the Python that runs this.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.contestants import CAREPICK, KM_BERT, REQUIREMENTS, ROOT, SERVERS, VENVS

_DOWNLOAD = re.compile(r"(?:Downloading|Using cached) (\S+\.(?:whl|tar\.gz)) \(([\d.]+) (bytes|kB|MB|GB)\)")
_LOCAL = re.compile(r"Processing (?:\./)?(\S+\.whl)")
_UNITS = {"bytes": 1e-6, "kB": 1e-3, "MB": 1.0, "GB": 1e3}


def main(names: list[str]) -> int:
    """Sets up the servers called `names`, all when there are none; returns how many could not be."""
    VENVS.mkdir(exist_ok=True)
    failures = 0
    for name in names or list(SERVERS):
        try:
            print(f"{name}: {json.dumps(set_up(name))[:120]}", flush=True)
        except subprocess.CalledProcessError as error:
            failures += 1
            _note(name).write_text(
                json.dumps({"error": _last_lines(error.stderr)}, ensure_ascii=False), encoding="utf-8"
            )
            print(f"{name}: cannot be installed: {_last_lines(error.stderr)}", file=sys.stderr, flush=True)
    if KM_BERT.originals:
        make_models(KM_BERT.originals)
    return failures


def set_up(name: str) -> dict[str, Any]:
    """Returns what the environment of `name` weighs, after making it where it is not there yet."""
    python = VENVS / name / "bin" / "python"
    known = installed(name)
    if known and "error" not in known and python.exists():
        if name == CAREPICK.name:
            _pip(python, "install", "--no-compile", "--force-reinstall", "--no-deps", str(ROOT))
        return known
    _run(str(ROOT / "scripts" / "make_venv"), str(VENVS / name), sys.executable)
    lock = ROOT / "requirements-serve.txt"
    wanted = [str(ROOT), "-c", str(lock)] if name == CAREPICK.name else ["-r", str(REQUIREMENTS / f"{name}.txt")]
    said = _pip(python, "install", "--no-compile", *wanted)
    weights = {
        "disk_megabytes": round(disk_megabytes(VENVS / name), 1),
        "download_megabytes": round(download_megabytes(said), 1),
        "packages": {row["name"]: row["version"] for row in json.loads(_pip(python, "list", "--format=json"))},
    }
    _note(name).write_text(json.dumps(weights, indent=1) + "\n", encoding="utf-8")
    return weights


def installed(name: str) -> dict[str, Any]:
    """Returns what is noted of the environment of `name`; empty when nothing is."""
    note = _note(name)
    found: dict[str, Any] = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {}
    return found


def disk_megabytes(venv: Path) -> float:
    """Returns what the environment takes on disk, without pip and what pip brought."""
    paths = (path for path in venv.rglob("*") if not re.search(r"/site-packages/pip(-|/|$)", str(path)))
    return sum(path.lstat().st_blocks * 512 for path in paths) / 1e6


def download_megabytes(said: str) -> float:
    """Returns the size of all wheels that pip told of in `said`; wheels from a local folder are looked up there."""
    loaded = {name: float(size) * _UNITS[unit] for name, size, unit in _DOWNLOAD.findall(said)}
    local = {name: Path(name).stat().st_size / 1e6 for name in _LOCAL.findall(said)}
    return sum((loaded | local).values())


def make_models(folder: Path) -> None:
    """Writes the random models of KM-BERT's size to `folder`, in the original formats and as bundles, unless the code at
    hand has written those that are there."""
    code, written_by = code_checksum(), folder / "written-by"
    if written_by.exists() and written_by.read_text() == code:
        return
    shutil.rmtree(folder, ignore_errors=True)
    words = (sys.executable, "-m", "carepick", "dummy", str(folder), "--size", "km-bert", "--format", "all")
    print(f"making {folder.name}", flush=True)
    subprocess.run(words, check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "src")})
    written_by.write_text(code)


def code_checksum() -> str:
    """Returns the SHA-256 of the code that writes models."""
    files = sorted((ROOT / "src" / "carepick" / "training").glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _pip(python: Path, *words: str) -> str:
    return _run(str(python), "-m", "pip", words[0], "--disable-pip-version-check", "--no-input", *words[1:])


def _run(*words: str) -> str:
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return done.stdout


def _note(name: str) -> Path:
    return VENVS / f"{name}.json"


def _last_lines(text: str | None) -> str:
    return " ".join((text or "").strip().splitlines()[-3:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
