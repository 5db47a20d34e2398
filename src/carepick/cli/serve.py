"""Answers over HTTP: the API, its documentation at /docs, and the page for patients at /.

Every flag can be given as an environment variable as well: --queue-limit 32 is CAREPICK_QUEUE_LIMIT=32. The API key
is taken from CAREPICK_API_KEY alone, because flags can be seen by every user of the machine.
"""

from __future__ import annotations

import argparse

from carepick.cli.flags import add_setting_flags, settings_from


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds a flag for each setting, and --dev."""
    add_setting_flags(parser)
    parser.add_argument("--dev", action="store_true", help="run Flask's own server: one process, for development only")


def run(arguments: argparse.Namespace) -> int:
    """Serves until stopped and returns the server's exit code; raises `SettingsError` or `BundleError`."""
    settings = settings_from(arguments)
    from carepick.web.server import serve  # Flask is not needed to print the help

    return serve(settings, dev=arguments.dev)
