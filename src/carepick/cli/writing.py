"""Writes a table row by row as CSV, JSON Lines or Parquet."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from carepick.cli.tables import Table, parquet_file
from carepick.errors import DataError

Rows = Iterable[Mapping[str, Any]]
# Takes where to write, the rows, the names of the columns, and the table whose rows they extend.
Writer = Callable[[Path, Rows, list[str], Table], None]
_ROWS_AT_A_TIME = 4096


def writer_for(path: Path) -> Writer:
    """Returns the function that writes the kind of file that `path` is named after; raises `DataError` for others."""
    writers: dict[str, Writer] = {".csv": _write_csv, ".jsonl": _write_json_lines, ".parquet": _write_parquet}
    writer = writers.get(path.suffix.lower())
    if writer is None:
        raise DataError(f"{path}: the output must end in {', '.join(writers)}")
    if path.suffix.lower() == ".parquet":
        _pyarrow()  # better refused now than after an hour
    return writer


def _write_csv(path: Path, rows: Rows, columns: list[str], source: Table) -> None:
    # Spreadsheets know UTF-8 by its mark only: what seems to come from one is written for one.
    encoding = "utf-8-sig" if source.kind == "csv" and source.encoding != "utf-8" else "utf-8"
    with path.open("w", encoding=encoding, errors="backslashreplace", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_cell(row.get(name)) for name in columns])


def _write_json_lines(path: Path, rows: Rows, columns: list[str], source: Table) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        for row in rows:
            file.write(_json(_plain(row)) + "\n")


def _write_parquet(path: Path, rows: Rows, columns: list[str], source: Table) -> None:
    arrow, parquet = _pyarrow()
    schema = _schema(arrow, columns, source)
    # Columns of a Parquet file keep their types; other values become text, as a CSV cell would hold them.
    texts = {entry.name for entry in schema if source.kind != "parquet" and entry.type == arrow.string()}
    with parquet.ParquetWriter(path, schema) as writer:
        for some in _chunks(rows):
            values = {
                name: [_text(row.get(name)) if name in texts else row.get(name) for row in some] for name in columns
            }
            writer.write_table(arrow.table(values, schema=schema))


def _schema(arrow: Any, columns: list[str], source: Table) -> Any:
    scored = {
        name: arrow.list_(arrow.struct([(key, arrow.string()), ("score", arrow.float64())]))
        for name, key in (("diseases", "disease"), ("specialties", "specialty"))
    }
    known = {**scored, "flags": arrow.list_(arrow.string())}
    if source.kind == "parquet":
        known = {field.name: field.type for field in parquet_file(source.path).schema_arrow} | known
    return arrow.schema([(name, known.get(name, arrow.string())) for name in columns])


def _chunks(rows: Rows) -> Iterator[list[Mapping[str, Any]]]:
    iterator = iter(rows)
    while some := list(islice(iterator, _ROWS_AT_A_TIME)):
        yield some


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise DataError("Parquet files need one more package: pip install 'carepick[parquet]'") from None
    return pyarrow, parquet


def _text(value: object) -> str | None:
    return None if value is None else _cell(value).encode("utf-8", "backslashreplace").decode()


def _cell(value: object) -> str:
    """Returns `value` as text: nothing for None, JSON for numbers, lists and objects."""
    value = _plain(value)
    if value is None:
        return ""
    return _json(value) if isinstance(value, (bool, int, float, list, dict)) else str(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _plain(value: Any) -> Any:
    """Returns `value` with nothing for what JSON has no number for."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
