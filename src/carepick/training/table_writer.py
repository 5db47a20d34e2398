"""Writes rows of named columns in the format that a file's name asks for."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from carepick.errors import DataError
from carepick.evaluation.tables import Row

FORMATS = (".csv", ".json", ".jsonl", ".parquet")


def check_writable(path: Path) -> None:
    """Raises `DataError` when the name of `path` asks for no known format, or its folder is missing."""
    if path.suffix.lower() not in FORMATS:
        raise DataError(f"{path.name}: expected a file that ends in {', '.join(FORMATS)}")
    if not path.parent.is_dir():
        raise DataError(f"the folder of {path.name} is not there: make it first")


def write_table(rows: Sequence[Row], path: Path) -> None:
    """Writes `rows`, which share their columns, to a .csv, .json, .jsonl or .parquet file; whole or not at all."""
    check_writable(path)
    partial = path.with_name(path.name + ".partial")
    {".csv": _write_csv, ".json": _write_json, ".jsonl": _write_lines, ".parquet": _write_parquet}[path.suffix.lower()](
        rows, partial
    )
    partial.replace(path)


def _write_csv(rows: Sequence[Row], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)


def _write_json(rows: Sequence[Row], path: Path) -> None:
    path.write_text(json.dumps(list(rows), ensure_ascii=False, indent=1, default=str) + "\n", encoding="utf-8")


def _write_lines(rows: Sequence[Row], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")


def _write_parquet(rows: Sequence[Row], path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist([dict(row) for row in rows]), path, compression="zstd")
