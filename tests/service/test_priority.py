"""A thread that steps back does so alone."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from carepick.service.priority import step_back


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no niceness of their own")
def test_steps_back_alone() -> None:
    before, found = niceness(), []

    def run() -> None:
        step_back()
        found.append(niceness())

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [min(19, before + 10)]
    assert niceness() == before


def test_elsewhere_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    before = niceness()
    step_back()
    assert niceness() == before
