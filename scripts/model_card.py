#!/usr/bin/env python3
"""Puts the figures of `carepick evaluate` into docs/metrics.json and, as tables, into docs/model_card.md.

python scripts/model_card.py work/reports        # a folder with one folder of metrics.json for each evaluation
python scripts/model_card.py                     # only the tables anew, from docs/metrics.json

How far int8 answers as float32 does comes from the manifest of the bundle inside the package.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1]
DOCS = PROJECT / "docs"
MANIFEST = PROJECT / "src" / "carepick" / "engine" / "default_bundle" / "manifest.json"
BEGIN, END = "<!-- figures: made by scripts/model_card.py from docs/metrics.json -->\n", "<!-- end of figures -->"

# The tables of a report that are kept: kind of report, name there, name here, and columns there -> columns here.
KEPT: tuple[tuple[str, str, str, Mapping[str, str]], ...] = (
    ("triage", "topics", "Misses by topic",
     {"topic": "topic", "expected": "level", "texts": "rows", "wrong": "wrong"}),
    ("messages", "levels", "Answered by urgency",
     {"urgency": "urgency", "emergency": "119", "er": "emergency room", "crisis": "crisis", "danger": "danger", "none": "no alarm"}),
    ("behaviour", "by_capability", "Passed by capability",
     {"capability": "capability", "cases": "rows", "passed": "passed", "share": "share"}),
    ("scope", "by_kind", "Abstained by kind",
     {"kind": "kind", "texts": "rows", "abstained": "abstained", "share": "share"}),
    ("scope", "health_by_kind", "Wrongly abstained by kind",
     {"kind": "kind", "texts": "rows", "abstained": "abstained", "share": "share"}),
)  # fmt: skip


def collect(reports: Path) -> dict[str, Any]:
    """Returns of each report under `reports` its name, model, data, headline figures and the tables that are kept."""
    found = {}
    for path in sorted(reports.glob("*/metrics.json")):
        report = json.loads(path.read_text(encoding="utf-8"))
        kept = {key: report[key] for key in ("kind", "model", "rows", "figures") if key in report}
        kept["data"] = report.get("data", {}).get("name", "")
        found[path.parent.name] = kept | ({"tables": beside} if (beside := tables(report)) else {})
    return found


def tables(report: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Returns the tables of `report` that are kept, each row with its columns by name; of misses those that are any."""
    found = {}
    for kind, name, title, columns in KEPT:
        table = report.get("tables", {}).get(name)
        if report.get("kind") != kind or table is None:
            continue
        rows = (dict(zip(table["columns"], row, strict=True)) for row in table["rows"])
        found[title] = [{new: row[old] for old, new in columns.items()} for row in rows if row.get("wrong", 1)]
    return found


def figures(metrics: Mapping[str, Any], parity: Mapping[str, Mapping[str, float]]) -> str:
    """Returns all figures as Markdown: a part for each report, and one for how far int8 answers as float32 does."""
    lines = []
    for name, report in metrics.items():
        lines += [f"### {name}", "", f"{report['data']}, {report['rows']} rows, {report['model']['version']}", ""]
        lines += [*_markdown(("figure", "value", "95 % interval"), _headline(report["figures"])), ""]
        for title, rows in report.get("tables", {}).items():
            lines += [f"{title}{':' if rows else ': none'}", "", *_table(rows)]
    return "\n".join(lines + _parity(parity))


def with_figures(card: str, metrics: Mapping[str, Any], parity: Mapping[str, Mapping[str, float]]) -> str:
    """Returns the model card with the figures between its marks."""
    before, rest = card.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{figures(metrics, parity)}\n{END}{after}"


def shipped_parity() -> dict[str, dict[str, float]]:
    """Returns what the shipped bundle's manifest says of int8 against float32, for each task; empty without it."""
    return dict(json.loads(MANIFEST.read_text(encoding="utf-8"))["metrics"].get("int8_parity", {}))


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [*_markdown(tuple(rows[0]), [tuple(row.values()) for row in rows]), ""] if rows else []


def _headline(values: Mapping[str, Mapping[str, float]]) -> list[tuple[Any, ...]]:
    rows = []
    for name, value in values.items():
        low, high = value.get("low"), value.get("high")
        rows.append((name, float(value["value"]), "" if low is None else f"{low:.3f} to {high:.3f}"))
    return rows


def _parity(parity: Mapping[str, Mapping[str, float]]) -> list[str]:
    if not parity:
        return []
    columns = ("texts", "top1_agreement", "top3_overlap", "largest_difference", "mean_difference")
    rows = [
        (task, *(int(found[name]) if name == "texts" else found[name] for name in columns))
        for task, found in parity.items()
    ]
    told = "First answers that agree, share of the first three that both give, and how far scores differ."
    return ["### int8 against float32", "", told, "", *_markdown(("task", *columns), rows), ""]


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    return lines + [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]


def _cell(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def main(arguments: list[str]) -> None:
    """Writes metrics.json, when reports are named, and the figures in the model card."""
    path, card = DOCS / "metrics.json", DOCS / "model_card.md"
    if arguments:
        path.write_text(json.dumps(collect(Path(arguments[0])), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    metrics = json.loads(path.read_text(encoding="utf-8"))
    card.write_text(with_figures(card.read_text(encoding="utf-8"), metrics, shipped_parity()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
