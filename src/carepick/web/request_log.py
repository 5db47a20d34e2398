"""The line that is logged for each request: the route's pattern, never the path or the query; and what metrics call it."""

from __future__ import annotations

import logging
import time

from flask import Flask, Response, g, request

from carepick.web.logging import LOGGER

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


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
