"""Reads a file of texts row by row: CSV, JSON Lines, Parquet or plain lines. A bad row is a row with a reason.

Only what makes every row doubtful stops the reading: an unknown encoding, an open quote, a missing column. Errors never
quote a cell, not even of the header: a file without one begins with what a patient wrote.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from carepick.errors import DataError

# A cell beyond this is not a text but an open quote that swallowed the rest of the file.
_LONGEST_CELL = 1 << 24
_ENCODINGS = (("utf-16", (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)), ("utf-8-sig", (codecs.BOM_UTF8,)))
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Row:
    """The columns of a row as they were read, and why it cannot be answered (empty: it can)."""

    values: dict[str, Any]
    error: str = ""


@dataclass(frozen=True)
class Table:
    """A file whose rows can be read again and again.

    `kind`: csv, jsonl, parquet or lines; `encoding`: empty for Parquet; `column`: where the text stands; `columns`: all
    of them in order of appearance; `rows`: how many; `sha256`: of the file's bytes, in hexadecimal digits.
    """

    path: Path
    kind: str
    encoding: str
    column: str
    columns: tuple[str, ...] = ()
    rows: int = 0
    sha256: str = field(default="", repr=False)

    def __iter__(self) -> Iterator[Row]:
        """Yields every row, in order; raises `DataError` for what makes all further rows doubtful."""
        return _READERS[self.kind](self)


def kind_of(path: Path) -> str:
    """Returns the kind of table that the file name stands for; anything unknown is plain lines."""
    kind = path.suffix.lower().removeprefix(".")
    return kind if kind in ("csv", "jsonl", "parquet") else "lines"


def open_table(path: Path, column: str) -> Table:
    """Returns the table in the file `path`, read through once to count its rows and to find its columns.

    Raises `DataError` when the file cannot be read or no row has a `column`.
    """
    if not path.is_file():
        raise DataError(f"{path} is not a file: give a .csv, .jsonl, .parquet or text file")
    try:
        kind = kind_of(path)
        table = Table(path, kind, "" if kind == "parquet" else _encoding(path), column)
        columns: dict[str, None] = dict.fromkeys(_header(table))
        rows = 0
        for row in table:
            columns.update(dict.fromkeys(row.values))
            rows += 1
        digest = _sha256(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    if column not in columns and rows:
        raise DataError(f"{path} has no column {column}: name the one that holds the texts with --column")
    return Table(path, kind, table.encoding, column, tuple(columns), rows, digest)


def _header(table: Table) -> list[str]:
    """Returns the columns that the file names even when it has no rows."""
    if table.kind == "lines":
        return [table.column]
    if table.kind == "parquet":
        return list(parquet_file(table.path).schema_arrow.names)
    if table.kind == "csv":
        with table.path.open(encoding=table.encoding, newline="") as file:
            return _csv_header(table, csv.reader(file, strict=True))
    return []


def _csv_rows(table: Table) -> Iterator[Row]:
    csv.field_size_limit(_LONGEST_CELL)
    with table.path.open(encoding=table.encoding, newline="") as file:
        lines = csv.reader(file, strict=True)
        header = _csv_header(table, lines)
        try:
            for cells in lines:
                if cells or len(header) == 1:  # a blank line is an empty cell where there is but one column
                    yield _csv_row(header, cells or [""])
        except csv.Error as error:
            reason = f"line {lines.line_num} is not CSV ({error}); a quote inside a quoted cell is written twice"
            raise DataError(f"{table.path}: {reason}") from None


def _csv_header(table: Table, lines: Any) -> list[str]:
    try:
        header = list(next(lines, []))
    except csv.Error as error:
        raise DataError(f"{table.path}: line 1 is not CSV: {error}") from None
    if not header:
        raise DataError(f"{table.path} is empty: its first line must name the columns")
    if len(set(header)) < len(header):
        raise DataError(f"{table.path}: two columns have the same name: is the first line the header?")
    return header


def _csv_row(header: list[str], cells: list[str]) -> Row:
    count, width = len(cells), len(header)
    if count == width:
        return Row(dict(zip(header, cells, strict=True)))
    # What is too much goes to the last column, as if its commas had been quoted: nothing typed is lost.
    fitted = [*cells[: width - 1], ",".join(cells[width - 1 :])] if count > width else cells + [""] * (width - count)
    reason = f"the row has {count} cells instead of {width}: put quotes around text that holds commas"
    return Row(dict(zip(header, fitted, strict=True)), reason)


def _json_rows(table: Table) -> Iterator[Row]:
    with table.path.open(encoding=table.encoding) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _json_row(line, number)


def _json_row(line: str, number: int) -> Row:
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return Row({}, f"line {number} is not JSON")
    if not isinstance(values, dict):
        return Row({}, f"line {number} is not a JSON object")
    return Row(values)


def _plain_rows(table: Table) -> Iterator[Row]:
    with table.path.open(encoding=table.encoding) as file:
        for line in file:
            yield Row({table.column: line.rstrip("\n")})


def _parquet_rows(table: Table) -> Iterator[Row]:
    batches = parquet_file(table.path).iter_batches(batch_size=1024)
    try:
        for batch in batches:
            yield from map(Row, batch.to_pylist())
    except (ValueError, TypeError, NotImplementedError, OSError):  # pyarrow's errors derive from these
        raise DataError(f"{table.path}: the Parquet file is damaged or holds a type that cannot be read") from None


def parquet_file(path: Path) -> Any:
    """Returns pyarrow's `ParquetFile` of `path`; raises `DataError` when it is none, or pyarrow is not installed."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise DataError("Parquet files need one more package: pip install 'carepick[parquet]'") from None
    try:
        return ParquetFile(path)
    except (ArrowException, OSError):
        raise DataError(f"{path} is not a Parquet file, or is cut short") from None


def _encoding(path: Path) -> str:
    """Returns the encoding of a text file: by its byte order mark, else UTF-8, else CP949; raises `DataError`."""
    with path.open("rb") as file:
        start = file.read(4)
    marked = [encoding for encoding, marks in _ENCODINGS if start.startswith(marks)]
    for encoding in marked or ("utf-8", "cp949"):
        if _decodes(path, encoding):
            return encoding
    raise DataError(f"{path} is neither UTF-8 nor CP949 text: save it as UTF-8")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


_READERS: dict[str, Callable[[Table], Iterator[Row]]] = {
    "csv": _csv_rows,
    "jsonl": _json_rows,
    "parquet": _parquet_rows,
    "lines": _plain_rows,
}
