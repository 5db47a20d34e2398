"""The model card tells the figures that were measured, and those of the bundle that is shipped."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

from carepick.engine.bundle import DEFAULT_BUNDLE
from carepick.engine.manifest import read_manifest

PROJECT = Path(__file__).parents[1]
DOCS = PROJECT / "docs"
INTERVAL = {"value": 0.5, "low": 0.25, "high": 0.75}


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("model_card", PROJECT / "scripts" / "model_card.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def metrics() -> dict[str, Any]:
    return dict(json.loads((DOCS / "metrics.json").read_text(encoding="utf-8")))


def test_the_card_holds_the_measured_figures(script: Any, metrics: dict[str, Any]) -> None:
    card = (DOCS / "model_card.md").read_text(encoding="utf-8")
    assert script.with_figures(card, metrics, script.shipped_parity()) == card


def test_every_report_of_the_manual_is_there_for_the_shipped_bundle(metrics: dict[str, Any]) -> None:
    version = read_manifest(DEFAULT_BUNDLE).version
    ours = {name for name, report in metrics.items() if report["model"]["version"] == version}
    named = set(re.findall(r"--out \$R/(\S+)", (DOCS / "evaluation.md").read_text(encoding="utf-8")))
    assert {"departments", "diseases", "vignettes", "triage", "out-of-scope", "behaviour"} <= named
    assert named <= ours


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("triage", "Misses by topic"),
        ("behaviour", "Passed by capability"),
        ("out-of-scope", "Abstained by kind"),
    ],
)
def test_what_went_wrong_is_told_in_parts(name: str, title: str, metrics: dict[str, Any]) -> None:
    assert metrics[name]["tables"][title]
    assert f"{title}:" in (DOCS / "model_card.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["departments", "diseases"])
def test_alarms_and_sets_within_classes_are_measured(name: str, metrics: dict[str, Any]) -> None:
    wanted = {"alarms", "set_coverage", "set_coverage_least_class", "set_coverage_median_class"}
    assert wanted <= metrics[name]["figures"].keys()


def test_the_shipped_bundle_tells_how_far_int8_answers_as_float32_does(script: Any) -> None:
    parity = script.shipped_parity()
    assert {"disease", "department"} == set(parity)
    assert all(found["top1_agreement"] >= 0.99 for found in parity.values())


def write_report(folder: Path, **parts: Any) -> None:
    folder.mkdir()
    report = {"model": {"name": "m", "version": "1"}, "rows": 9, "figures": {"heard": INTERVAL}, **parts}
    (folder / "metrics.json").write_text(json.dumps(report | {"data": {"name": "a.jsonl"}}), encoding="utf-8")


def test_only_misses_are_kept_of_topics(script: Any, tmp_path: Path) -> None:
    columns = ["expected", "topic", "wrong", "texts", "share"]
    rows = [["emergency", "burns", 2, 5, 0.4], ["none", "colds", 0, 4, 0.0]]
    levels = {"columns": ["expected", "none"], "rows": [["none", 4]]}
    topics = {"columns": columns, "rows": rows}
    write_report(tmp_path / "triage", kind="triage", tables={"topics": topics, "levels": levels})
    found = script.collect(tmp_path)
    missed = {"topic": "burns", "level": "emergency", "rows": 5, "wrong": 2}
    assert found["triage"]["tables"] == {"Misses by topic": [missed]}
    page = script.figures(found, {})
    assert "| heard | 0.500 | 0.250 to 0.750 |" in page
    assert "| topic | level | rows | wrong |" in page
    assert "| burns | emergency | 5 | 2 |" in page
    assert "int8" not in page


def test_rates_are_kept_even_where_nothing_went_wrong(script: Any, tmp_path: Path) -> None:
    capability = {"columns": ["capability", "passed", "cases", "share"], "rows": [["minimum / negation", 0, 4, 0.0]]}
    kind = {"columns": ["kind", "abstained", "texts", "share"], "rows": [["chat", 3, 3, 1.0]]}
    write_report(tmp_path / "behaviour", kind="behaviour", tables={"by_capability": capability, "failed": capability})
    write_report(tmp_path / "scope", kind="scope", tables={"by_kind": kind})
    write_report(tmp_path / "vague", kind="vague", tables={"by_kind": kind})
    found = script.collect(tmp_path)
    assert "tables" not in found["vague"]
    page = script.figures(found, {})
    assert "| minimum / negation | 4 | 0 | 0.000 |" in page
    assert "| chat | 3 | 3 | 1.000 |" in page


def test_parity_is_a_table_of_its_own(script: Any) -> None:
    found = {"texts": 2000.0, "top1_agreement": 0.9925, "top3_overlap": 0.99, "largest_difference": 0.1}
    page = script.figures({}, {"disease": found | {"mean_difference": 0.001}})
    assert "### int8 against float32" in page
    assert "| disease | 2000 | 0.993 | 0.990 | 0.100 | 0.001 |" in page
