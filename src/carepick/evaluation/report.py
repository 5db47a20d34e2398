"""One self-contained page from the document of an evaluation: no scripts, no fonts, nothing fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from carepick.evaluation.charts.bars import Bar, bar_chart
from carepick.evaluation.charts.curves import reliability_chart, risk_chart
from carepick.evaluation.charts.matrix import matrix_chart
from carepick.evaluation.charts.svg import percent
from carepick.evaluation.intervals import Figure
from carepick.evaluation.metrics import ReliabilityBins

_FOLDER = Path(__file__).parent
LANGUAGES = ("ko", "en")
# More names than the first cannot be read on a page; then only the second number of classes is drawn.
_MOST_IN_MATRIX, _PART_IN_MATRIX = 36, 30
_ONE_COLUMN = 12  # more bars than this stand in two columns
_MARKS = (0.5, 0.8, 1.0)  # coverages at which the risk is written into the chart
NOT_SHARES = ("mrr", "ece", "disease_ece", "set_size", "auroc")


@dataclass(frozen=True)
class Example:
    """A text that was answered wrongly; only for reports that may show texts."""

    text: str
    right: str
    answered: str
    score: float


def render_report(document: Mapping[str, Any], language: str = "ko", examples: Sequence[Example] = ()) -> str:
    """Returns the HTML of the report on `document`, the content of metrics.json, in "ko" or "en".

    Texts of rows appear only through `examples`.
    """
    words = json.loads((_FOLDER / "words.json").read_text(encoding="utf-8"))[language]
    loader = jinja2.FileSystemLoader(_FOLDER / "templates")
    pages = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    pages.filters.update(percent=percent, figure=written, word=lambda key: words.get(key, key))
    pages.globals.update(
        w=words, language=language, style=Markup((_FOLDER / "templates/report.css").read_text("utf-8"))
    )
    labelled = document["kind"] == "labelled"
    charts = _charts(document, words) if labelled else {}
    page = pages.get_template("labelled.html" if labelled else "findings.html")
    return page.render(document=document, charts=charts, examples=examples)


def _charts(document: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    bins = ReliabilityBins(*(np.array(document["reliability"][name]) for name in ("rows", "score", "accuracy")))
    curve = [(share, risk) for share, risk in document["risk_coverage"]["points"]]
    titled = {name: words[name] for name in ("reliability", "risk_coverage")}
    return {
        "bars": _bar_columns(document["classes"], words),
        "matrix": _matrix(document["confusion"], words),
        "matrix_part": _PART_IN_MATRIX if len(_present(document["confusion"])) > _MOST_IN_MATRIX else 0,
        "reliability": reliability_chart(
            "reliability",
            bins,
            (titled["reliability"], words["reliability_desc"], words["score_axis"], words["accuracy_axis"]),
        ),
        "risk": risk_chart(
            "risk",
            curve,
            _MARKS,
            (titled["risk_coverage"], words["risk_desc"], words["coverage_axis"], words["risk_axis"]),
        ),
    }


def _bar_columns(classes: Sequence[Mapping[str, Any]], words: Mapping[str, str]) -> list[Markup]:
    """Returns the classes, best first, as one chart, or as two that stand side by side."""
    ordered = sorted(classes, key=lambda row: (-row["recall"]["value"], -row["top3"]))
    bars = [Bar(row["name"], Figure(**row["recall"]), row["top3"], row["rows"]) for row in ordered]
    height = len(bars) if len(bars) <= _ONE_COLUMN else -(-len(bars) // 2)
    return [
        bar_chart(f"bars-{start}", bars[start : start + height], words["per_class"], words["per_class_desc"])
        for start in range(0, len(bars), height)
    ]


def _present(confusion: Mapping[str, Any]) -> list[int]:
    """Returns the labels that are right or answered first at least once."""
    return sorted({label for right, answered, _ in confusion["counts"] for label in (right, answered)})


def _matrix(confusion: Mapping[str, Any], words: Mapping[str, str]) -> Markup:
    """Returns the chart of all labels in use, or of those with the most wrong answers and the others joined."""
    size = len(confusion["names"])
    counts = np.zeros((size, size), int)
    for right, answered, count in confusion["counts"]:
        counts[right, answered] = count
    shown, names = _present(confusion), list(confusion["names"])
    if len(shown) > _MOST_IN_MATRIX:
        wrong = counts.sum(0) + counts.sum(1) - 2 * counts.diagonal()
        shown = sorted(np.argsort(-wrong, kind="stable")[:_PART_IN_MATRIX].tolist())
        names = [*names, words["others"]]
        place = np.full(size, len(shown))
        place[shown] = np.arange(len(shown))
        joined = np.zeros((len(shown) + 1, len(shown) + 1), int)
        np.add.at(joined, (place[:, None], place[None, :]), counts)
        counts, shown = joined, [*shown, size]
    else:
        counts = counts[np.ix_(shown, shown)]
    axis = [names[label] for label in shown]
    titles = (words["confusion"], words["confusion_desc"], words["right_axis"], words["answered_axis"])
    return matrix_chart("matrix", axis, axis, counts, titles)


def written(value: float, name: str) -> str:
    """Returns a figure as it is usually written: shares in percent, others as a number."""
    return f"{value:.2f}" if name == "set_size" else f"{value:.3f}" if name in NOT_SHARES else percent(value)
