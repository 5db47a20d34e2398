"""The model card tells the figures that were measured, and those of the bundle that is shipped."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

from carepick.engine.bundle import DEFAULT_BUNDLE
from carepick.engine.manifest import read_manifest

PROJECT = Path(__file__).parents[1]


def test_the_card_holds_the_measured_figures() -> None:
    spec = importlib.util.spec_from_file_location("model_card", PROJECT / "scripts" / "model_card.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    metrics = json.loads((PROJECT / "docs" / "metrics.json").read_text(encoding="utf-8"))
    card = (PROJECT / "docs" / "model_card.md").read_text(encoding="utf-8")
    assert script.with_table(card, metrics) == card


def test_the_figures_are_those_of_the_shipped_bundle() -> None:
    metrics = json.loads((PROJECT / "docs" / "metrics.json").read_text(encoding="utf-8"))
    version = read_manifest(DEFAULT_BUNDLE).version
    ours = [name for name, report in metrics.items() if report["model"]["version"] == version]
    assert {"departments", "diseases", "vignettes", "triage", "out-of-scope", "behaviour"} <= set(ours)
