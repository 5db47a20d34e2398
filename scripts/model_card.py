#!/usr/bin/env python3
"""Puts the figures of `carepick evaluate` into docs/metrics.json and, as a table, into docs/model_card.md.

python scripts/model_card.py work/reports        # a folder with one folder of metrics.json for each evaluation
python scripts/model_card.py                     # only the table anew, from docs/metrics.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"
BEGIN, END = "<!-- figures: made by scripts/model_card.py from docs/metrics.json -->\n", "<!-- end of figures -->"


def collect(reports: Path) -> dict[str, Any]:
    """Returns of each report under `reports` its name, model, data and headline figures."""
    found = {}
    for path in sorted(reports.glob("*/metrics.json")):
        report = json.loads(path.read_text(encoding="utf-8"))
        kept = {key: report[key] for key in ("kind", "model", "rows", "figures") if key in report}
        found[path.parent.name] = kept | {"data": report.get("data", {}).get("name", "")}
    return found


def table(metrics: dict[str, Any]) -> str:
    """Returns the figures as Markdown tables, one for each report."""
    lines = []
    for name, report in metrics.items():
        lines += [f"### {name}", "", f"{report['data']}, {report['rows']} rows, {report['model']['version']}", ""]
        lines += ["| figure | value | 95 % interval |", "|---|---|---|"]
        for figure, value in report["figures"].items():
            low, high = value.get("low"), value.get("high")
            interval = "" if low is None else f"{low:.3f} to {high:.3f}"
            lines.append(f"| {figure} | {value['value']:.3f} | {interval} |")
        lines.append("")
    return "\n".join(lines)


def with_table(card: str, metrics: dict[str, Any]) -> str:
    """Returns the model card with the tables of `metrics` between its marks."""
    before, rest = card.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table(metrics)}\n{END}{after}"


def main(arguments: list[str]) -> None:
    """Writes metrics.json, when reports are named, and the tables."""
    path, card = DOCS / "metrics.json", DOCS / "model_card.md"
    if arguments:
        path.write_text(json.dumps(collect(Path(arguments[0])), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    metrics = json.loads(path.read_text(encoding="utf-8"))
    card.write_text(with_table(card.read_text(encoding="utf-8"), metrics), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
