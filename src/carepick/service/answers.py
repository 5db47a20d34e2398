"""Identical texts share one computation: in flight, and for a few seconds after, by a keyed hash of the text.

No text is kept: keys are BLAKE2b hashes with a secret made at start.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from carepick.records import Prediction
from carepick.service.ticket import Ticket


@dataclass(frozen=True)
class Claims:
    """`tickets`: one for each text that was claimed; `fresh`: those among them that nobody computes yet, with text."""

    tickets: list[Ticket]
    fresh: list[tuple[str, Ticket]]


class RecentAnswers:
    """Tickets of the last seconds, by the normalized text."""

    def __init__(self, seconds: float, entries: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`seconds` for which an answer may be given again, 0 for texts in flight only; at most `entries` are kept."""
        self._seconds, self._entries, self._clock = seconds, entries, clock
        self._key = _keyed_hash()
        self._kept: OrderedDict[bytes, tuple[Ticket, float]] = OrderedDict()
        self._lock = threading.Lock()

    def claim(self, texts: Sequence[str], deadline: float) -> Claims:
        """Returns a ticket for each of `texts`, joined until `deadline`: one in flight, a recent one, or a fresh one.

        A failed or dropped computation is never given to a later caller. Whoever gets fresh tickets must compute or
        fail them.
        """
        keys = [self._key(text) for text in texts]
        claims = Claims([], [])
        with self._lock:
            now = self._clock()
            for text, key in zip(texts, keys, strict=True):
                ticket = self._joined(key, deadline, now)
                if ticket is None:
                    ticket = Ticket(deadline)
                    claims.fresh.append((text, ticket))
                    self._kept[key] = ticket, now
                    self._kept.move_to_end(key)
                claims.tickets.append(ticket)
            self._forget(now)
        return claims

    def _joined(self, key: bytes, deadline: float, now: float) -> Ticket | None:
        ticket, started = self._kept.get(key, (None, 0.0))
        if ticket is None or (ticket.done() and now - started >= self._seconds):
            return None
        return ticket if ticket.join(deadline) else None

    def _forget(self, now: float) -> None:
        while self._kept:
            key, (ticket, started) = next(iter(self._kept.items()))
            too_old = ticket.done() and now - started >= self._seconds
            if not too_old and len(self._kept) <= self._entries:
                return
            del self._kept[key]


class RecentPredictions:
    """Whole answers of the last seconds, by the text as it was typed: who asks for the other task of a sentence is told
    at once. Safe to use from several threads."""

    def __init__(self, seconds: float, entries: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`seconds` for which an answer may be given again, from when it was made; at most `entries` are kept."""
        self._seconds, self._entries, self._clock = seconds, entries, clock
        self._key = _keyed_hash()
        self._kept: OrderedDict[bytes, tuple[Prediction, float]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, text: str) -> Prediction | None:
        """Returns the answer that `text` was given a moment ago, if it was."""
        prediction, made = self._kept.get(self._key(text), (None, 0.0))
        return prediction if self._clock() - made < self._seconds else None

    def keep(self, text: str, prediction: Prediction) -> None:
        """Keeps the answer to `text` for a while, and lets go of those that are too old or too many."""
        key = self._key(text)
        with self._lock:
            now = self._clock()
            self._kept[key] = prediction, now
            self._kept.move_to_end(key)
            while self._kept:
                oldest, (_, made) = next(iter(self._kept.items()))
                if now - made < self._seconds and len(self._kept) <= self._entries:
                    return
                del self._kept[oldest]


def _keyed_hash() -> Callable[[str], bytes]:
    """Returns a hash of texts that nobody without its secret can match with guesses."""
    secret = secrets.token_bytes(32)
    return lambda text: hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=secret, digest_size=16).digest()
