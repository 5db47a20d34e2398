"""Gathers the windows of many callers into forward passes: bounded, by length, and nothing accepted is lost."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from carepick.engine.base import EncodedText, Engine, FloatArray, Window
from carepick.errors import NotReadyError, OverloadedError
from carepick.service.packing import choose
from carepick.service.ticket import ModelOutput, Ticket

_PARTS = ("tokens", "ngrams")

Row = dict[str, FloatArray]  # what a pass says of one window: output -> its row


@dataclass(frozen=True)
class BatchLimits:
    """`tokens` of one pass, padding counted; `queue`: texts that may wait; `wait_seconds` for more texts to come."""

    tokens: int
    queue: int
    wait_seconds: float = 0.0


class Order:
    """A text on its way through the model; `parts`: whether what each token and n-gram adds is asked for as well."""

    def __init__(self, ticket: Ticket, encoded: EncodedText, parts: bool = False) -> None:
        self.ticket, self.encoded, self.parts = ticket, encoded, parts
        self.arrived = 0.0
        self.waiting = len(encoded.windows)  # windows that no pass has taken
        self._rows: dict[int, Row] = {}

    def receive(self, number: int, row: Row) -> bool:
        """Keeps the row of window `number`; returns whether it was the last one that was missing."""
        self._rows[number] = row
        return len(self._rows) == len(self.encoded.windows)

    def output(self) -> ModelOutput:
        """Returns the rows as one output; all must be there."""
        windows = self.encoded.windows
        rows = [self._rows[number] for number in range(len(windows))]
        tokens = self.encoded.tokens
        shares = np.array([len(window.input_ids) / tokens for window in windows], np.float32)
        logits = {name: shares @ np.stack([row[name] for row in rows]) for name in rows[0] if "." not in name}
        if not self.parts:
            return ModelOutput(logits, len(windows), self.encoded.truncated)
        parts = {name: _stack([row[name] for row in rows]) for name in rows[0] if "." in name}
        return ModelOutput(logits, len(windows), self.encoded.truncated, windows, parts)


class _Piece(NamedTuple):
    order: Order
    number: int

    @property
    def window(self) -> Window:
        return self.order.encoded.windows[self.number]


class Batcher:
    """A queue before one engine, and the threads that empty it."""

    def __init__(
        self, engine: Engine, limits: BatchLimits, runners: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`runners`: threads that each run one forward pass at a time; `clock` returns seconds."""
        self._engine, self._limits, self._clock = engine, limits, clock
        self._heads = list(engine.manifest.heads)
        self._parts = [f"{head}.{part}" for head in self._heads for part in _PARTS]
        self._waiting: list[_Piece] = []
        self._texts = 0  # that have windows waiting
        self._idle = 0  # runners that have nothing to do
        self._closed = False
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._work, name=f"runner-{n}", daemon=True) for n in range(runners)]
        for thread in self._threads:
            thread.start()
        atexit.register(self.close)  # a thread within the runtime when Python ends would abort the process

    def submit(self, orders: Sequence[Order]) -> None:
        """Queues all of `orders` or none.

        An order whose ticket is no longer wanted when its turn comes is dropped. Raises `OverloadedError` when the queue
        has no room, `NotReadyError` when it is closed.
        """
        pieces = [_Piece(order, number) for order in orders for number in range(len(order.encoded.windows))]
        with self._changed:
            self.check_room(len(orders))
            now = self._clock()
            for order in orders:
                order.arrived = now
            self._waiting += pieces
            self._texts += len(orders)
            self._changed.notify(len(pieces))

    def check_room(self, count: int) -> None:
        """Raises `OverloadedError` or `NotReadyError` when `count` texts would be refused now.

        A batch that is larger than the queue is taken when nothing waits.
        """
        with self._changed:
            if self._closed:
                raise NotReadyError("The server is stopping: send the request to another one, or again in a moment.")
            if self._is_full(count):
                self._drop_unwanted()
            if self._is_full(count):
                raise OverloadedError("Too many texts are waiting: try again after the seconds that Retry-After names.")

    def close(self) -> None:
        """Takes no more texts, answers those accepted, and ends the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        atexit.unregister(self.close)

    def _work(self) -> None:
        while pieces := self._take():
            self._run(pieces)

    def _take(self) -> list[_Piece]:
        """Returns the windows of the next pass; none when closed and empty."""
        with self._changed:
            while True:
                self._drop_unwanted()
                patience = self._patience()
                if patience == 0:
                    return self._pick()
                if patience is None and self._closed:
                    return []
                self._idle += 1
                self._changed.wait(patience)
                self._idle -= 1

    def _patience(self) -> float | None:
        """Returns for how many seconds to wait for more texts; None without end, as nothing waits."""
        if not self._waiting:
            return None
        left = self._waiting[0].order.arrived + self._limits.wait_seconds - self._clock()
        enough = self._closed or sum(len(piece.window.input_ids) for piece in self._waiting) >= self._limits.tokens
        return 0 if enough else max(0.0, left)

    def _pick(self) -> list[_Piece]:
        """Takes the windows of the next pass out of the queue, and leaves idle runners their share."""
        lengths = [len(piece.window.input_ids) for piece in self._waiting]
        share = sum(lengths) // (1 + self._idle) if self._idle else self._limits.tokens
        places = set(choose(lengths, min(share, self._limits.tokens)))
        pieces = [piece for place, piece in enumerate(self._waiting) if place in places]
        self._waiting = [piece for place, piece in enumerate(self._waiting) if place not in places]
        self._count_out(pieces)
        return pieces

    def _is_full(self, count: int) -> bool:
        return self._texts > 0 and self._texts + count > self._limits.queue

    def _drop_unwanted(self) -> None:
        now = self._clock()
        unwanted = [piece for piece in self._waiting if not piece.order.ticket.wanted(now)]
        if unwanted:
            gone = {piece.order for piece in unwanted}
            self._waiting = [piece for piece in self._waiting if piece.order not in gone]
            self._count_out(unwanted)

    def _count_out(self, pieces: list[_Piece]) -> None:
        for piece in pieces:
            piece.order.waiting -= 1
            self._texts -= piece.order.waiting == 0

    def _run(self, pieces: list[_Piece]) -> None:
        """Runs one pass and answers the texts that it completes; if it fails, each window alone."""
        wanted = self._heads + (self._parts if any(piece.order.parts for piece in pieces) else [])
        try:
            results = self._engine.run([piece.window for piece in pieces], wanted)
            for row, piece in enumerate(pieces):
                self._receive(piece, {name: values[row] for name, values in results.items()})
        except Exception as error:  # one bad text must not fail its neighbours
            if len(pieces) == 1:
                pieces[0].order.ticket.fail(error)
                return
            for piece in pieces:
                self._run([piece])

    def _receive(self, piece: _Piece, row: Row) -> None:
        with self._changed:
            complete = piece.order.receive(piece.number, row)
        if complete:
            piece.order.ticket.deliver(piece.order.output())


def _stack(rows: Sequence[FloatArray]) -> FloatArray:
    """Returns rows of shape (length, classes) as one array, the shorter ones padded with zeros."""
    stacked = np.zeros((len(rows), max(map(len, rows)), rows[0].shape[1]), np.float32)
    for index, row in enumerate(rows):
        stacked[index, : len(row)] = row
    return stacked
