"""Answers every row of a file, and writes the rows again with what was answered.

IN is a .csv, .jsonl or .parquet file, or plain lines; OUT ends in .csv, .jsonl or .parquet. Every column of IN is kept,
in order, and these are added: diseases and specialties (lists of name and score), triage, flags, confidence, and error,
which says why a row could not be answered. Lists are JSON in CSV cells.

An interrupted run goes on where it stopped when the same command is given again: what is answered so far is kept in
OUT.partial. OUT itself appears when it is complete.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from carepick import __version__
from carepick.cli.answers import ANSWER_COLUMNS, answered, checked_k, refused
from carepick.cli.flags import MODEL_SETTINGS, add_setting_flags, settings_from
from carepick.cli.journal import Answers, Journal
from carepick.cli.progress import Progress
from carepick.cli.tables import Row, Table, open_table
from carepick.cli.writing import Writer, writer_for
from carepick.errors import CarepickError, DataError
from carepick.records import Prediction
from carepick.service.predictor import Predictor

# Rows that are answered together: enough to fill forward passes, few enough to lose little when killed.
_CHUNK = 64
# Settings that change an answer, so that answers given under others are not gone on with.
ANSWER_SETTINGS = ("engine", "max_windows", "max_text_characters", "disease_enabled")
# Nobody waits at the other end of a batch: no text is given up on.
_TIMEOUT_MS = 600_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds IN, OUT, -k, --column, --force and the model's settings."""
    parser.add_argument("input", metavar="IN", type=Path, help="file to read")
    parser.add_argument("output", metavar="OUT", type=Path, help="file to write")
    parser.add_argument("-k", default="3", metavar="N", help="labels of each kind, or all; default: 3")
    parser.add_argument("--column", default="text", help="column that holds the texts; default: text")
    parser.add_argument("--force", action="store_true", help="replace OUT if it is there")
    add_setting_flags(parser, (*MODEL_SETTINGS, *ANSWER_SETTINGS))


def run(arguments: argparse.Namespace) -> int:
    """Answers IN into OUT and returns 0, also when rows had errors; raises `DataError` when a file cannot be used."""
    settings = settings_from(arguments)
    source, target = arguments.input, arguments.output
    _check_target(source, target, arguments.force)
    write = writer_for(target)
    stamp = _stamp(source)
    table = open_table(source, arguments.column)
    taken = [name for name in ANSWER_COLUMNS if name in table.columns]
    if taken:
        raise DataError(f"{source} has a column {taken[0]} already: rename it, or give the original file")
    predictor = Predictor.load(dataclasses.replace(settings, queue_limit=max(settings.queue_limit, _CHUNK)))
    try:
        k = checked_k(arguments.k, predictor)
        with _opened_journal(target, _request(table, k, predictor)) as journal:
            _answer(table, journal, predictor, k)
            if _stamp(source) != stamp:
                raise DataError(f"{source} was changed during the run: run again for its new content")
            _write(write, target, table, journal)
            journal.remove()
    except KeyboardInterrupt:
        _say("stopped; the same command goes on from here")
        raise
    except OSError as error:
        raise DataError(f"{error.filename or target}: {error.strerror}; correct it and run again to go on") from None
    finally:
        predictor.close()
    return 0


def _check_target(source: Path, target: Path, force: bool) -> None:
    if target.exists() and source.exists() and os.path.samefile(source, target):
        raise DataError("IN and OUT are the same file: choose another OUT")
    if target.is_dir() or not target.parent.is_dir():
        raise DataError(f"{target} cannot be written: give a file in a folder that exists")
    if target.exists() and not force:
        raise DataError(f"{target} is there already: choose another name, or replace it with --force")


def _stamp(path: Path) -> tuple[int, int] | None:
    """Returns what changes when a file is written to; None when there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _request(table: Table, k: int, predictor: Predictor) -> dict[str, Any]:
    """Returns all that the answers depend on: a journal of anything else is of no use."""
    return {
        "carepick": __version__,
        "input": table.sha256,
        "column": table.column,
        "k": k,
        "chunk": _CHUNK,
        "settings": {name: getattr(predictor.settings, name) for name in ANSWER_SETTINGS},
        "models": {
            task.value: [manifest.name, manifest.version, dict(manifest.files)]
            for task, manifest in predictor.manifests.items()
        },
    }


def _opened_journal(target: Path, request: dict[str, Any]) -> Journal:
    journal = Journal(target.with_name(target.name + ".partial"), request)
    if journal.rows:
        _say(f"going on after row {journal.rows:,}, kept in {journal.path}")
    return journal


def _answer(table: Table, journal: Journal, predictor: Predictor, k: int) -> None:
    """Answers the rows that the journal does not hold yet."""
    done = journal.rows
    progress = Progress(table.rows, done, sys.stderr)
    try:
        for rows in itertools.islice(_chunks(table), journal.chunks, None):
            journal.append(_answer_chunk(rows, table.column, predictor, k))
            done += len(rows)
            progress.update(done)
    finally:
        progress.finish()


def _answer_chunk(rows: list[Row], column: str, predictor: Predictor, k: int) -> Answers:
    readable = [row.values.get(column) for row in rows if not row.error]
    outcomes = iter(predictor.predict_many(readable, timeout_ms=_TIMEOUT_MS) if readable else [])
    diseases = predictor.settings.disease_enabled
    return [refused(row.error) if row.error else _columns(next(outcomes), k, diseases) for row in rows]


def _columns(outcome: Prediction | Exception, k: int, diseases: bool) -> dict[str, Any]:
    if isinstance(outcome, Prediction):
        return answered(outcome, k, diseases)
    # Only our own messages are known to quote nothing of the text.
    return refused(str(outcome) if isinstance(outcome, CarepickError) else f"internal error: {type(outcome).__name__}")


def _chunks(table: Table) -> Iterator[list[Row]]:
    rows = iter(table)
    while chunk := list(itertools.islice(rows, _CHUNK)):
        yield chunk


def _write(write: Writer, target: Path, table: Table, journal: Journal) -> None:
    """Writes OUT beside its place, and moves it there when it is complete and on disk."""
    unfinished = target.with_name(target.name + ".writing")
    rows = ({**row.values, **answer} for row, answer in zip(table, journal.answers(), strict=True))
    try:
        write(unfinished, rows, [*table.columns, *ANSWER_COLUMNS], table)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, target)
    except BaseException:
        unfinished.unlink(missing_ok=True)  # it holds the texts, and the journal has every answer
        raise
    errors = sum(answer["error"] is not None for answer in journal.answers())
    _say(f"{table.rows:,} rows in {target}, {errors:,} with an error (the column error says why)")


def _say(line: str) -> None:
    print(f"carepick: {line}", file=sys.stderr)
