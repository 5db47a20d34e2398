"""Identical texts share one computation: in flight, and for a few seconds after, by a keyed hash of the text."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future

from carepick.service.batcher import ModelOutput


class RecentAnswers:
    """Outputs of the last seconds. Keeps no text: its key is a BLAKE2b hash with a secret made at start."""

    def __init__(self, seconds: float, entries: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`seconds` for which an answer may be given again, 0 for texts in flight only; at most `entries` are kept."""
        self._seconds, self._entries, self._clock = seconds, entries, clock
        self._secret = secrets.token_bytes(32)
        self._futures: OrderedDict[bytes, tuple[Future[ModelOutput], float]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, text: str, compute: Callable[[], Future[ModelOutput]]) -> Future[ModelOutput]:
        """Returns the future of `text`: the one in flight, a recent one, or what `compute` starts.

        A failed or cancelled computation is never given to a later caller.
        """
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._secret, digest_size=16).digest()
        with self._lock:
            self._forget_old()
            kept = self._futures.get(key)
            if kept is not None and _usable(kept[0]):
                return kept[0]
            future = compute()
            if self._entries:
                self._futures[key] = (future, self._clock())
                self._futures.move_to_end(key)
        return future

    def clear(self) -> None:
        """Forgets every answer, as when the model changes."""
        with self._lock:
            self._futures.clear()

    def _forget_old(self) -> None:
        oldest_wanted = self._clock() - self._seconds
        while self._futures:
            key, (future, started) = next(iter(self._futures.items()))
            done = future.done() and started <= oldest_wanted
            if not done and len(self._futures) <= self._entries:
                return
            del self._futures[key]


def _usable(future: Future[ModelOutput]) -> bool:
    return not future.cancelled() and not (future.done() and future.exception() is not None)
