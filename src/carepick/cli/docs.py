"""Writes the pages of docs/ that are made from the code: api.md, cli.md, errors.md and settings.md.

With --check it writes nothing and says which pages are not as the code has them.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import carepick.errors
from carepick.cli.flags import ENVIRONMENT_ONLY, flag_name, shown_default, variable_name
from carepick.cli.main import COMMANDS, EXIT_BROKEN_PIPE, EXIT_ERROR, EXIT_INTERRUPTED, EXIT_OK, build_parser
from carepick.errors import CarepickError, DataError
from carepick.settings import Settings
from carepick.web.app import create_app
from carepick.web.docs import markdown
from carepick.web.openapi import api_document
from carepick.web.problems import PROBLEMS

_MADE = "<!-- Made by `carepick docs`; change the code instead. -->"
_EXAMPLE = re.compile(r"\s+\S|carepick [a-z]+ [^ ]")
_EXIT_CODES = {
    EXIT_OK: "All went well; rows of a batch may still hold errors of their own.",
    EXIT_ERROR: "Something is to be corrected: one line on standard error says what.",
    EXIT_INTERRUPTED: "Stopped by Ctrl-C.",
    EXIT_BROKEN_PIPE: "The program that read the output has ended.",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds FOLDER and --check."""
    parser.add_argument("folder", metavar="FOLDER", type=Path, nargs="?", default=Path("docs"), help="default: docs")
    parser.add_argument("--check", action="store_true", help="only compare, and fail when a page is out of date")


def run(arguments: argparse.Namespace) -> int:
    """Writes or checks the pages and returns 0; raises `DataError` that names the pages that are out of date."""
    if not arguments.folder.is_dir():
        raise DataError(f"there is no folder {arguments.folder}: run this where docs/ is, or name the folder")
    stale = []
    for name, text in pages().items():
        path = arguments.folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if not arguments.check:
                path.write_text(text, encoding="utf-8")
                print(f"wrote {path}")
    if stale and arguments.check:
        raise DataError(f"out of date: {', '.join(stale)}; write them anew with carepick docs")
    return 0


def pages() -> dict[str, str]:
    """Returns the text of every generated page by its file name."""
    document = api_document(create_app(Settings()))
    return {
        "api.md": markdown(document),
        "cli.md": _page("Command line", _command_lines()),
        "errors.md": _page("Errors", _error_lines()),
        "settings.md": _page("Settings", _setting_lines()),
    }


def _page(title: str, lines: Iterator[str]) -> str:
    text = "\n".join([_MADE, "", f"# {title}", "", *lines])
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def _setting_lines() -> Iterator[str]:
    yield "Each is a flag of `carepick serve` and an environment variable; a flag wins over the variable. Commands that"
    yield "answer without a server take those about the model."
    yield ""
    yield "| flag | variable | default | values | what it does |"
    yield "|---|---|---|---|---|"
    for entry in dataclasses.fields(Settings):
        least, most, choices = (entry.metadata[key] for key in ("least", "most", "choices"))
        values = ", ".join(choices) or (f"{least:,}..{most:,}" if least is not None else _kind(entry.default))
        flag = "(none: flags can be seen)" if entry.name in ENVIRONMENT_ONLY else f"`{flag_name(entry.name)}`"
        row = (flag, f"`{variable_name(entry.name)}`", shown_default(entry), values, entry.metadata["help"])
        yield _row(*row)


def _kind(default: object) -> str:
    return "on, off" if isinstance(default, bool) else "text"


def _error_lines() -> Iterator[str]:
    yield "Every error says in one sentence what to do, and never quotes what a patient typed."
    yield from ("", "## The tree", "", "```text", *_tree(), "```", "")
    yield from ("## HTTP", "", "Answers are `application/problem+json` (RFC 9457), their `type` is")
    yield "`urn:carepick:problem:` and the code; `error` repeats `detail` for older clients. In Korean or English by"
    yield from ("`Accept-Language`.", "", "| code | status | 한국어 | English |", "|---|---|---|---|")
    for code, problem in PROBLEMS.items():
        words = (
            problem.sentence.in_language(language).replace("{{", "{").replace("}}", "}") for language in ("ko", "en")
        )
        yield _row(f"`{code}`", str(problem.status), *words)
    yield from ("", "## Command line", "", "| exit code | meaning |", "|---|---|")
    yield from (_row(str(code), meaning) for code, meaning in _EXIT_CODES.items())
    yield from ("", "| error | code | meaning |", "|---|---|---|")
    for kind in _kinds(CarepickError):
        yield _row(f"`{kind.__name__}`", f"`{kind.code}`", (kind.__doc__ or "").splitlines()[0])


def _tree() -> list[str]:
    lines = (carepick.errors.__doc__ or "").splitlines()
    return [line.removeprefix("    ") for line in lines if line.startswith("    ")]


def _kinds(kind: type[CarepickError]) -> Iterator[type[CarepickError]]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == kind.__module__:
            yield from _kinds(child)


def _command_lines() -> Iterator[str]:
    yield "`carepick COMMAND`; `python -m carepick` is the same. Exit codes: [errors](errors.md#command-line)."
    yield from ("", "| command | what it does |", "|---|---|")
    yield from (_row(f"[`{name}`](#carepick-{name})", help_line) for name, (_, help_line) in COMMANDS.items())
    parser = build_parser(COMMANDS)
    for command in _subcommands(parser).values():
        yield from _command(command, depth=2)


def _command(parser: argparse.ArgumentParser, depth: int) -> Iterator[str]:
    yield from ("", f"{'#' * depth} {parser.prog}", "", *_description(parser.description or ""), "")
    subcommands = _subcommands(parser)
    actions = [action for action in parser._actions if not isinstance(action, argparse._SubParsersAction)]
    shown = [action for action in actions if not isinstance(action, argparse._HelpAction)]
    if shown:
        yield from ("| argument | what it is |", "|---|---|")
        formatter = parser._get_formatter()
        yield from (_row(f"`{_argument(action)}`", formatter._expand_help(action)) for action in shown)
    for subcommand in subcommands.values():
        yield from _command(subcommand, depth + 1)


def _description(text: str) -> Iterator[str]:
    """Yields the lines of a docstring, the examples in it as code."""
    for example, lines in groupby(inspect.cleandoc(text).splitlines(), lambda line: bool(_EXAMPLE.match(line))):
        if example:
            yield from ("```sh", *map(str.strip, lines), "```")
        else:
            yield from lines


def _subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _argument(action: argparse.Action) -> str:
    """Returns such as "-k N", "--metrics, --no-metrics" or "TEXT ..."."""
    choices = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else None
    value = action.metavar or choices or action.dest.upper()
    shown = value if isinstance(value, str) else " ".join(value)
    if not action.option_strings:
        return f"{shown} ..." if action.nargs in ("+", "*") else shown
    names = ", ".join(action.option_strings)
    return names if action.nargs == 0 else f"{names} {shown}"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
