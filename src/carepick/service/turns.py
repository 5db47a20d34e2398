"""Turns at the processors: so many passes at a time, whichever model they are of, in the order in which they came."""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """A context manager for several threads: at most `places` are inside, the others wait in line.

    A semaphore lets whoever leaves come in again before those who wait have woken up; here a place is handed to the first
    in line, so that no model waits while another makes pass after pass.
    """

    def __init__(self, places: int) -> None:
        """`places`: how many may be inside at a time, at least 1."""
        self._places = places
        self._line: deque[threading.Lock] = deque()
        self._changing = threading.Lock()

    def __enter__(self) -> None:
        """Returns when it is this thread's turn."""
        with self._changing:
            if self._places:
                self._places -= 1
                return
            called = threading.Lock()
            called.acquire()
            self._line.append(called)
        called.acquire()  # released by whoever hands the place over

    def __exit__(self, *_: object) -> None:
        """Hands the place to the first in line."""
        with self._changing:
            if self._line:
                self._line.popleft().release()
            else:
                self._places += 1
