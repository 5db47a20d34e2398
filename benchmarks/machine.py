"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.contestants import ROOT

_SETS = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")


def describe() -> dict[str, Any]:
    """Returns the processor, its number and instruction sets for small integers, memory, system and commit."""
    cpu = _lines("/proc/cpuinfo")
    flags = next((value.split() for name, value in cpu if name in ("flags", "Features")), [])
    return {
        "processor": next((value for name, value in cpu if name in ("model name", "CPU part")), platform.machine()),
        "processors": len(os.sched_getaffinity(0)),
        "instruction_sets": [name for name in _SETS if name in flags],
        "memory_megabytes": next(int(value.split()[0]) // 1024 for name, value in _lines("/proc/meminfo")),
        "load_before": round(os.getloadavg()[0], 2),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "commit": _git("rev-parse", "--short", "HEAD") + ("+" if _git("status", "--porcelain") else ""),
    }


def _lines(path: str) -> list[tuple[str, str]]:
    rows = (line.partition(":") for line in Path(path).read_text().splitlines())
    return [(name.strip(), value.strip()) for name, _, value in rows]


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()
