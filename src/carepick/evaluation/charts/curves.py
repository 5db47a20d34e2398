"""Charts over two axes from 0 to 1: the reliability diagram and the risk-coverage curve."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from carepick.evaluation.charts.svg import box, curve, dot, line, percent, picture, words
from carepick.evaluation.intervals import wilson
from carepick.evaluation.metrics import ReliabilityBins

_LEFT, _TOP, _SIDE, _STRIP = 52, 14, 300, 56


def reliability_chart(name: str, bins: ReliabilityBins, titles: tuple[str, str, str, str]) -> Markup:
    """Returns the share of right answers over the mean score, with Wilson intervals, over how many rows each bin has.

    `titles`: title, description, x axis, y axis. Points on the diagonal mean what they say.
    """
    parts = [*_axes(1.0, titles[2], titles[3], _STRIP + 14), line(_x(0), _y(0, 1), _x(1), _y(1, 1), "ideal")]
    floor, width = _TOP + _SIDE + 14 + _STRIP, _SIDE / len(bins.rows)
    for place, rows in enumerate(bins.rows):
        if rows:
            score, accuracy = float(bins.score[place]), float(bins.accuracy[place])
            sure = wilson(round(accuracy * rows), int(rows))
            tip = f"{percent(score)} → {percent(accuracy)}, n = {int(rows):,}"
            height = _STRIP * rows / bins.rows.max()
            parts += [
                line(_x(score), _y(sure.low, 1), _x(score), _y(sure.high, 1), "whisker"),
                dot(_x(score), _y(accuracy, 1), 4.5, "main", tip),
                box(_x(0) + place * width + 1, floor - height, width - 2, height, "behind", tip=tip),
            ]
    return picture(name, _LEFT + _SIDE + 18, floor + 44, titles[0], titles[1], parts)


def risk_chart(
    name: str, points: Sequence[tuple[float, float]], marks: Sequence[float], titles: tuple[str, str, str, str]
) -> Markup:
    """Returns the share of wrong answers (y) among the surest share of rows (x), from `points` in order of coverage.

    `marks`: coverages at which the risk is written out. `titles`: title, description, x axis, y axis.
    """
    highest = max(risk for _, risk in points)
    top = next(step for step in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0) if step >= highest)
    parts = [*_axes(top, titles[2], titles[3], 0), curve([(_x(c), _y(r, top)) for c, r in points], "main-line")]
    for mark in marks:
        coverage, risk = min(points, key=lambda point: abs(point[0] - mark))
        parts += [
            dot(_x(coverage), _y(risk, top), 4, "main", f"{percent(coverage)} → {percent(risk)}"),
            words(_x(coverage) - 6, _y(risk, top) - 8, percent(risk), "value", "end"),
        ]
    return picture(name, _LEFT + _SIDE + 18, _TOP + _SIDE + 44, titles[0], titles[1], parts)


def _axes(top: float, x_title: str, y_title: str, below: float) -> list[Markup]:
    """Returns grid, ticks and titles; the x axis's words stand `below` units under the plot."""
    parts = []
    for fraction in (0, 0.2, 0.4, 0.6, 0.8, 1.0):
        x, y = _x(fraction), _y(fraction * top, top)
        parts += [
            line(x, _TOP, x, _TOP + _SIDE, "grid"),
            line(_LEFT, y, _LEFT + _SIDE, y, "grid"),
            words(x, _TOP + _SIDE + below + 16, f"{fraction:.0%}", "tick", "middle"),
            words(_LEFT - 7, y + 4, f"{fraction * top:.0%}", "tick", "end"),
        ]
    parts.append(words(_x(0.5), _TOP + _SIDE + below + 35, x_title, "axis", "middle"))
    parts.append(words(12, _TOP + _SIDE / 2, y_title, "axis", "middle", -90))
    return parts


def _x(share: float) -> float:
    return _LEFT + share * _SIDE


def _y(value: float, top: float) -> float:
    return _TOP + _SIDE * (1 - value / top)
