from __future__ import annotations

import io

import pytest

from carepick.cli.progress import Progress, duration


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_estimate_counts_only_what_this_run_did() -> None:
    clock = Clock()
    progress = Progress(1000, 400, io.StringIO(), clock)
    assert progress.line(400) == "400 of 1,000 rows (40 %)"
    clock.now += 10
    assert progress.line(500) == "500 of 1,000 rows (50 %), 10 a second, about 50 s left"


def test_terminal_is_updated_in_place_twice_a_second_at_most() -> None:
    clock, stream = Clock(), Terminal()
    progress = Progress(80, 0, stream, clock)
    for done in range(1, 81):
        clock.now += 0.125
        progress.update(done)
    progress.finish()
    shown = stream.getvalue().split("\r\x1b[K")
    assert len(shown) == 1 + 20 + 1
    assert "\n" not in stream.getvalue()
    assert shown[-1] == ""


def test_log_gets_a_line_every_ten_seconds() -> None:
    clock, stream = Clock(), io.StringIO()
    progress = Progress(100, 0, stream, clock)
    for done in range(1, 101):
        clock.now += 1
        progress.update(done)
    progress.finish()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0] == "10 of 100 rows (10 %), 1 a second, about 90 s left"
    assert "\x1b" not in stream.getvalue()


def test_empty_file_has_a_progress_too() -> None:
    assert Progress(0, 0, io.StringIO()).line(0) == "0 of 0 rows (0 %)"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (99, "99 s"), (150, "2 min"), (3599, "1 h 00 min"), (3900, "1 h 05 min")]
)
def test_duration_is_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text
