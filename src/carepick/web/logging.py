"""What is logged: one line a request and one a failure, never a word of what was typed.

A request's line names the route's pattern, not the path or the query; a failure's line names the type of the
exception and where it was raised, not its message, which may quote its input.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback

from flask import Flask, Response, g, request

LOGGER = logging.getLogger("carepick")
_FORMAT = "%(asctime)s %(levelname)s %(process)d %(message)s"
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def set_up_logging(level: str) -> None:
    """Sends the log of Carepick to standard error from the severity `level` on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(_FORMAT))
    LOGGER.handlers[:] = [handler]
    LOGGER.propagate = False
    LOGGER.setLevel(level.upper())


def register(app: Flask) -> None:
    """Makes `app` log one line for each request."""
    app.before_request(_start_clock)
    app.after_request(_log_request)


def route_name() -> str:
    """Returns the pattern of the route that answers this request, or "unmatched"."""
    return request.url_rule.rule if request.url_rule else "unmatched"


def method_name() -> str:
    """Returns the method of this request, or "OTHER" for one that HTTP does not define here."""
    return request.method if request.method in _METHODS else "OTHER"


def elapsed_seconds() -> float:
    """Returns the time since this request reached the app."""
    return time.perf_counter() - float(getattr(g, "started", time.perf_counter()))


def log_failure(error: BaseException, instance: str) -> None:
    """Logs an error that nobody foresaw, under the random name `instance` that its caller was told."""
    LOGGER.error("%s %s", instance, describe(error))


def describe(error: BaseException) -> str:
    """Returns the type of `error` and the line of each frame that it passed, without its message."""
    frames = traceback.extract_tb(error.__traceback__)
    places = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    return f"{type(error).__name__} at {places or 'unknown place'}"


def _start_clock() -> None:
    g.started = time.perf_counter()


def _log_request(response: Response) -> Response:
    if LOGGER.isEnabledFor(logging.INFO):
        code, instance = getattr(g, "problem", ("", ""))
        LOGGER.info(
            "%s %s %d %.1f ms %s %s",
            method_name(),
            route_name(),
            response.status_code,
            1000 * elapsed_seconds(),
            code,
            instance,
        )
    return response
