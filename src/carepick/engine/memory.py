"""Keeps memory small: few heaps, and what loading took and serving does not need goes back to the system."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from pathlib import Path

_MAPS = Path("/proc/self/maps")
_DONT_NEED = 4  # MADV_DONTNEED of Linux
_ARENA_MAX = -8  # M_ARENA_MAX of glibc
_ARENAS = 2


def share_heaps() -> None:
    """Lets all threads that are started from now on, here and in processes that this one forks, share two heaps.

    The C library would make up to eight for each processor, and what one thread has freed in its own is of no use to the
    others. Python's threads hardly ever ask at once. Does nothing where the C library is not glibc.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_ARENA_MAX, _ARENAS)


def give_memory_back() -> None:
    """Returns free memory that the C library would keep for ever, and lets go of the code of the libraries.

    Most of the code that ran so far only loaded: ONNX Runtime's reading and rewriting of a graph alone is 9 MB. What is
    still needed is mapped again, page by page, when it next runs; the system has it in memory, or in the file.
    Does nothing where the system is not Linux.
    """
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.malloc_trim(0)
        library.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        for start, end in code_ranges(_MAPS.read_text(encoding="utf-8", errors="replace")):
            library.madvise(start, end - start, _DONT_NEED)


def code_ranges(maps: str) -> Iterator[tuple[int, int]]:
    """Yields where code lies that was read from a file and that nobody can have changed; `maps`: as Linux lists them."""
    for line in maps.splitlines():
        addresses, access, _, _, _, *name = line.split(maxsplit=5)
        if access == "r-xp" and name and name[0].startswith("/"):
            start, end = addresses.split("-")
            yield int(start, 16), int(end, 16)
