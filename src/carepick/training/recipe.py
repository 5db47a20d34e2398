"""Runs a recipe: steps with inputs, outputs and checksums, each run only when something it reads has changed."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from carepick.errors import TrainingError

_STATE_NAME = "state.json"


@dataclass(frozen=True)
class Step:
    """One step: the name of the function that runs it, its paths within the work folder, and its settings."""

    run: str
    about: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    settings: Mapping[str, Any]


StepFunction = Callable[[list[Path], list[Path], Mapping[str, Any]], None]


def read_recipe(path: Path) -> tuple[str, list[Step]]:
    """Returns the name and the steps of the recipe at `path`; raises `TrainingError` that says what does not fit."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TrainingError(f"there is no recipe at {path}") from None
    except tomllib.TOMLDecodeError as error:
        raise TrainingError(f"{path} is not valid TOML: {error}") from None
    try:
        steps = [
            Step(
                run=step["run"],
                about=step.get("about", ""),
                inputs=tuple(step["inputs"]),
                outputs=tuple(step["outputs"]),
                settings=step.get("settings", {}),
            )
            for step in document["steps"]
        ]
        return document["name"], steps
    except KeyError as missing:
        raise TrainingError(
            f"{path}: every recipe has a name and steps with run, inputs and outputs; {missing} is missing"
        ) from None


def run_recipe(
    path: Path, data: Path, work: Path, functions: Mapping[str, StepFunction], report: Callable[[str], None]
) -> None:
    """Brings every output of the recipe up to date in `work`.

    `$DATA` in an input stands for `data`; other paths lie in `work` or, where absent there, beside the recipe's folder.
    An interrupted step goes on where it was when its settings and inputs are the same; otherwise what it left is removed
    before it runs. `report` is told of each step. Raises `TrainingError` for an unknown step or a missing input.
    """
    _, steps = read_recipe(path)
    work.mkdir(parents=True, exist_ok=True)
    state_path = work / _STATE_NAME
    state = _read_state(state_path)
    for step in steps:
        if step.run not in functions:
            raise TrainingError(f"{path}: no step is called {step.run}; there are {', '.join(sorted(functions))}")
        inputs = [_resolve(name, data, work, path.parent.parent) for name in step.inputs]
        outputs = [work / name for name in step.outputs]
        fingerprint = {
            "settings": dict(step.settings),
            "inputs": {n: checksum(p) for n, p in zip(step.inputs, inputs, strict=True)},
        }
        made = " ".join(step.outputs)  # a kind of step may run twice, but never with the same outputs
        before = state.get(made, {})
        if before.get("made_from") == fingerprint and all(output.exists() for output in outputs):
            report(f"{step.run}: up to date")
            continue
        report(f"{step.run}: {step.about}")
        if before.get("begun_from") != fingerprint:
            for output in outputs:
                _remove(output)  # a step may go on from what it finds, and this was made from something else
            state[made] = {"begun_from": fingerprint}
            _write_state(state_path, state)
        functions[step.run](inputs, outputs, step.settings)
        state[made] = {"made_from": fingerprint, "made": {output.name: checksum(output) for output in outputs}}
        _write_state(state_path, state)


def checksum(path: Path) -> str:
    """Returns the sha256 of a file, or of the names and contents of all files in a folder, as hexadecimal digits."""
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    for file in files:
        digest.update(file.relative_to(path).as_posix().encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _read_state(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (TypeError, ValueError):
        raise TrainingError(f"{path} is damaged: delete it, and every step runs again") from None


def _write_state(path: Path, state: Mapping[str, Any]) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(state, indent=1, sort_keys=True), encoding="utf-8")
    partial.replace(path)


def _remove(output: Path) -> None:
    if output.is_dir() and not output.is_symlink():
        shutil.rmtree(output)
    else:
        output.unlink(missing_ok=True)


def _resolve(name: str, data: Path, work: Path, project: Path) -> Path:
    candidates = [data / name.removeprefix("$DATA/")] if name.startswith("$DATA/") else [work / name, project / name]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise TrainingError(f"the input {name} is missing: expected at {candidates[0]}")
