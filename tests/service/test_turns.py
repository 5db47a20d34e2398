"""Turns: no more inside than there are places, first come first served, and none lost."""

from __future__ import annotations

import threading
import time

import pytest
from tests.service.conftest import SECONDS

from carepick.service.turns import Turns


def wait_in_line(turns: Turns, count: int) -> None:
    until = time.monotonic() + SECONDS
    while len(turns._line) < count:
        assert time.monotonic() < until
        time.sleep(0.001)


def test_first_come_first_served_even_when_the_last_one_comes_back_at_once() -> None:
    turns, order = Turns(1), []

    def take(name: int) -> None:
        with turns:
            order.append(name)

    with turns:
        waiting = [threading.Thread(target=take, args=(name,)) for name in range(5)]
        for count, thread in enumerate(waiting, 1):
            thread.start()
            wait_in_line(turns, count)
    take(5)
    for thread in waiting:
        thread.join(SECONDS)
    assert order == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("places", [1, 3])
def test_no_more_inside_than_places_and_all_come_in(places: int) -> None:
    turns, guard = Turns(places), threading.Lock()
    inside, most, done = 0, 0, 0

    def work() -> None:
        nonlocal inside, most, done
        for _ in range(200):
            with turns:
                with guard:
                    inside += 1
                    most = max(most, inside)
                with guard:
                    inside -= 1
                    done += 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert (inside, done) == (0, 1600)
    assert most <= places


def test_a_failure_inside_hands_the_place_on() -> None:
    turns = Turns(1)
    with pytest.raises(ValueError, match="poison"), turns:
        raise ValueError("poison")
    with turns:
        assert not turns._places
