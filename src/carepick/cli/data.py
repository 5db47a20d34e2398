"""Checks, cleans, splits and masks data files: .csv, .json, .jsonl or .parquet.

carepick data check questions.csv --task disease
carepick data clean questions.csv --out clean.csv
carepick data split clean.csv --from 2024-11 --out parts
carepick data mask clean.csv --out masked.csv
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from carepick.cli.extras import train_extra
from carepick.cli.progress import Progress
from carepick.errors import DataError
from carepick.evaluation.tables import Row, read_table
from carepick.records import Task
from carepick.training.table_writer import check_writable, write_table
from carepick.training.time_split import day_key

_LISTED = 50  # problems shown at most


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the four tools, each with its file and columns."""
    tools = parser.add_subparsers(dest="tool", metavar="TOOL", required=True)
    check = _tool(tools, "check", "say what is wrong with texts and labels, row by row")
    check.add_argument("--task", choices=[task.value for task in Task], required=True, help="what the labels are")
    check.add_argument("--label-column", help="column of the labels (default: the task)")
    clean = _tool(tools, "clean", "take out addresses and numbers of persons, blank rows and near-duplicates")
    clean.add_argument("--out", type=Path, required=True, help="file to write")
    clean.add_argument("--similarity", type=_share, default=0.8, help="from which on texts repeat (default: 0.8)")
    clean.add_argument("--keep-near-duplicates", action="store_true", help="scrub, and drop blank rows only")
    split = _tool(tools, "split", "hold out the latest rows for validation, without near-duplicates of earlier ones")
    split.add_argument("--out", type=Path, required=True, help="folder for the train and validation files")
    split.add_argument("--date-column", default="date", help="column of the dates (default: %(default)s)")
    cut = split.add_mutually_exclusive_group()
    cut.add_argument("--from", dest="first_day", type=_day, metavar="DATE", help="first day held out, such as 2024-11")
    cut.add_argument("--share", type=_share, default=0.2, help="share of the rows held out (default: %(default)s)")
    mask = _tool(tools, "mask", "replace the names of diseases, aliases too, by a mask")
    mask.add_argument("--out", type=Path, required=True, help="file to write")
    mask.add_argument("--mask", default="[MASK]", help="what stands in a name's place (default: %(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Runs the tool; `check` returns 2 when it found something. Raises `DataError`."""
    tools = {"check": _check, "clean": _clean, "split": _split, "mask": _mask}
    return tools[arguments.tool](arguments)


def _tool(tools: argparse._SubParsersAction[argparse.ArgumentParser], name: str, about: str) -> argparse.ArgumentParser:
    tool = tools.add_parser(name, help=about, description=about)
    tool.add_argument("file", type=Path, help="file to read")
    tool.add_argument("--text-column", default="text", help="column of the texts (default: %(default)s)")
    return tool


def _check(arguments: argparse.Namespace) -> int:
    from carepick.training.catalog_names import label_ids
    from carepick.training.labelled import find_problems, label_counts

    column = arguments.label_column or arguments.task
    rows = _rows(arguments, column)
    known = label_ids(Task(arguments.task))
    problems = find_problems(rows, arguments.text_column, column, known)
    for problem in problems[:_LISTED]:
        print(f"{arguments.file.name}: {problem}")
    if len(problems) > _LISTED:
        print(f"... and {len(problems) - _LISTED} more")
    counts = label_counts(rows, column)
    absent = [name for name in known if not counts[name]]
    print(f"{len(rows)} rows, {len(problems)} problems, {len(known) - len(absent)} of {len(known)} labels have rows")
    if absent:
        print("no rows: " + ", ".join(absent))
    return 2 if problems else 0


def _clean(arguments: argparse.Namespace) -> int:
    with train_extra():
        from carepick.training.data_tools import clean

    check_writable(arguments.out)
    rows = _rows(arguments)
    similarity = None if arguments.keep_near_duplicates else arguments.similarity
    with _naming(arguments.file), _progress(len(rows)) as update:
        done = clean(rows, arguments.text_column, similarity, update)
    print(f"{done.scrubbed} texts scrubbed, {done.blank} blank rows and {done.repeated} near-duplicates dropped")
    _write(done.rows, arguments.out)
    return 0


def _split(arguments: argparse.Namespace) -> int:
    with train_extra():
        from carepick.training.data_tools import split

    rows = _rows(arguments, arguments.date_column)
    with _naming(arguments.file), _progress(len(rows)) as update:
        done = split(
            rows, arguments.text_column, arguments.date_column, arguments.first_day, arguments.share, update
        )  # fmt: skip
    print(f"{done.repeated} rows from {done.first_day} on repeat earlier ones and were dropped")
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", done.train), ("validation", done.validation)):
        _write(part, arguments.out / f"{name}{arguments.file.suffix.lower()}")
    return 0


def _mask(arguments: argparse.Namespace) -> int:
    with train_extra():
        from carepick.training.data_tools import mask
    from carepick.training.catalog_names import maskable_names

    check_writable(arguments.out)
    rows = _rows(arguments)
    with _naming(arguments.file):
        masked, names, texts = mask(rows, arguments.text_column, maskable_names(), arguments.mask)
    print(f"{names} names in {texts} texts masked")
    _write(masked, arguments.out)
    return 0


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError("must lie between 0 and 1")
    return value


def _day(text: str) -> str:
    day = day_key(text)
    if day is None:
        raise argparse.ArgumentTypeError("must be a date such as 2024-11-15 or 2024-11")
    return day


def _rows(arguments: argparse.Namespace, *columns: str) -> list[Row]:
    return read_table(arguments.file, [arguments.text_column, *columns])


def _write(rows: list[Row], path: Path) -> None:
    write_table(rows, path)
    print(f"wrote {path}: {len(rows)} rows")


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Puts the file's name before what the tools say of its rows."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{file.name}: {error}") from None


@contextmanager
def _progress(rows: int) -> Iterator[Callable[[int], None]]:
    progress = Progress(rows, 0, sys.stderr)
    yield progress.update
    progress.finish()
