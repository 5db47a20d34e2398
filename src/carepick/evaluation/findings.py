"""What a study of one of our own evaluation sets found: shares with intervals, and tables. Holds no texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from carepick.errors import BundleError, DataError
from carepick.evaluation.asking import Progress, ask
from carepick.evaluation.intervals import Figure, wilson
from carepick.evaluation.tables import Row, read_table
from carepick.records import Prediction, Task
from carepick.service.predictor import Predictor

Cell = str | int | float

_TYPE_NAMES: Mapping[type, str] = {str: "a text", list: "a list", dict: "an object"}


@dataclass(frozen=True)
class Share:
    """`hits` of `rows`, with a Wilson interval."""

    hits: int
    rows: int

    @property
    def figure(self) -> Figure:
        """The share and its 95 % interval."""
        return wilson(self.hits, self.rows)

    def as_json(self) -> dict[str, Any]:
        """Returns value, low, high, hits and rows."""
        return {**self.figure.as_json(), "hits": self.hits, "rows": self.rows}


@dataclass(frozen=True)
class Table:
    """Named columns and rows of cells; cells that are floats are shares."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def as_json(self) -> dict[str, Any]:
        """Returns the columns and the rows as lists."""
        return {"columns": list(self.columns), "rows": [list(row) for row in self.rows]}


@dataclass(frozen=True)
class Findings:
    """Figures by name, in the order to show them, and tables by name."""

    rows: int
    figures: Mapping[str, Share | Figure]
    tables: Mapping[str, Table] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Returns everything as JSON values."""
        return {
            "rows": self.rows,
            "figures": {name: figure.as_json() for name, figure in self.figures.items()},
            "tables": {name: table.as_json() for name, table in self.tables.items()},
        }


def share(hits: Iterable[bool]) -> Share:
    """Returns how many of `hits` are true, of how many."""
    values = [bool(hit) for hit in hits]
    return Share(sum(values), len(values))


def shares_by(keys: Sequence[str], hits: Sequence[bool]) -> dict[str, Share]:
    """Returns the share of true `hits` for each distinct key, keys in ascending order."""
    return {key: share(hit for other, hit in zip(keys, hits, strict=True) if other == key) for key in sorted(set(keys))}


def read_cases(path: Path, columns: Mapping[str, type], filled: Sequence[str] = ()) -> list[Row]:
    """Returns the rows of `path`; raises `DataError` where a column of `columns` is missing or of another type, or a list of
    the columns `filled` is empty."""
    cases = read_table(path, list(columns))
    for number, case in enumerate(cases, 1):
        for column, wanted in columns.items():
            if not isinstance(case[column], wanted):
                raise DataError(f"{path.name}: row {number}, column {column}: expected {_TYPE_NAMES[wanted]}")
        for column in filled:
            if not case[column]:
                raise DataError(f"{path.name}: row {number}, column {column}: expected at least one")
    return cases


def need_both_tasks(predictor: Predictor) -> None:
    """Raises `BundleError` when the model answers one task only, so that a set on both cannot be asked."""
    if lacking := [task.value for task in Task if task not in predictor.manifests]:
        raise BundleError(
            f"this set needs a model that answers {lacking[0]} too: name both bundles, divided by a comma"
        )


def ask_all(predictor: Predictor, texts: Sequence[str], path: Path, progress: Progress | None) -> list[Prediction]:
    """Returns the answer to each of `texts`; raises `DataError` naming the first row that the predictor refuses."""
    answers = []
    for number, answer in enumerate(ask(predictor, texts, progress), 1):
        if isinstance(answer, Exception):
            raise DataError(f"{path.name}: row {number} cannot be asked: {answer}")
        answers.append(answer)
    return answers
