"""The processors that this process may use, read from made-up control groups."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from carepick.engine.cpu import available_cpus, cpu_quota


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("membership", "files", "quota"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {}, None),
        # A service in a slice: its own limit is in its folder, and the slice's binds it as well.
        ("0::/a/b\n", {"a/b/cpu.max": "400000 100000", "a/cpu.max": "100000 100000"}, 1.0),
        ("0::/a/b\n", {"a/b/cpu.max": "50000 100000", "a/cpu.max": "max 100000"}, 0.5),
        # In a container the named path is the host's.
        ("0::/docker/123\n", {"cpu.max": "200000 100000"}, 2.0),
        # Version 1, with controllers mounted together or alone.
        (
            "4:memory:/x\n3:cpu,cpuacct:/x\n",
            {"cpu,cpuacct/x/cpu.cfs_quota_us": "250000", "cpu,cpuacct/x/cpu.cfs_period_us": "100000"},
            2.5,
        ),
        ("3:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 0.5),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        # Another controller's group says nothing about processors.
        ("4:memory:/x\n", {"memory/x/cpu.max": "100000 100000"}, None),
        ("0::/\n", {"cpu.max": "nonsense"}, None),
    ],
)
def test_quota_of_control_groups(tmp_path: Path, membership: str, files: dict[str, str], quota: float | None) -> None:
    for name, text in files.items():
        write(tmp_path / "mount" / name, text)
    assert cpu_quota(tmp_path / "mount", write(tmp_path / "membership", membership)) == quota


def test_without_any_control_group(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path, tmp_path / "none") is None
    assert available_cpus(tmp_path, tmp_path / "none") == len(os.sched_getaffinity(0))


def test_a_quota_below_one_processor_is_one(tmp_path: Path) -> None:
    membership = write(tmp_path / "membership", "0::/\n")
    write(tmp_path / "cpu.max", "20000 100000")
    assert available_cpus(tmp_path, membership) == 1


def test_a_quota_above_affinity_changes_nothing(tmp_path: Path) -> None:
    membership = write(tmp_path / "membership", "0::/\n")
    write(tmp_path / "cpu.max", "9900000 100000")
    assert available_cpus(tmp_path, membership) == len(os.sched_getaffinity(0))
