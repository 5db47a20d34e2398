"""Pictures of the results, as SVG."""

from __future__ import annotations

from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from benchmarks.bars import limit, p99, rate
from benchmarks.contestants import CAREPICK, MODEL_SETS, SERVERS
from benchmarks.plan import SCENARIOS
from benchmarks.results import Results

_OURS, _OTHERS = "#0b6e4f", "#9aa5b1"
_CLOSED = [scenario for scenario in SCENARIOS if scenario.clients]


def draw(results: Results, folder: Path) -> None:
    """Writes rate-MODELS.svg to `folder` for each model set: what each server answers, how late, in how much memory."""
    folder.mkdir(exist_ok=True)
    matplotlib.rcParams["svg.hashsalt"] = "carepick"  # the same picture from the same results, to the byte
    for models in MODEL_SETS:
        names = [name for name in SERVERS if rate(results, name, models, _CLOSED[-1].name)]
        if names:
            figure = Figure(figsize=(11, 1.2 + 0.42 * len(names)), layout="constrained")
            _fill(figure, results, models, names)
            figure.savefig(folder / f"rate-{models}.svg", metadata={"Date": None})


def _fill(figure: Figure, results: Results, models: str, names: list[str]) -> None:
    busiest = _CLOSED[-1]
    rates = [found for name in names if (found := rate(results, name, models, busiest.name))]
    lates = [p99(results, name, models, busiest.name) for name in names]
    memory = [
        max(each.memory.pss for each in results.measurements if (each.server, each.models) == (name, models))
        for name in names
    ]
    columns = (
        (f"sentences a second, {busiest.title}", [each.median for each in rates]),
        (f"p99 in ms, {busiest.title}", [each.median if each else 0.0 for each in lates]),
        ("PSS under load, MB", memory),
    )
    axes = figure.subplots(1, len(columns), sharey=True)
    colors = [_OURS if name == CAREPICK.name else _OTHERS for name in names]
    for axis, (title, values) in zip(axes, columns, strict=True):
        bars = axis.barh([SERVERS[name].title for name in names], values, color=colors)
        axis.bar_label(bars, fmt="%.4g", padding=2, fontsize=8)
        axis.set_title(title, fontsize=9)
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0.18)
    alone = limit(results, models)
    if alone:
        axes[0].axvline(alone.median, color="#c1440e", linewidth=1, linestyle="--", label="engine alone")
        axes[0].legend(fontsize=7, frameon=False)
    axes[0].invert_yaxis()
