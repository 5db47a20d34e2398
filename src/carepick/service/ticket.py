"""The promise of a model's output for one text, shared by everyone who waits for it."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass, field

from carepick.engine.base import FloatArray, Window
from carepick.engine.ngrams import Located
from carepick.errors import DeadlineError
from carepick.service.sentences import JudgedSentence

_EXPIRED = "The deadline passed before an answer was ready: try again later."


@dataclass(frozen=True)
class ModelOutput:
    """What an engine says of one text.

    `logits`: for each head (classes,), the mean over windows weighted by their tokens; `letters`: those of the text;
    `sentences`: how urgent each is alone, where the engine has a head for it; `windows`, `ngrams` and `parts` only where
    parts were asked for: the windows read, where the known n-grams stand, and for each output of the kind HEAD.tokens or
    HEAD.ngrams an array with a row a window.
    """

    logits: dict[str, FloatArray]
    window_count: int
    truncated: bool
    letters: int
    sentences: tuple[JudgedSentence, ...] = ()
    windows: tuple[Window, ...] = ()
    ngrams: Located | None = None
    parts: dict[str, FloatArray] = field(default_factory=dict)


class Ticket:
    """Holds the output once it is there. Dropped when nobody waits for it any more; safe to use from several threads."""

    def __init__(self, deadline: float) -> None:
        """`deadline`: until when the first holder waits."""
        self._future: Future[ModelOutput] = Future()
        self._lock = threading.Lock()
        self._deadline, self._holders, self._dropped = deadline, 1, False

    @property
    def deadline(self) -> float:
        """Until when the most patient holder waits."""
        return self._deadline

    def join(self, deadline: float) -> bool:
        """Adds a holder who waits until `deadline`; returns False when the ticket was dropped or has failed."""
        with self._lock:
            if self._dropped or (self._future.done() and self._future.exception()):
                return False
            self._holders += 1
            self._deadline = max(self._deadline, deadline)
            return True

    def leave(self) -> None:
        """Takes back one holder; the last one to leave drops the ticket."""
        with self._lock:
            self._holders -= 1
            self._dropped = self._dropped or (self._holders == 0 and not self._future.done())

    def wanted(self, now: float) -> bool:
        """Returns whether anyone still waits at the time `now`; if not, the ticket is dropped."""
        with self._lock:
            if now > self._deadline and not self._future.done():
                self._dropped = True
                self._future.set_exception(DeadlineError(_EXPIRED))
            return not self._dropped and not self._future.done()

    def done(self) -> bool:
        """Returns whether the output or a failure is there."""
        return self._future.done()

    def deliver(self, output: ModelOutput) -> None:
        """Gives `output` to all holders; does nothing when they were given something before."""
        with self._lock:
            if not self._future.done():
                self._future.set_result(output)

    def fail(self, error: Exception) -> None:
        """Gives `error` to all holders; does nothing when they were given something before."""
        with self._lock:
            if not self._future.done():
                self._future.set_exception(_without_frames(error))

    def output(self, seconds: float) -> ModelOutput:
        """Returns the output, waiting at most `seconds`; raises `DeadlineError` then, or what it failed with."""
        try:
            error = self._future.exception(max(0.0, seconds))
        except FutureTimeout:
            raise DeadlineError(_EXPIRED) from None
        if error:
            raise _without_frames(error)
        return self._future.result()


def _without_frames(error: BaseException) -> BaseException:
    """Returns a copy of `error` without its traceback: the frames of a traceback hold the caller's text and much more.

    A ticket that failed is kept for a while, and what it holds with it; under overload there are hundreds.
    """
    bare = type(error).__new__(type(error), *error.args)
    vars(bare).update(vars(error))
    return bare
