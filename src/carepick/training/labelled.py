"""Labelled texts from a data file, checked row by row, and their division into training and validation."""

from __future__ import annotations

import difflib
import random
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from carepick.errors import DataError
from carepick.evaluation.tables import Row, read_table
from carepick.text.normalize import normalize

# A label longer than any disease's name is quoted by its length alone: the columns may be mixed up, and then it is
# what a patient wrote.
_LONGEST_QUOTED = 30


@dataclass(frozen=True)
class Problem:
    """One cell that does not fit: row (from 1, the header not counted), column, and what was expected there."""

    row: int
    column: str
    expected: str

    def __str__(self) -> str:
        return f"row {self.row}, column {self.column}: {self.expected}"


@dataclass(frozen=True)
class Examples:
    """Normalized texts and the name of the right label of each."""

    texts: tuple[str, ...]
    labels: tuple[str, ...]

    def take(self, rows: Sequence[int]) -> Examples:
        """Returns only the examples at these positions."""
        return Examples(tuple(self.texts[row] for row in rows), tuple(self.labels[row] for row in rows))


def find_problems(
    rows: Sequence[Row], text_column: str, label_column: str, known: Collection[str] | None
) -> list[Problem]:
    """Returns what is wrong with texts and labels, in the order of the rows; `known` labels, None for any."""
    problems = []
    for number, row in enumerate(rows, 1):
        text, label = row[text_column], row[label_column]
        if not isinstance(text, str) or not normalize(text):
            problems.append(Problem(number, text_column, "expected a text that is not blank"))
        if not isinstance(label, str) or not label.strip():
            problems.append(Problem(number, label_column, "expected a label, found none"))
        elif known is not None and label not in known:
            problems.append(Problem(number, label_column, _unknown(label, known)))
    return problems


def read_examples(path: Path, text_column: str, label_column: str, known: Collection[str] | None) -> Examples:
    """Returns the examples of a CSV, JSON or Parquet file; `known` are the labels allowed, None for any.

    Raises `DataError` for the first cell that does not fit, telling how many there are.
    """
    rows = read_table(path, [text_column, label_column])
    problems = find_problems(rows, text_column, label_column, known)
    if problems:
        more = f" (and {len(problems) - 1} more: `carepick data check` lists them)" if len(problems) > 1 else ""
        raise DataError(f"{path.name}: {problems[0]}{more}")
    return Examples(tuple(normalize(row[text_column]) for row in rows), tuple(row[label_column] for row in rows))


def class_names(train: Examples, validation: Examples) -> list[str]:
    """Returns the label names in the order of the classes, as scikit-learn's LabelEncoder sorts them.

    Raises `DataError` for fewer than two classes, and for validation labels without a training row.
    """
    names = sorted(set(train.labels))
    if len(names) < 2:
        raise DataError(f"the training rows hold {len(names)} label(s): a classifier needs rows of two or more")
    unseen = sorted(set(validation.labels) - set(names))
    if unseen:
        raise DataError(f"no training row has the label {_listed(unseen)}, which validation rows have: add rows of it")
    return names


def divide(examples: Examples, share: float, seed: int) -> tuple[Examples, Examples]:
    """Returns training and validation examples: `share` (0..1) of each class is held out, drawn by `seed`.

    A class keeps at least one training row. Raises `DataError` when nothing is left to validate on.
    """
    by_label: dict[str, list[int]] = {}
    for position, label in enumerate(examples.labels):
        by_label.setdefault(label, []).append(position)
    rng = random.Random(seed)
    held: set[int] = set()
    for label in sorted(by_label):
        positions = by_label[label]
        held.update(rng.sample(positions, min(round(len(positions) * share), len(positions) - 1)))
    if not held:
        raise DataError("too few rows to hold any out for validation: add rows or give --validation a file")
    kept = [position for position in range(len(examples.labels)) if position not in held]
    return examples.take(kept), examples.take(sorted(held))


def label_counts(rows: Sequence[Row], label_column: str) -> Counter[str]:
    """Returns how many rows each label has; blank ones are left out."""
    return Counter(str(row[label_column]) for row in rows if row[label_column] not in (None, ""))


def _unknown(label: str, known: Collection[str]) -> str:
    found = f'"{label}"' if len(label) <= _LONGEST_QUOTED else f"a value of {len(label)} characters"
    near = difflib.get_close_matches(label, list(known), 1)
    hint = f'; did you mean "{near[0]}"?' if near else ""
    return f"expected one of the catalog's {len(known)} names, found {found}{hint}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(name[:_LONGEST_QUOTED] for name in names[:5]) + (" and others" if len(names) > 5 else "")
