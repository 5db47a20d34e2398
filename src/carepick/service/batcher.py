"""Gathers texts of many callers into forward passes: bounded, by length, with deadlines, and nothing accepted is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from carepick.engine.base import EncodedText, Engine, FloatArray, Window
from carepick.errors import DeadlineError, NotReadyError, OverloadedError

_PARTS = ("tokens", "ngrams")


@dataclass(frozen=True)
class ModelOutput:
    """What a forward pass says of one text.

    `logits`: for each head (classes,), the mean over windows weighted by their tokens; `windows` and `parts` only where
    they were asked for: the windows read, and for each output of the kind HEAD.tokens or HEAD.ngrams an array with a
    row a window.
    """

    logits: dict[str, FloatArray]
    window_count: int
    truncated: bool
    windows: tuple[Window, ...] = ()
    parts: dict[str, FloatArray] = field(default_factory=dict)


@dataclass(frozen=True)
class BatchLimits:
    """`tokens` of one pass, padding counted; `queue`: texts that may wait; `wait_seconds` for more texts to come."""

    tokens: int
    queue: int
    wait_seconds: float


@dataclass(eq=False)
class _Job:
    encoded: EncodedText
    parts: bool
    deadline: float
    arrived: float
    future: Future[ModelOutput] = field(default_factory=Future)

    @property
    def longest(self) -> int:
        return max(len(window.input_ids) for window in self.encoded.windows)


class Batcher:
    """A queue before one engine, and the threads that empty it."""

    def __init__(
        self, engine: Engine, limits: BatchLimits, runners: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`runners`: threads that each run one forward pass at a time; `clock` returns seconds."""
        self._engine, self._limits, self._clock = engine, limits, clock
        self._heads = list(engine.manifest.heads)
        self._waiting: list[_Job] = []
        self._changed = threading.Condition()
        self._closed = False
        self._threads = [threading.Thread(target=self._work, name=f"runner-{n}", daemon=True) for n in range(runners)]
        for thread in self._threads:
            thread.start()

    def submit(self, texts: Sequence[EncodedText], deadline: float, parts: bool = False) -> list[Future[ModelOutput]]:
        """Queues all of `texts` or none, and returns a future for each.

        `deadline`: on the batcher's clock; a text whose deadline passes in the queue is dropped with `DeadlineError`, and
        so is one whose future was cancelled. Raises `OverloadedError` when the queue has no room, `NotReadyError` when it
        is closed.
        """
        now = self._clock()
        jobs = [_Job(encoded, parts, deadline, now) for encoded in texts]
        with self._changed:
            if self._closed:
                raise NotReadyError("The server is stopping: send the request to another one, or again in a moment.")
            if len(self._waiting) + len(jobs) > max(self._limits.queue, len(jobs) if not self._waiting else 0):
                raise OverloadedError("Too many requests are waiting: try again after Retry-After seconds.")
            self._waiting += jobs
            self._changed.notify(len(jobs))
        return [job.future for job in jobs]

    def waiting(self) -> int:
        """Returns how many texts wait for a forward pass."""
        return len(self._waiting)

    def close(self) -> None:
        """Takes no more texts, answers those accepted, and ends the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (batch := self._take()) is not None:
            if live := [job for job in batch if self._still_wanted(job)]:
                self._answer(live)

    def _take(self) -> list[_Job] | None:
        """Returns the next texts to run, or None when closed and empty."""
        with self._changed:
            while not self._waiting:
                if self._closed:
                    return None
                self._changed.wait()
            self._wait_for_more()
            # The oldest text goes now; the others that go with it are those nearest to it in length.
            oldest = self._waiting[0]
            near = sorted(self._waiting[1:], key=lambda job: abs(job.longest - oldest.longest))
            batch = [oldest]
            for job in near:
                if _cost([*batch, job]) > self._limits.tokens:
                    break
                batch.append(job)
            chosen = set(map(id, batch))
            self._waiting = [job for job in self._waiting if id(job) not in chosen]
            return batch

    def _wait_for_more(self) -> None:
        until = self._waiting[0].arrived + self._limits.wait_seconds
        while not self._closed and _cost(self._waiting) < self._limits.tokens and (left := until - self._clock()) > 0:
            self._changed.wait(left)

    def _still_wanted(self, job: _Job) -> bool:
        if not job.future.set_running_or_notify_cancel():
            return False
        if self._clock() > job.deadline:
            job.future.set_exception(DeadlineError("The deadline passed before an answer was ready: try again later."))
            return False
        return True

    def _answer(self, jobs: list[_Job]) -> None:
        try:
            for job, output in zip(jobs, self._run(jobs), strict=True):
                job.future.set_result(output)
        except Exception as error:  # one bad text must not fail its neighbours: run each alone
            if len(jobs) == 1:
                jobs[0].future.set_exception(error)
                return
            for job in jobs:
                if not job.future.done():
                    self._answer([job])

    def _run(self, jobs: list[_Job]) -> list[ModelOutput]:
        windows = [window for job in jobs for window in job.encoded.windows]
        wanted = list(self._heads)
        if any(job.parts for job in jobs):
            wanted += [f"{head}.{part}" for head in self._heads for part in _PARTS]
        rows = self._run_windows(windows, wanted)
        outputs, first = [], 0
        for job in jobs:
            last = first + len(job.encoded.windows)
            outputs.append(self._combine(job, rows[first:last]))
            first = last
        return outputs

    def _run_windows(self, windows: list[Window], wanted: list[str]) -> list[dict[str, FloatArray]]:
        """Returns each window's row of every output, in passes that each stay within the limit of tokens."""
        order = sorted(range(len(windows)), key=lambda index: len(windows[index].input_ids))
        rows: list[dict[str, FloatArray]] = [{} for _ in windows]
        while order:
            size = 1
            while size < len(order) and (size + 1) * len(windows[order[size]].input_ids) <= self._limits.tokens:
                size += 1
            chosen, order = order[:size], order[size:]
            results = self._engine.run([windows[index] for index in chosen], wanted)
            for row, index in enumerate(chosen):
                rows[index] = {name: values[row] for name, values in results.items()}
        return rows

    def _combine(self, job: _Job, rows: list[dict[str, FloatArray]]) -> ModelOutput:
        windows = job.encoded.windows
        sizes = np.array([len(window.input_ids) for window in windows], np.float64)
        shares = sizes / sizes.sum()
        logits = {
            head: np.asarray(sum(share * row[head] for share, row in zip(shares, rows, strict=True)))
            for head in self._heads
        }
        output = ModelOutput(logits, len(windows), job.encoded.truncated)
        if not job.parts:
            return output
        parts = {name: _stack([row[name] for row in rows]) for name in rows[0] if "." in name}
        return ModelOutput(logits, len(windows), job.encoded.truncated, windows, parts)


def _stack(rows: list[FloatArray]) -> FloatArray:
    """Returns rows of shape (length, classes) as one array, the shorter ones padded with zeros."""
    longest = max(len(row) for row in rows)
    stacked = np.zeros((len(rows), longest, rows[0].shape[1]), np.float32)
    for index, row in enumerate(rows):
        stacked[index, : len(row)] = row
    return stacked


def _cost(jobs: list[_Job]) -> int:
    """Returns the tokens of a pass over all windows of `jobs`, padding counted."""
    return sum(len(job.encoded.windows) for job in jobs) * max(job.longest for job in jobs)
