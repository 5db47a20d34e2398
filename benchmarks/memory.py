"""The memory of a tree of processes, as Linux counts it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_FIELDS = {"Pss": "pss", "Pss_Anon": "anonymous", "Rss": "resident"}
_EVERY_SECONDS = 1.0


@dataclass(frozen=True)
class Usage:
    """Megabytes (10^6 bytes) of all `processes` together.

    `pss`: pages shared by n processes count an nth in each, so that the sum is what the tree really holds; `anonymous`:
    the part of it that cannot be read again from files; `resident`: every process by itself, shared pages many times.
    """

    pss: float = 0.0
    anonymous: float = 0.0
    resident: float = 0.0
    processes: int = 0


def tree(root: int) -> list[int]:
    """Returns the process `root` and all that descend from it."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def usage(root: int) -> Usage:
    """Returns what the tree below the process `root` uses now; processes that end meanwhile are passed over."""
    parts = [part for pid in tree(root) if (part := _rollup(pid))]
    sums = {name: round(sum(part[name] for part in parts), 1) for name in _FIELDS.values()}
    return Usage(**sums, processes=len(parts))


class Watcher:
    """Looks once a second at the memory of a tree, from a thread of its own."""

    def __init__(self, look: Callable[[], Usage]) -> None:
        """`look` returns the usage of the moment."""
        self._look, self._seen, self._stopped = look, [look()], threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> Usage:
        """Returns the highest of each figure since the start."""
        self._stopped.set()
        self._thread.join()
        self._seen.append(self._look())
        names = ("pss", "anonymous", "resident", "processes")
        return Usage(**{name: max(getattr(each, name) for each in self._seen) for name in names})

    def _watch(self) -> None:
        while not self._stopped.wait(_EVERY_SECONDS):
            self._seen.append(self._look())


def parse_rollup(text: str) -> dict[str, float]:
    """Returns pss, anonymous and resident in megabytes from the text of a smaps_rollup file."""
    found = dict.fromkeys(_FIELDS.values(), 0.0)
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name in _FIELDS:
            found[_FIELDS[name]] = int(value.split()[0]) * 1024 / 1e6
    return found


def _rollup(pid: int) -> dict[str, float] | None:
    try:
        return parse_rollup((_PROC / str(pid) / "smaps_rollup").read_text())
    except OSError:  # it has ended
        return None


def _parents() -> Iterator[tuple[int, int]]:
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                status = (folder / "stat").read_text()
            except OSError:
                continue
            yield int(folder.name), int(status.rpartition(")")[2].split()[1])
