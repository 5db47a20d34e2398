"""Which threads the processor serves first."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

# Niceness that a thread of long computations adds to its own; on Linux a thread has one to itself.
_STEPS = 10


def step_back() -> None:
    """Lets the other threads of this process go before the calling one where all want a processor.

    Where a server has a control group or a session of its own, that is all that it changes: other servers take no more
    from it than before. Does nothing where the system has no such thing.
    """
    if sys.platform == "linux":  # elsewhere the number of a thread may be that of some process
        with contextlib.suppress(OSError):
            thread = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _STEPS)
