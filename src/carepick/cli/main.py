"""The `carepick` command: finds the command that was asked for, runs it, and turns errors into one line."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Iterable, Sequence
from typing import NoReturn, TextIO

from carepick import __version__
from carepick.errors import CarepickError

# Name -> (module with add_arguments and run, one-line help). Only the module of the command asked for is imported.
COMMANDS: dict[str, tuple[str, str]] = {
    "serve": ("carepick.cli.serve", "answer over HTTP, with a page for patients"),
    "predict": ("carepick.cli.predict", "answer texts given here"),
    "batch": ("carepick.cli.batch", "answer every row of a file"),
    "labels": ("carepick.cli.labels", "list the diseases and departments that can be answered"),
    "model": ("carepick.cli.model", "say what the model is: version, training, figures, checksums"),
    "openapi": ("carepick.cli.openapi", "print the OpenAPI document of the HTTP API"),
    "reload": ("carepick.cli.reload", "make a running server load its model again"),
    "evaluate": ("carepick.cli.evaluate", "measure a model on labelled data, with a report"),
    "compare": ("carepick.cli.compare", "say which of two models is better on the same data, and how surely"),
    "data": ("carepick.cli.data", "check, clean, split or mask data files"),
    "train": ("carepick.cli.train", "train one of the two original recipes"),
    "import": ("carepick.cli.import_", "turn a trained model of the original formats into a bundle"),
    "dummy": ("carepick.cli.dummy", "make a random model of the same structure"),
    "recipe": ("carepick.cli.recipe", "make the default model again, step by step"),
    "docs": ("carepick.cli.docs", "write the generated pages of docs/"),
}

EXIT_OK, EXIT_ERROR, EXIT_INTERRUPTED, EXIT_BROKEN_PIPE = 0, 2, 130, 141


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line that says where to read on."""

    def error(self, message: str) -> NoReturn:
        """Prints one line and exits with 2."""
        self.exit(EXIT_ERROR, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that `argv` (default: the process's) names and returns its exit code.

    0 when all went well, 2 after one line on standard error when something is to be corrected, 130 after Ctrl-C, 141
    when the reader of standard output has gone.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    _never_fail_to_print((sys.stdout, sys.stderr))
    try:
        arguments = build_parser(words[:1]).parse_args(words)
        code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except CarepickError as error:
        print(f"carepick: {error}", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return EXIT_BROKEN_PIPE
    except OSError as error:
        if not error.strerror:
            raise
        print(f"carepick: {error.filename or 'a file'}: {error.strerror}", file=sys.stderr)
        return EXIT_ERROR


def build_parser(commands: Iterable[str] = ()) -> Parser:
    """Returns the parser that knows every command's name, and the arguments of `commands`, whose modules it imports."""
    parser = Parser(prog="carepick", allow_abbrev=False, description="Everyday Korean symptoms in; departments out.")
    parser.add_argument("--version", action="version", version=f"carepick {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    wanted = set(commands)
    for name, (module_name, help_line) in COMMANDS.items():
        command = subparsers.add_parser(name, help=help_line, allow_abbrev=False)
        if name in wanted:
            module = importlib.import_module(module_name)
            command.description = module.__doc__
            command.formatter_class = argparse.RawDescriptionHelpFormatter
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return parser


def _never_fail_to_print(streams: Iterable[TextIO]) -> None:
    """A console that cannot show Hangul shows question marks instead of a traceback."""
    for stream in streams:
        if callable(reconfigure := getattr(stream, "reconfigure", None)):
            reconfigure(errors="replace")


def _silence_stdout() -> None:
    """What is still buffered must not fail again when Python flushes it on its way out."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
