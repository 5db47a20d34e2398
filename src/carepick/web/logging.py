"""What is logged: one line a request and one a failure, never a word of what was typed.

A failure's line names the type of the exception and where it was raised, not its message, which may quote its input. The
first process of a server logs as well, so nothing here needs Flask.
"""

from __future__ import annotations

import logging
import sys
import traceback

LOGGER = logging.getLogger("carepick")
_FORMAT = "%(asctime)s %(levelname)s %(process)d %(message)s"


def set_up_logging(level: str) -> None:
    """Sends the log of Carepick to standard error from the severity `level` on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(_FORMAT))
    LOGGER.handlers[:] = [handler]
    LOGGER.propagate = False
    LOGGER.setLevel(level.upper())


def log_failure(error: BaseException, instance: str) -> None:
    """Logs an error that nobody foresaw, under the random name `instance` that its caller was told."""
    LOGGER.error("%s %s", instance, describe(error))


def describe(error: BaseException) -> str:
    """Returns the type of `error` and the line of each frame that it passed, without its message."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    return f"{type(error).__name__} at {places or 'unknown place'}"
