"""Carepick with two models of KM-BERT's size and two workers inside a small memory group, under load."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.cgroup import MemoryGroup, memory_group
from benchmarks.contestants import CAREPICK, HERE, KM_BERT, Variant
from benchmarks.load import Outcome, Plan
from benchmarks.memory import Usage, Watcher, usage
from benchmarks.results import GroupRun
from benchmarks.running import StartError, running
from benchmarks.stats import answers_per_second, statuses

_CLIENTS = 16
_TWO_WORKERS = Variant(2, 1, 1)
_NONE = Usage()


def run(ask: Callable[[Plan], Outcome], texts: Sequence[str], megabytes: int, seconds: float) -> GroupRun:
    """Returns what came of `seconds` under load within `megabytes`; `ask` carries out a plan.

    The cache of prepacked weights is empty at first: what the very first start takes has to fit as well. The page
    cache of a file is charged to the group that reads it first, so files that others have read cost less here.
    """
    try:
        with memory_group(megabytes) as group, tempfile.TemporaryDirectory(dir=HERE) as cache:
            return _within(group, ask, texts, megabytes, seconds, Path(cache))
    except (OSError, StartError) as error:
        return GroupRun(KM_BERT.name, megabytes, seconds, 0.0, {}, 0, 0.0, 0.0, _NONE, str(error))


def _within(
    group: MemoryGroup,
    ask: Callable[[Plan], Outcome],
    texts: Sequence[str],
    megabytes: int,
    seconds: float,
    cache: Path,
) -> GroupRun:
    words = ("--cache-dir", str(cache))
    with running(CAREPICK, _TWO_WORKERS, KM_BERT, HERE / ".logs" / "group.log", group, words) as started:
        anonymous = [0.0]

        def look() -> Usage:
            anonymous.append(group.unreclaimable_megabytes())
            return usage(started.pid)

        watcher = Watcher(look)
        sentences = [CAREPICK.sentence(text, False) for text in texts]
        plan = Plan(started.port, sentences, _CLIENTS, 0.0, seconds, warm_up=0.0)
        samples = ask(plan).samples
        return GroupRun(
            models=KM_BERT.name,
            megabytes=megabytes,
            seconds=seconds,
            rate=round(answers_per_second(samples, 0.0, seconds), 2),
            statuses=statuses(samples),
            memory=watcher.stop(),
            kills=group.kills(),
            peak_charged=round(group.peak_megabytes(), 1),
            peak_anonymous=round(max(anonymous), 1),
        )
