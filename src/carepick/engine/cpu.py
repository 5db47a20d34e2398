"""How many processors this process may really use: affinity and the control group's quota, which ONNX Runtime ignores."""

from __future__ import annotations

import math
import os
from pathlib import Path

_V2_QUOTA = "cpu.max"
_V1_QUOTA, _V1_PERIOD = "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"


def available_cpus(root: Path = Path("/sys/fs/cgroup")) -> int:
    """Returns the number of processors within affinity and quota, rounded up, at least 1; `root`: the cgroup mount."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroup_quota(root)
    return max(1, min(affinity, math.ceil(quota) if quota else affinity))


def cgroup_quota(root: Path) -> float | None:
    """Returns the quota of the control group mounted at `root` (version 2 or 1) in processors, or None without one."""
    try:
        limit, period = (root / _V2_QUOTA).read_text().split()
        return None if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        pass
    try:
        limit_us = int((root / _V1_QUOTA).read_text())
        return limit_us / int((root / _V1_PERIOD).read_text()) if limit_us > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
