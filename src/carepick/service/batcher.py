"""Gathers the windows of many callers into forward passes: bounded, by length, and nothing accepted is lost."""

from __future__ import annotations

import atexit
import math
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from carepick.engine.base import Engine, FloatArray
from carepick.errors import NotReadyError, OverloadedError
from carepick.service.order import Order, Piece
from carepick.service.priority import step_back
from carepick.service.waiting import WaitingLine

_AT_ONCE: AbstractContextManager[None] = nullcontext()
_PARTS = ("tokens", "ngrams")
_NEWEST_SHARE = 0.1  # of the newest pass in the running mean of the pace
_CROWDED_SECONDS = 1.0  # for which the queue is kept short after the last text that had to be refused


@dataclass(frozen=True)
class BatchLimits:
    """`tokens` of one pass, padding counted; `queue`: texts that may wait; `wait_seconds` for more texts to come;
    `queue_seconds`: the longest that the texts before a new one may take, as reckoned from the passes so far, while more
    come than can be answered."""

    tokens: int
    queue: int
    wait_seconds: float = 0.0
    queue_seconds: float = math.inf


class Batcher:
    """A queue before one engine, and the threads that empty it."""

    def __init__(
        self, engine: Engine, limits: BatchLimits, runners: int, clock: Callable[[], float] = time.monotonic,
        turns: AbstractContextManager[None] = _AT_ONCE,
    ) -> None:  # fmt: skip
        """`runners`: threads that each run one forward pass at a time; `clock` returns seconds; `turns`: entered for the
        time of a pass, so that the batchers of several engines can share the processors."""
        self._engine, self._limits, self._clock, self._turns = engine, limits, clock, turns
        self._heads = list(engine.manifest.heads)
        self._parts = [f"{head}.{part}" for head in self._heads for part in _PARTS]
        self._line = WaitingLine()
        self._idle = 0  # runners that have nothing to do
        self._pace: float | None = None  # seconds that one runner takes for a token; unknown before the first pass
        self._crowded_until = -math.inf
        self._closed = False
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._work, name=f"runner-{n}", daemon=True) for n in range(runners)]
        for thread in self._threads:
            thread.start()
        atexit.register(self.close)  # a thread within the runtime when Python ends would abort the process

    def submit(self, orders: Sequence[Order]) -> None:
        """Queues all of `orders` or none; raises as `check_room` does.

        An order whose ticket is no longer wanted when its turn comes is dropped.
        """
        with self._changed:
            self.check_room(len(orders), min((order.ticket.deadline for order in orders), default=math.inf))
            self._changed.notify(self._line.add(orders, self._clock()))

    def check_room(self, count: int, deadline: float) -> None:
        """Raises `OverloadedError` or `NotReadyError` when `count` texts with `deadline` would be refused now.

        They are when the queue has no room, or when the texts before them will take until after the deadline: an answer
        that would come too late is refused at once. When nothing waits, a batch larger than the queue is taken.

        A crowd that comes at once may fill the queue: it is worked off. A queue that stays full means that more come than
        can be answered, however long it is; it only makes everyone wait. So from the first text that a full queue refuses
        until none has been refused for a while, the queue is kept as short as `queue_seconds` says.
        """
        with self._changed:
            if self._closed:
                raise NotReadyError("The server is stopping: send the request to another one, or again in a moment.")
            if self._refuses(count, deadline):
                self._line.drop_unwanted(self._clock())
            if self._refuses(count, deadline):
                if self._refuses(1, math.inf):  # not for the size of a batch or for its deadline alone
                    self._crowded_until = self._clock() + _CROWDED_SECONDS
                raise OverloadedError(
                    "Too many texts are waiting: try again after the seconds that Retry-After names.",
                    max(1, math.ceil(self._seconds_ahead())),
                )

    def close(self) -> None:
        """Takes no more texts, answers those accepted, and ends the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        atexit.unregister(self.close)

    def _refuses(self, count: int, deadline: float) -> bool:
        now, ahead = self._clock(), self._seconds_ahead()
        full = self._line.texts + count > self._limits.queue
        long = now < self._crowded_until and ahead > self._limits.queue_seconds
        return self._line.texts > 0 and (full or long or now + ahead > deadline)

    def _seconds_ahead(self) -> float:
        """Returns how long the texts that wait now will take."""
        return self._line.tokens * (self._pace or 0.0) / len(self._threads)

    def _work(self) -> None:
        step_back()  # who answers and who is refused wait for microseconds of Python, the passes for nobody
        while pieces := self._take():
            self._run(pieces)

    def _take(self) -> list[Piece]:
        """Returns the windows of the next pass; none when closed and empty."""
        with self._changed:
            while True:
                self._line.drop_unwanted(self._clock())
                patience = self._patience()
                if patience == 0:
                    return self._line.pick(self._share())
                if patience is None and self._closed:
                    return []
                self._idle += 1
                self._changed.wait(patience)
                self._idle -= 1

    def _patience(self) -> float | None:
        """Returns for how many seconds to wait for more texts; None without end, as nothing waits."""
        if not self._line:
            return None
        enough = self._closed or self._line.tokens >= self._limits.tokens
        return 0 if enough else max(0.0, self._line.oldest() + self._limits.wait_seconds - self._clock())

    def _share(self) -> int:
        """Returns the most tokens for the next pass: idle runners get their share of what waits."""
        share = self._line.tokens // (1 + self._idle) if self._idle else self._limits.tokens
        return min(share, self._limits.tokens)

    def _run(self, pieces: Sequence[Piece]) -> None:
        """Runs one pass and answers the texts that it completes; if it fails, each window alone."""
        try:
            results = self._timed_pass(pieces)
            for row, piece in enumerate(pieces):
                self._receive(piece, {name: values[row] for name, values in results.items()})
        except Exception as error:  # one bad text must not fail its neighbours
            if len(pieces) == 1:
                pieces[0].order.ticket.fail(error)
                return
            for piece in pieces:
                self._run([piece])

    def _timed_pass(self, pieces: Sequence[Piece]) -> dict[str, FloatArray]:
        wanted = self._heads + (self._parts if any(piece.order.parts for piece in pieces) else [])
        begun = self._clock()
        with self._turns:
            results = self._engine.run([piece.window for piece in pieces], wanted)
        pace = (self._clock() - begun) / sum(piece.length for piece in pieces)
        # The first pass warms up and says nothing. From zero the mean rises to what it is: at first too much is taken.
        self._pace = 0.0 if self._pace is None else self._pace + _NEWEST_SHARE * (pace - self._pace)
        return results

    def _receive(self, piece: Piece, row: dict[str, FloatArray]) -> None:
        with self._changed:
            complete = piece.order.receive(piece.number, row)
        if complete:
            piece.order.ticket.deliver(piece.order.output())
