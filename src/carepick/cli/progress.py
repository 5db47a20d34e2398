"""How far a long command is, with an estimate, on standard error."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

_SECONDS_BETWEEN_UPDATES = 0.5
_SECONDS_BETWEEN_LINES = 10.0


class Progress:
    """Tells how many of `total` rows are done: in place on a terminal, a line now and then elsewhere.

    `done`: rows of an earlier run, which say nothing about today's speed.
    """

    def __init__(self, total: int, done: int, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._total, self._before, self._stream, self._clock = total, done, stream, clock
        self._in_place = stream.isatty()
        self._pause = _SECONDS_BETWEEN_UPDATES if self._in_place else _SECONDS_BETWEEN_LINES
        self._started = self._shown = clock()

    def update(self, done: int) -> None:
        """Says that `done` rows are done, unless it has just said something."""
        now = self._clock()
        if now - self._shown >= self._pause:
            self._shown = now
            self._say(self.line(done))

    def line(self, done: int) -> str:
        """Returns such as "128 of 1,000 rows (12 %), 45 a second, about 20 s left"."""
        seconds = self._clock() - self._started
        share = f"{done:,} of {self._total:,} rows ({100 * done // max(self._total, 1)} %)"
        new = done - self._before
        if new <= 0 or seconds <= 0:
            return share
        left = (self._total - done) * seconds / new
        return f"{share}, {new / seconds:,.0f} a second, about {duration(left)} left"

    def finish(self) -> None:
        """Clears the line on a terminal."""
        if self._in_place:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _say(self, line: str) -> None:
        self._stream.write(f"\r\x1b[K{line}" if self._in_place else f"{line}\n")
        self._stream.flush()


def duration(seconds: float) -> str:
    """Returns `seconds` for people: "20 s", "3 min", "1 h 05 min"."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    minutes = round(whole / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
