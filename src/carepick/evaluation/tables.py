"""Reads a data file of any of the supported formats as rows of named columns, whole and strictly.

A figure must not rest on rows that were passed over in silence, so the first bad row stops the reading. Whoever answers
rows one by one (cli/tables.py) reads them one by one instead, and goes on after a bad one.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from carepick.errors import DataError

Row = Mapping[str, Any]
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,39}", re.ASCII)


def read_table(path: Path, columns: Sequence[str]) -> list[Row]:
    """Returns the rows of a .csv, .jsonl, .json (a list of objects) or .parquet file, each with all of `columns`.

    CSV values are text. Raises `DataError` naming the file and the row (from 1, the header not counted) or column
    that does not fit. Never quotes a value: it may be what a patient wrote.
    """
    readers = {".csv": _read_csv, ".jsonl": _read_json_lines, ".json": _read_json, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path.name}: expected a file that ends in {', '.join(readers)}")
    try:
        rows = list(reader(path))
    except FileNotFoundError:
        raise DataError(f"{path.name} is not there: check the path") from None
    except UnicodeDecodeError:
        raise DataError(f"{path.name} is not UTF-8: save it as UTF-8") from None
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror}") from None
    if not rows:
        raise DataError(f"{path.name} has no rows")
    for number, row in enumerate(rows, 1):
        for column in columns:
            if column not in row:
                raise DataError(f"{path.name}: row {number} has no column {column}; it has {_names(row)}")
    return rows


def _names(row: Row) -> str:
    """Returns the names of the columns of `row`; how many there are where they are none: a CSV file without a header line
    has a patient's words there."""
    if all(_NAME.fullmatch(str(name)) for name in row):
        return ", ".join(map(str, row))
    return f"{len(row)} of other names: is there a first line that names the columns?"


def _read_csv(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file, strict=True)
        try:
            header = next(lines, [])
            for number, values in enumerate(filter(None, lines), 1):
                if len(values) != len(header):
                    found = f"{len(values)} columns instead of {len(header)}"
                    raise DataError(f"{path.name}: row {number} has {found}: put quotes around text that holds commas")
                yield dict(zip(header, values, strict=True))
        except csv.Error as error:
            raise DataError(f"{path.name}: line {lines.line_num} is not CSV: {error}") from None


def _read_json_lines(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _object(line, f"{path.name}: line {number}")


def _read_json(path: Path) -> Iterator[Row]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError:
        raise DataError(f"{path.name} is not JSON") from None
    if not isinstance(document, list) or not all(isinstance(row, dict) for row in document):
        raise DataError(f"{path.name}: expected a list of objects")
    yield from document


def _object(line: str, place: str) -> Row:
    try:
        row = json.loads(line)
    except ValueError:
        raise DataError(f"{place} is not JSON") from None
    if not isinstance(row, dict):
        raise DataError(f"{place}: expected an object with named columns")
    return row


def _read_parquet(path: Path) -> Iterator[Row]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise DataError(f"{path.name}: reading Parquet needs pyarrow: pip install 'carepick[parquet]'") from None
    try:
        yield from parquet.read_table(path).to_pylist()
    except ArrowException:
        raise DataError(f"{path.name} is not a Parquet file, or is cut short") from None
