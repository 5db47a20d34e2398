"""The limit: Carepick's engine alone in a loop, no server around it. Runs in Carepick's own environment.

    python -m benchmarks.engine_limit < {"bundles": [...], "texts": [...], "sizes": [...], "seconds": 5, "runners": 2}

Prints for each size of a pass, in tokens, how many texts a second go through all bundles, and what encoding one costs.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from carepick.engine.base import EncodedText, Engine, Window
from carepick.engine.bundle import open_bundle
from carepick.engine.prepacked import default_cache, open_engine
from carepick.text.normalize import normalize

_MOST_WINDOWS = 16

Pass = tuple[Engine, list[str], Sequence[Window]]


def passes(engine: Engine, encoded: Sequence[EncodedText], tokens: int) -> list[Pass]:
    """Returns all windows of `encoded` in passes of at most `tokens` tokens with padding, like lengths together."""
    heads = list(engine.manifest.heads)
    windows = sorted((window for each in encoded for window in each.windows), key=lambda each: -len(each.input_ids))
    made: list[Pass] = []
    begin = 0
    while begin < len(windows):
        count = max(1, tokens // len(windows[begin].input_ids))
        made.append((engine, heads, windows[begin : begin + count]))
        begin += count
    return made


def tokens_per_second(work: Sequence[Pass], runners: int, seconds: float) -> float:
    """Returns how many tokens a second `runners` threads get through when they take `work` in random order."""
    order = list(work)
    random.Random(1).shuffle(order)
    waiting, lock, counts = itertools.cycle(order), threading.Lock(), [0] * runners
    begun = time.perf_counter()

    def run(runner: int) -> None:
        while time.perf_counter() - begun < seconds:
            with lock:
                engine, heads, windows = next(waiting)
            engine.run(windows, heads)
            counts[runner] += _tokens(windows)

    threads = [threading.Thread(target=run, args=(runner,)) for runner in range(runners)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - begun)


def main() -> None:
    """Reads what to measure from standard input and prints the figures as JSON."""
    order = json.load(sys.stdin)
    engines = [open_engine(open_bundle(Path(name)), _MOST_WINDOWS, 1, default_cache()) for name in order["bundles"]]
    begun = time.perf_counter()
    encoded = [[engine.encode(normalize(text)) for text in order["texts"]] for engine in engines]
    encoding = (time.perf_counter() - begun) / len(order["texts"])
    tokens = sum(each.tokens for texts in encoded for each in texts) / len(order["texts"])
    rates = {}
    for size in order["sizes"]:
        work = [each for engine, texts in zip(engines, encoded, strict=True) for each in passes(engine, texts, size)]
        rates[size] = tokens_per_second(work, order["runners"], order["seconds"]) / tokens
    json.dump({"texts_per_second": rates, "encoding_ms": 1000 * encoding, "tokens_per_text": tokens}, sys.stdout)


def _tokens(windows: Sequence[Window]) -> int:
    return sum(len(window.input_ids) for window in windows)


if __name__ == "__main__":
    main()
