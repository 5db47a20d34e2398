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
from typing import Generic, TypeVar

from carepick.records import Prediction
from carepick.service.ticket import Ticket

Value = TypeVar("Value")


@dataclass(frozen=True)
class Claims:
    """`tickets`: one for each text that was claimed; `fresh`: those among them that nobody computes yet, with text."""

    tickets: list[Ticket]
    fresh: list[tuple[str, Ticket]]


class _Recent(Generic[Value]):
    """What was computed for the texts of the last seconds, by a keyed hash, the oldest first."""

    def __init__(self, seconds: float, entries: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`seconds` for which a value may be given again, by `clock`; at most `entries` are kept."""
        self._seconds, self._entries, self._clock = seconds, entries, clock
        self._secret = secrets.token_bytes(32)
        self._kept: OrderedDict[bytes, tuple[Value, float]] = OrderedDict()
        self._lock = threading.Lock()

    def _key(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._secret, digest_size=16).digest()

    def _put(self, key: bytes, value: Value, now: float) -> None:
        self._kept[key] = value, now
        self._kept.move_to_end(key)

    def _too_old(self, value: Value, since: float, now: float) -> bool:
        return now - since >= self._seconds

    def _forget(self, now: float) -> None:
        """Lets go of those that are too old or too many."""
        while self._kept:
            key, (value, since) = next(iter(self._kept.items()))
            if not self._too_old(value, since, now) and len(self._kept) <= self._entries:
                return
            del self._kept[key]


class RecentAnswers(_Recent[Ticket]):
    """Tickets of the last seconds, by the normalized text; those in flight are never too old."""

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
                    self._put(key, ticket, now)
                claims.tickets.append(ticket)
            self._forget(now)
        return claims

    def _joined(self, key: bytes, deadline: float, now: float) -> Ticket | None:
        ticket, started = self._kept.get(key, (None, 0.0))
        if ticket is None or self._too_old(ticket, started, now):
            return None
        return ticket if ticket.join(deadline) else None

    def _too_old(self, value: Ticket, since: float, now: float) -> bool:
        return value.done() and super()._too_old(value, since, now)


class RecentPredictions(_Recent[Prediction]):
    """Whole answers of the last seconds, by the text as it was typed: who asks for the other task of a sentence is told
    at once. Safe to use from several threads."""

    def find(self, text: str) -> Prediction | None:
        """Returns the answer that `text` was given a moment ago, if it was."""
        prediction, made = self._kept.get(self._key(text), (None, 0.0))
        return None if prediction is None or self._too_old(prediction, made, self._clock()) else prediction

    def keep(self, text: str, prediction: Prediction) -> None:
        """Keeps the answer to `text` for a while, from now."""
        key = self._key(text)
        with self._lock:
            now = self._clock()
            self._put(key, prediction, now)
            self._forget(now)
