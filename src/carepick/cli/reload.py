"""Makes a running server load its model again, without a pause: start it with --pid-file FILE and give the same here.

Requests in flight finish on the old model. A new one that is broken is refused, the old one stays, and the server's log
says why.
"""

from __future__ import annotations

import argparse
import os
import signal
from pathlib import Path

from carepick.cli.flags import add_setting_flags, settings_from
from carepick.errors import SettingsError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds --pid-file."""
    add_setting_flags(parser, ("pid_file",))


def run(arguments: argparse.Namespace) -> int:
    """Sends SIGHUP to the server and returns 0; raises `SettingsError` when there is none to be found."""
    name = settings_from(arguments).pid_file
    if not name:
        raise SettingsError("which server? Start it with --pid-file FILE and give the same --pid-file FILE here")
    process = _read_process(Path(name))
    try:
        os.kill(process, signal.SIGHUP)
    except ProcessLookupError:
        raise SettingsError(f"no server runs as process {process}: {name} was left by one that has ended") from None
    except PermissionError:
        raise SettingsError(f"process {process} belongs to another user: run this as the user of the server") from None
    print(f"told the server (process {process}) to load its model again; its log says how that went")
    return 0


def _read_process(path: Path) -> int:
    try:
        process = int(path.read_text(encoding="ascii"))
    except FileNotFoundError:
        raise SettingsError(f"there is no {path}: the server is not running, or has another --pid-file") from None
    except (OSError, ValueError):
        raise SettingsError(f"{path} does not hold the number of a process: give the server's --pid-file") from None
    if process <= 1 or not _is_ours(process):
        raise SettingsError(f"process {process} is not a Carepick server: {path} was left by one that has ended")
    return process


def _is_ours(process: int) -> bool:
    """Returns False when the number has since gone to another program, which the signal would end."""
    try:
        return b"carepick" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:  # no such process, which the signal finds out, or no /proc
        return True
