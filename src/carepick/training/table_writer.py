"""Writes rows of named columns in the format that a file's name asks for."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from carepick.errors import DataError
from carepick.evaluation.tables import Row

_LONE_SURROGATES = "backslashreplace"  # halves of an emoji, as JSON may hold them

FORMATS = (".csv", ".json", ".jsonl", ".parquet")


def check_writable(path: Path) -> None:
    """Raises `DataError` when the name of `path` asks for no known format, or its folder is missing."""
    if path.suffix.lower() not in FORMATS:
        raise DataError(f"{path.name}: expected a file that ends in {', '.join(FORMATS)}")
    if not path.parent.is_dir():
        raise DataError(f"the folder of {path.name} is not there: make it first")


def write_table(rows: Sequence[Row], path: Path) -> None:
    """Writes `rows` to a .csv, .json, .jsonl or .parquet file, whole or not at all; where columns are, a row without one
    has an empty cell.

    Raises `DataError` when a value does not fit the format, or the disk is full.
    """
    check_writable(path)
    write = {".csv": _write_csv, ".json": _write_json, ".jsonl": _write_lines, ".parquet": _write_parquet}
    partial = path.with_name(path.name + ".partial")
    try:
        write[path.suffix.lower()](rows, partial)
        partial.replace(path)
    except OSError as error:
        raise DataError(f"{path.name} cannot be written: {error.strerror}") from None
    finally:
        partial.unlink(missing_ok=True)


def _columns(rows: Sequence[Row]) -> list[str]:
    """Returns the names of all columns that any row has, in the order in which they first come."""
    return list(dict.fromkeys(name for row in rows for name in row))


def _write_csv(rows: Sequence[Row], path: Path) -> None:
    with path.open("w", encoding="utf-8", errors=_LONE_SURROGATES, newline="") as file:
        writer = csv.DictWriter(file, _columns(rows))
        writer.writeheader()
        writer.writerows(rows)


def _write_json(rows: Sequence[Row], path: Path) -> None:
    document = json.dumps(list(rows), ensure_ascii=False, indent=1, default=str)
    path.write_text(document + "\n", encoding="utf-8", errors=_LONE_SURROGATES)


def _write_lines(rows: Sequence[Row], path: Path) -> None:
    with path.open("w", encoding="utf-8", errors=_LONE_SURROGATES) as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")


def _write_parquet(rows: Sequence[Row], path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    names = _columns(rows)
    try:
        columns = {name: pyarrow.array([_whole(row.get(name)) for row in rows]) for name in names}
    except (pyarrow.ArrowException, ValueError, TypeError):
        raise DataError(
            f"{path.stem}: a column holds values of different kinds, which Parquet cannot: write .jsonl"
        ) from None
    parquet.write_table(pyarrow.table(columns), path, compression="zstd")


def _whole(value: object) -> object:
    """Returns `value`; half an emoji in a text, which no Parquet file can hold, as an escape."""
    return value.encode("utf-8", _LONE_SURROGATES).decode() if isinstance(value, str) else value
