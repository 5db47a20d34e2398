"""Memory of a tree of processes, and of a group."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.cgroup import MemoryGroup, memory_group
from benchmarks.memory import Watcher, parse_rollup, tree, usage

# A process of 60 MB with a child of 30; both wait for the end of their input.
_CHILD = "import sys; kept = bytearray(b'1') * 30_000_000; print('ready', flush=True); sys.stdin.read()"
_PARENT = (
    "import subprocess, sys; kept = bytearray(b'1') * 60_000_000;"
    f"subprocess.run([sys.executable, '-c', {_CHILD!r}], stdin=sys.stdin)"
)


def test_counts_children_and_what_they_hold() -> None:
    words = [sys.executable, "-c", _PARENT]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdin
        assert process.stdout.readline() == "ready\n"
        watcher = Watcher(lambda: usage(process.pid))
        found = usage(process.pid)
        most = watcher.stop()
        assert len(tree(process.pid)) == found.processes == 2
        assert 90 <= found.anonymous <= found.pss <= found.resident < 250
        assert most.pss >= found.pss
        process.stdin.close()
    assert usage(process.pid).processes == 0


def test_reads_kilobytes_of_the_fields() -> None:
    text = "55-7f ---p 00000000 00:00 0 [rollup]\nRss: 2000 kB\nPss: 1000 kB\nPss_Anon: 500 kB\nPss_File: 500 kB\n"
    assert parse_rollup(text) == {"pss": 1.024, "anonymous": 0.512, "resident": 2.048}


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"memory.{name}").write_text(text)


def test_group_of_the_first_version(tmp_path: Path) -> None:
    write(tmp_path, max_usage_in_bytes="380000000\n", oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    write(tmp_path, stat="cache 5\nrss 7\ntotal_rss 90000000\n")
    group = MemoryGroup(tmp_path, 1)
    assert (group.peak_megabytes(), group.kills(), group.unreclaimable_megabytes()) == (380, 2, 90)


def test_group_of_the_second_version(tmp_path: Path) -> None:
    write(
        tmp_path,
        peak="380000000\n",
        events="low 0\noom 1\noom_kill 2\n",
        stat="anon 80000000\nfile 1\nkernel 10000000\n",
    )
    group = MemoryGroup(tmp_path, 2)
    assert (group.peak_megabytes(), group.kills(), group.unreclaimable_megabytes()) == (380, 2, 90)


def test_a_group_kills_what_grows_past_it() -> None:
    words = ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"']
    greedy = [sys.executable, "-c", "bytearray(b'1') * 200_000_000"]
    try:
        with memory_group(64) as group:
            killed = subprocess.run([*words, str(group.processes), *greedy], check=False).returncode
            fine = subprocess.run([*words, str(group.processes), sys.executable, "-c", ""], check=False).returncode
            assert (killed, fine, group.kills()) == (-9, 0, 1)
            assert 10 < group.peak_megabytes() <= 68
    except OSError as error:
        pytest.skip(f"no memory group may be made here: {error}")
    assert not group.folder.exists()
