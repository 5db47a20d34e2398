"""Identical texts share one computation: in flight, and for a few seconds after, by a keyed hash of the text."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from carepick.service.ticket import Ticket


@dataclass(frozen=True)
class Claims:
    """`tickets`: one for each text that was claimed; `fresh`: those among them that nobody computes yet, with text."""

    tickets: list[Ticket]
    fresh: list[tuple[str, Ticket]]


class RecentAnswers:
    """Tickets of the last seconds. Keeps no text: its key is a BLAKE2b hash with a secret made at start."""

    def __init__(self, seconds: float, entries: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`seconds` for which an answer may be given again, 0 for texts in flight only; at most `entries` are kept."""
        self._seconds, self._entries, self._clock = seconds, entries, clock
        self._secret = secrets.token_bytes(32)
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

    def _key(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._secret, digest_size=16).digest()

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
