"""The gate between int8 and float32: what it measured stands in the manifest of the bundle that is shipped."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.train

TEXTS = ["머리가 아프고 열이 나요", "배가 아파요", "눈이 침침해요"]


@dataclass
class Written:
    int8: Path
    float32: Path
    report: Path


@pytest.fixture
def export(make_bundle: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Returns a function that exports with a gate; random bundles stand in for those that a recipe writes."""
    import pandas as pd

    from carepick.training import export as module

    ready = {precision: make_bundle(precision=precision, seed=9) for precision in ("int8", "float32")}

    def write(parts: Any, folder: Path, precision: str, settings: Any) -> None:
        shutil.copytree(ready[precision], folder)

    monkeypatch.setattr(module, "write_bundle", write)
    rows = pd.DataFrame({"text": TEXTS, "purpose": ["disease", "department", "disease"]})
    parts: Any = type("Parts", (), {"rows": rows})

    def run(least_agreement: float) -> Written:
        written = Written(tmp_path / "int8", tmp_path / "float32", tmp_path / "parity.json")
        settings = module.ExportSettings(least_agreement=least_agreement)
        module.export_bundles(parts, written.int8, written.float32, written.report, settings)
        return written

    return run


def test_parity_is_in_the_manifest_of_the_int8_bundle(export: Any) -> None:
    from carepick.engine.bundle import open_bundle

    written = export(0.0)
    measured = open_bundle(written.int8).manifest.metrics["int8_parity"]
    assert measured == json.loads(written.report.read_text())
    assert {"disease", "department"} == set(measured)
    assert measured["disease"]["texts"] == len(TEXTS)
    assert "int8_parity" not in open_bundle(written.float32).manifest.metrics


def test_a_bundle_that_agrees_too_seldom_is_not_shipped(export: Any) -> None:
    from carepick.errors import TrainingError

    with pytest.raises(TrainingError, match=r"the gate is 1\.01: keep more layers in float32"):
        export(1.01)
