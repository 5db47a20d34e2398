"""An engine whose passes a test can watch, hold back and break, on top of the deterministic one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np
from tests.conftest import head_labels

from carepick.engine.base import FloatArray, Window
from carepick.engine.deterministic import DeterministicEngine

SECONDS = 60.0  # longer than anything here takes; nothing waits for it when all is well


class WatchedEngine(DeterministicEngine):
    """Records the texts of each pass; waits at `gate`; fails for windows that hold the letter 독."""

    def __init__(self, heads: Sequence[str] = ("disease", "department"), max_windows: int = 16) -> None:
        super().__init__({name: head_labels(name) for name in heads}, max_windows)
        self.passes: list[list[str]] = []
        self.outputs: list[list[str]] = []
        self.entered = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()
        self.on_tokens: Callable[[float], None] = lambda tokens: None  # told how many tokens a pass had

    def run(self, windows: Sequence[Window], outputs: Sequence[str]) -> dict[str, FloatArray]:
        texts = ["".join(map(chr, window.input_ids)) for window in windows]
        self.passes.append(texts)
        self.outputs.append(list(outputs))
        self.entered.release()
        assert self.gate.wait(SECONDS)
        self.on_tokens(sum(map(len, texts)))
        if any("독" in text for text in texts):
            raise ValueError("poison")
        return super().run(windows, outputs)

    def hold(self) -> None:
        """Lets passes begin but not end; `wait_for_pass` counts from here."""
        self.gate.clear()
        while self.entered.acquire(blocking=False):
            pass

    def wait_for_pass(self) -> None:
        """Returns when one more pass has begun."""
        assert self.entered.acquire(timeout=SECONDS)

    def logits(self, text: str, head: str = "disease") -> FloatArray:
        """Returns what the engine says of a short text."""
        return DeterministicEngine.run(self, self.encode(text).windows, [head])[head][0]


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Lets `seconds` pass."""
        self.now += seconds


def same(one: FloatArray, other: FloatArray) -> bool:
    """Returns whether two answers differ by less than a score's rounding."""
    return bool(np.allclose(one, other, rtol=0, atol=1e-4))
