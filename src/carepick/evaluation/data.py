"""The rows that a model is scored on: a text, its right label, and the groups that it belongs to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from carepick.errors import DataError
from carepick.evaluation.metrics import Array
from carepick.evaluation.tables import Row, read_table

_MASK = "[MASK]"
_DATE = re.compile(r"(\d{4})[-./](\d{1,2})\b.*")
# Upper ends of the length slices, in characters; chosen so that a search phrase, a sentence, a question and a story
# fall apart.
LENGTHS = (20, 50, 100, 200, 400)


@dataclass(frozen=True)
class LabelledRows:
    """Texts without masks, the column of the right label of each in `labels`, and its value for each group.

    `texts` n, `targets` (n,) int, `groups` group name -> n values; `unlabelled` rows were left out for want of a label.
    """

    texts: tuple[str, ...]
    targets: Array
    groups: Mapping[str, tuple[str, ...]]
    unlabelled: int

    def take(self, rows: Sequence[int]) -> LabelledRows:
        """Returns only the rows at these positions."""
        groups = {name: tuple(values[row] for row in rows) for name, values in self.groups.items()}
        texts = tuple(self.texts[row] for row in rows)
        return LabelledRows(texts, self.targets[list(rows)], groups, self.unlabelled)


def read_labelled(
    path: Path, columns: Mapping[str, int], text_column: str, label_column: str, group_columns: Sequence[str] = ()
) -> LabelledRows:
    """Returns the labelled rows of a data file; `columns`: every known name or id of a label -> its column of scores.

    Masks are removed, as a person's own text has none; rows without a label are left out. Groups are the length and
    the `group_columns`, dates shortened to their month. Raises `DataError` for an unknown label.
    """
    rows = read_table(path, [text_column, label_column, *group_columns])
    kept = [(number, row) for number, row in enumerate(rows, 1) if not _blank(row[label_column])]
    if not kept:
        raise DataError(f"{path.name}: column {label_column} has no labels")
    texts = tuple(unmasked(text_of(row, text_column, f"{path.name}: row {number}")) for number, row in kept)
    places = [f"{path.name}: row {number}, column {label_column}" for number, _ in kept]
    targets = [_column(row[label_column], columns, place) for (_, row), place in zip(kept, places, strict=True)]
    groups = {"length": tuple(length_group(text) for text in texts)}
    for name in group_columns:
        groups[name] = tuple(_group(row[name]) for _, row in kept)
    return LabelledRows(texts, np.array(targets, int), groups, len(rows) - len(kept))


def text_of(row: Row, column: str, place: str) -> str:
    """Returns the text in `column` of `row`; raises `DataError` that begins with `place` when it is no text."""
    value = row.get(column)
    if not isinstance(value, str):
        raise DataError(f"{place}, column {column}: expected a text")
    return value


def unmasked(text: str) -> str:
    """Returns `text` without masks, as a person who does not know the disease's name would type it."""
    return re.sub(r"\s+", " ", text.replace(_MASK, " ")).strip() if _MASK in text else text


def length_group(text: str) -> str:
    """Returns the length slice of `text`, such as "21-50" characters."""
    least = 1
    for most in LENGTHS:
        if len(text) <= most:
            return f"{least}-{most}"
        least = most + 1
    return f"{least}-"


def ordered_groups(values: Sequence[str], most: int) -> list[str]:
    """Returns the distinct `values`, numbers in them by size; only the `most` frequent when there are more."""
    frequent = {value for value, _ in Counter(values).most_common(most)}
    return sorted(frequent, key=lambda value: re.sub(r"\d+", lambda number: number[0].zfill(9), value))


def _blank(value: object) -> bool:
    return value is None or value != value or not str(value).strip()


def _column(label: object, columns: Mapping[str, int], place: str) -> int:
    column = columns.get(str(label).strip())
    if column is None:
        raise DataError(f"{place}: not a known label: use the names or ids that `carepick labels` lists")
    return column


def _group(value: object) -> str:
    text = "" if _blank(value) else str(value).strip()
    dated = _DATE.fullmatch(text)
    return f"{dated[1]}-{int(dated[2]):02}" if dated else text
