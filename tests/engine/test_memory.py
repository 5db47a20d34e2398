"""What is given back to the system is what can be had again."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from carepick.engine.memory import code_ranges

MAPS = """\
55d0c0a00000-55d0c0a01000 r--p 00000000 fe:00 101 /usr/bin/python3.11
55d0c0a01000-55d0c0a02000 r-xp 00001000 fe:00 101 /usr/bin/python3.11
55d0c0a04000-55d0c0a05000 rw-p 00003000 fe:00 101 /usr/bin/python3.11
7f0000000000-7f0000010000 rwxp 00000000 fe:00 102 /lib/written here.so
7f0000010000-7f0000020000 r-xs 00000000 fe:00 103 /lib/shared.so
7f0000020000-7f0000030000 r-xp 00000000 fe:00 104 /lib/with a space.so
7f0000030000-7f0000040000 r-xp 00000000 00:00 0
7fff00000000-7fff00002000 r-xp 00000000 00:00 0                  [vdso]
"""


def test_only_code_from_files_that_nobody_writes_to_is_let_go() -> None:
    assert list(code_ranges(MAPS)) == [(0x55D0C0A01000, 0x55D0C0A02000), (0x7F0000020000, 0x7F0000030000)]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is given back")
def test_code_that_was_let_go_runs_again() -> None:
    code = """
import re
import numpy, onnxruntime
from carepick.engine.memory import give_memory_back
def resident():
    entries = re.findall(r"(r-xp) .*? (/.*)\\n(?:.*\\n)*?Rss: +(\\d+)", open("/proc/self/smaps").read())
    return sum(int(size) for _, _, size in entries)
before = resident()
give_memory_back()
after = resident()
assert after < before / 2, (before, after)
assert (numpy.ones((8, 8)) @ numpy.ones(8)).tolist() == [8.0] * 8
assert onnxruntime.get_available_providers()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has other heaps")
def test_threads_share_few_heaps() -> None:
    code = """
import ctypes, re, threading
from carepick.engine.memory import share_heaps
share_heaps()
library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
library.malloc.argtypes = (ctypes.c_size_t,)
together, places = threading.Barrier(16), []
def ask():
    together.wait()
    places.append(library.malloc(100))
    together.wait()
threads = [threading.Thread(target=ask) for _ in range(16)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
start, end = (int(each, 16) for each in re.search("(.*)-(.*) rw.*heap", open("/proc/self/maps").read()).groups())
# The first heap lies anywhere; one of a thread is 64 MB and lies at a multiple of it.
heaps = {"first" if start <= place < end else place >> 26 for place in places}
assert len(places) == 16 and len(heaps) <= 2, heaps
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
