"""Horizontal bars: one row a class, with its share, its interval and a fainter second share behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from carepick.evaluation.charts.svg import box, line, percent, picture, text_width, words
from carepick.evaluation.intervals import Figure

_STEP, _BAR, _PLOT, _TOP = 20, 12, 230, 26


@dataclass(frozen=True)
class Bar:
    """A row of the chart: `main` is drawn strong with its interval, `behind` (not below it) faint, `rows` is n."""

    name: str
    main: Figure
    behind: float
    rows: int


def bar_chart(name: str, bars: Sequence[Bar], title: str, description: str) -> Markup:
    """Returns the bars from top to bottom over an axis from 0 to 100 %."""
    left = max(text_width(bar.name) for bar in bars) + 10
    height = _TOP + _STEP * len(bars) + 4
    parts = [part for tick in (0, 0.25, 0.5, 0.75, 1) for part in _tick(left + tick * _PLOT, tick, height)]
    for place, bar in enumerate(bars):
        parts += _bar(bar, left, _TOP + place * _STEP)
    return picture(name, left + _PLOT + 92, height, title, description, parts)


def _tick(x: float, share: float, height: float) -> list[Markup]:
    return [line(x, _TOP - 6, x, height - 4, "grid"), words(x, _TOP - 11, f"{share:.0%}", "tick", "middle")]


def _bar(bar: Bar, left: float, top: float) -> list[Markup]:
    value, low, high = bar.main.value, bar.main.low, bar.main.high
    middle, y = top + _STEP / 2, top + (_STEP - _BAR) / 2
    tip = f"{bar.name}: {percent(value)} ({percent(low)} - {percent(high)}), {percent(bar.behind)}, n = {bar.rows}"
    return [
        words(left - 8, middle + 4, bar.name, "name", "end"),
        box(left, y, bar.behind * _PLOT, _BAR, "behind", tip=tip),
        box(left, y, value * _PLOT, _BAR, "main", tip=tip),
        line(left + low * _PLOT, middle, left + high * _PLOT, middle, "whisker"),
        words(left + _PLOT + 44, middle + 4, f"{value * 100:.0f}", "value", "end"),
        words(left + _PLOT + 90, middle + 4, f"{bar.rows:,}", "tick", "end"),
    ]
