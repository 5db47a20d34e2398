"""A ticket is kept while someone waits, and given one outcome."""

from __future__ import annotations

import gc
import weakref

import pytest

from carepick.errors import DeadlineError, OverloadedError
from carepick.service.ticket import ModelOutput, Ticket

OUTPUT = ModelOutput({}, 1, False, 9)


def test_holders_get_the_output() -> None:
    ticket = Ticket(deadline=10)
    assert ticket.join(10)
    ticket.deliver(OUTPUT)
    assert ticket.output(0) is ticket.output(0) is OUTPUT


def test_the_first_outcome_stays() -> None:
    ticket = Ticket(deadline=10)
    ticket.fail(ValueError("first"))
    ticket.deliver(OUTPUT)
    ticket.fail(KeyError("third"))
    with pytest.raises(ValueError, match="first"):
        ticket.output(0)


def test_expires_after_its_deadline() -> None:
    ticket = Ticket(deadline=10)
    assert ticket.wanted(10)
    assert not ticket.wanted(10.1)
    with pytest.raises(DeadlineError):
        ticket.output(0)
    assert not ticket.join(99)


def test_whoever_waits_longest_decides() -> None:
    ticket = Ticket(deadline=10)
    ticket.join(20)
    ticket.join(5)
    assert ticket.wanted(20)
    assert not ticket.wanted(21)


def test_is_dropped_when_the_last_one_leaves() -> None:
    ticket = Ticket(deadline=10)
    ticket.join(10)
    ticket.leave()
    assert ticket.wanted(0)
    ticket.leave()
    assert not ticket.wanted(0)
    assert not ticket.join(10)


def test_an_answer_outlives_those_who_waited_for_it() -> None:
    ticket = Ticket(deadline=10)
    ticket.deliver(OUTPUT)
    ticket.leave()
    assert ticket.join(10)
    assert ticket.output(0) is OUTPUT


def test_a_failure_is_not_shared_with_later_callers() -> None:
    ticket = Ticket(deadline=10)
    ticket.fail(ValueError())
    assert not ticket.join(10)


def test_waits_no_longer_than_asked() -> None:
    with pytest.raises(DeadlineError):
        Ticket(deadline=10).output(-1)


class Held:
    """Something in the frame of a caller, such as a text."""


def test_a_failure_keeps_nothing_of_those_who_met_it() -> None:
    tickets: list[Ticket] = []

    def refuse() -> weakref.ref[Held]:
        held, ticket = Held(), Ticket(deadline=10)
        tickets.append(ticket)
        try:
            raise OverloadedError("full", retry_after=7)
        except OverloadedError as error:
            ticket.fail(error)
        return weakref.ref(held)

    def wait() -> weakref.ref[Held]:
        held = Held()
        with pytest.raises(OverloadedError) as caught:
            tickets[0].output(0)
        assert caught.value.retry_after == 7
        del caught
        return weakref.ref(held)

    gc.disable()
    try:
        assert refuse()() is None
        assert wait()() is None
    finally:
        gc.enable()
