"""How many processors this process may really use: affinity and the control group's quota, which ONNX Runtime ignores."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

_MOUNT, _MEMBERSHIP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def available_cpus(mount: Path = _MOUNT, membership: Path = _MEMBERSHIP) -> int:
    """Returns the number of processors within affinity and quota, rounded up, at least 1; arguments as `cpu_quota`."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cpu_quota(mount, membership)
    return affinity if quota is None else max(1, min(affinity, math.ceil(quota)))


def cpu_quota(mount: Path = _MOUNT, membership: Path = _MEMBERSHIP) -> float | None:
    """Returns the quota of this process's control groups (version 2 or 1) in processors, or None without one.

    A group is bound by its own quota and by those above it: the least counts. `mount`: where the hierarchies are
    mounted; `membership`: the file that names the groups of this process.
    """
    quotas = [quota for folder in _folders(mount, membership) if (quota := _quota(folder)) is not None]
    return min(quotas, default=None)


def _folders(mount: Path, membership: Path) -> Iterator[Path]:
    """Yields the folder of each group this process is in, and of those above it, that may limit processors.

    Inside a container the file may name a path of the host, which is not there: its last parent is, the mount itself.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines or ["0::/"]:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        group = Path("/") / path
        for each in (group, *group.parents):
            inside = each.relative_to("/")
            yield from (mount / hierarchy / inside for hierarchy in {controllers, "cpu" if controllers else ""})


def _quota(folder: Path) -> float | None:
    try:
        limit, period = (folder / "cpu.max").read_text().split()
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        pass
    try:
        limit_us = int((folder / "cpu.cfs_quota_us").read_text())
        return limit_us / int((folder / "cpu.cfs_period_us").read_text()) if limit_us > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
