"""How many requests may wait for the model at once; the next one is refused before its body is read.

Without it the requests that the batcher cannot see yet would queue up in the server's pool of threads, unbounded and
behind each other, health checks among them.
"""

from __future__ import annotations

import threading

from flask import Flask, current_app, g, request

from carepick.errors import OverloadedError
from carepick.settings import Settings
from carepick.web.capacity import most_admitted

_EXTENSION = "carepick.admission"


def register(app: Flask, settings: Settings) -> None:
    """Makes `app` refuse with `OverloadedError` a request that asks the model (every POST does) past the limit."""
    app.extensions[_EXTENSION] = threading.BoundedSemaphore(most_admitted(settings))
    app.before_request(_admit)
    app.teardown_request(_leave)


def _admit() -> None:
    if request.method == "POST" and request.url_rule is not None:
        slots: threading.BoundedSemaphore = current_app.extensions[_EXTENSION]
        if not slots.acquire(blocking=False):
            raise OverloadedError("too many requests are waiting: try again after Retry-After seconds")
        g.admitted = slots


def _leave(_: BaseException | None) -> None:
    if slots := g.pop("admitted", None):
        slots.release()
