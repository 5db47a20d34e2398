"""A control group with little memory and no swap, in which a server can be started."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_MOUNT = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class MemoryGroup:
    """A group of version 1 or 2 with a limit; `processes`: the file that a process writes its number to, to join."""

    folder: Path
    version: int

    @property
    def processes(self) -> Path:
        """The file that takes the numbers of processes."""
        return self.folder / "cgroup.procs"

    def peak_megabytes(self) -> float:
        """Returns the most that was ever charged, page cache that could be given back at any time among it."""
        return self._number("memory.max_usage_in_bytes" if self.version == 1 else "memory.peak") / 1e6

    def kills(self) -> int:
        """Returns how many processes were killed because the limit was reached."""
        events = self._pairs("memory.oom_control" if self.version == 1 else "memory.events")
        return events.get("oom_kill", 0)

    def unreclaimable_megabytes(self) -> float:
        """Returns what is charged now without the page cache: it cannot be given back while the processes live."""
        stat = self._pairs("memory.stat")
        names = ("total_rss",) if self.version == 1 else ("anon", "kernel")
        return sum(stat.get(name, 0) for name in names) / 1e6

    def _number(self, name: str) -> int:
        return int((self.folder / name).read_text())

    def _pairs(self, name: str) -> dict[str, int]:
        lines = (line.split() for line in (self.folder / name).read_text().splitlines())
        return {name: int(value) for name, value in lines}


@contextmanager
def memory_group(megabytes: int, mount: Path = _MOUNT) -> Iterator[MemoryGroup]:
    """Gives a new group limited to `megabytes` (2^20 bytes) without swap, and removes it at the end.

    Raises `OSError` where this user may make none.
    """
    version = 1 if (mount / "memory" / "memory.limit_in_bytes").exists() else 2
    parent = mount / "memory" if version == 1 else _own_group(mount)
    group = MemoryGroup(parent / f"carepick-benchmark-{os.getpid()}-{megabytes}", version)
    group.folder.mkdir()
    try:
        _limit(group, megabytes << 20)
        yield group
    finally:
        _remove(group)


def _limit(group: MemoryGroup, size: int) -> None:
    if group.version == 2:
        (group.folder / "memory.max").write_text(str(size))
        (group.folder / "memory.swap.max").write_text("0")
        return
    (group.folder / "memory.limit_in_bytes").write_text(str(size))
    try:
        (group.folder / "memory.memsw.limit_in_bytes").write_text(str(size))
    except OSError:  # a kernel that does not count swap: let it swap nothing
        (group.folder / "memory.swappiness").write_text("0")


def _own_group(mount: Path) -> Path:
    """Returns the folder of the version 2 group that this process is in."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    path = next(line.split(":", 2)[2] for line in lines if line.startswith("0::"))
    return mount / path.lstrip("/")


def _remove(group: MemoryGroup) -> None:
    for _ in range(100):
        try:
            group.folder.rmdir()
            return
        except OSError:  # the last process is still on its way out
            time.sleep(0.05)
