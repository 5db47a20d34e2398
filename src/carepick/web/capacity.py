"""How many threads a worker needs; nothing here needs Flask, as the first process of a server reads it too."""

from __future__ import annotations

from carepick.settings import Settings

# Threads beyond those that may wait for the model: they refuse, and answer everything that needs no model. gunicorn keeps
# one for up to 5 seconds with a caller who was refused and has not sent all of the body.
SPARE_THREADS = 40
_MOST_WAITING = 1000


def most_admitted(settings: Settings) -> int:
    """Returns how many requests one worker works on or lets wait; each holds a thread."""
    return settings.threads + min(settings.queue_limit, _MOST_WAITING)
