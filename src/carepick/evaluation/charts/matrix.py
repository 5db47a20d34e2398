"""A confusion matrix with a name at every row and column."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from carepick.evaluation.charts.svg import box, line, percent, picture, text_width, words
from carepick.evaluation.metrics import Array

_CELL = 27
_TURN = -60  # column names lean, so that they stay legible and need little width
_DARK = 0.7  # from this opacity on, figures take the colour made for dark cells


def matrix_chart(
    name: str, rows: Sequence[str], columns: Sequence[str], counts: Array, titles: tuple[str, str, str, str]
) -> Markup:
    """Returns the matrix: a cell's strength is its share of its row, its figure the count.

    `counts` (rows, columns) int; cell (i, i) is a right answer. `titles`: title, description, what rows are, what
    columns are.
    """
    left = max(map(text_width, rows)) + 34
    top = max(map(text_width, columns)) * 0.87 + 34
    lean = max(map(text_width, columns)) * 0.5
    shares = counts / counts.sum(1, keepdims=True).clip(min=1)
    parts = [words(left, 14, f"{titles[3]} →", "tick"), words(14, top, f"{titles[2]} →", "tick", "end", -90)]
    for j, column in enumerate(columns):
        parts.append(words(left + j * _CELL + _CELL * 0.65, top - 6, column, "name", "start", _TURN))
    for i, row in enumerate(rows):
        y = top + i * _CELL
        parts.append(words(left - 8, y + _CELL * 0.65, row, "name", "end"))
        parts.append(line(left, y, left + _CELL * len(columns), y, "grid"))
        for j in counts[i].nonzero()[0]:
            tip = f"{row} → {columns[j]}: {counts[i, j]} ({percent(shares[i, j])})"
            parts += _cell(left + j * _CELL, y, int(counts[i, j]), float(shares[i, j]), bool(i == j), tip)
    width = left + _CELL * len(columns) + lean + 4
    return picture(name, width, top + _CELL * len(rows) + 4, titles[0], titles[1], parts)


def _cell(x: float, y: float, count: int, share: float, right: bool, tip: str) -> list[Markup]:
    # The square root keeps small shares of wrong answers visible beside the diagonal.
    opacity = share if right else min(1.0, share**0.5)
    kind = "main" if right else "wrong"
    ink = "on-dark" if opacity >= _DARK else "on-light"
    return [
        box(x + 0.5, y + 0.5, _CELL - 1, _CELL - 1, kind, max(0.04, opacity), tip),
        words(x + _CELL / 2, y + _CELL * 0.63, _compact(count), f"count {ink}", "middle"),
    ]


def _compact(count: int) -> str:
    return str(count) if count < 1000 else f"{count / 1000:.1f}k" if count < 10_000 else f"{count // 1000}k"
