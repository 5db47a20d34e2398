"""Equal texts share one computation; no text is kept."""

from __future__ import annotations

import gc

import pytest
from tests.service.conftest import Clock

from carepick.records import Prediction
from carepick.service.answers import RecentAnswers, RecentPredictions
from carepick.service.ticket import ModelOutput, Ticket

OUTPUT = ModelOutput({}, 1, False, 9)


def claim(recent: RecentAnswers, text: str) -> tuple[Ticket, bool]:
    claims = recent.claim([text], deadline=2000)
    return claims.tickets[0], bool(claims.fresh)


def test_shared_while_in_flight_and_for_some_seconds_after() -> None:
    clock = Clock()
    recent = RecentAnswers(5, 10, clock)
    first, fresh = claim(recent, "가")
    assert fresh
    assert claim(recent, "가") == (first, False)
    clock.now += 60
    assert claim(recent, "가") == (first, False)  # still in flight
    first.deliver(OUTPUT)
    assert claim(recent, "가")[1]  # asked for 60 s ago: another one


def test_forgotten_after_its_seconds() -> None:
    clock = Clock()
    recent = RecentAnswers(5, 10, clock)
    first, _ = claim(recent, "가")
    first.deliver(OUTPUT)
    clock.now += 4.9
    assert claim(recent, "가") == (first, False)
    clock.now += 0.2
    assert claim(recent, "가")[1]


def test_zero_seconds_share_only_what_is_in_flight() -> None:
    recent = RecentAnswers(0, 10, Clock())
    first, _ = claim(recent, "가")
    assert not claim(recent, "가")[1]
    first.deliver(OUTPUT)
    assert claim(recent, "가")[1]


def test_other_texts_are_other_answers() -> None:
    recent = RecentAnswers(5, 10, Clock())
    assert claim(recent, "가")[1]
    assert claim(recent, "가 ")[1]


def test_equal_texts_of_one_batch_are_one() -> None:
    claims = RecentAnswers(5, 10, Clock()).claim(["가", "나", "가"], 2000)
    assert claims.tickets[0] is claims.tickets[2]
    assert [text for text, _ in claims.fresh] == ["가", "나"]


def test_failed_and_dropped_ones_are_computed_again() -> None:
    recent = RecentAnswers(5, 10, Clock())
    claim(recent, "가")[0].fail(ValueError())
    second, fresh = claim(recent, "가")
    assert fresh
    second.leave()
    assert claim(recent, "가")[1]


def test_the_oldest_make_room() -> None:
    recent = RecentAnswers(5, 2, Clock())
    for text in "가나다":
        claim(recent, text)
    assert not claim(recent, "다")[1]
    assert claim(recent, "가")[1]


def test_no_entries_no_sharing() -> None:
    recent = RecentAnswers(5, 0, Clock())
    claim(recent, "가")
    assert claim(recent, "가")[1]


def test_whole_answers_are_given_again_for_their_seconds() -> None:
    clock = Clock()
    recent, answer = RecentPredictions(5, 10, clock), Prediction({})
    assert recent.find("가") is None
    recent.keep("가", answer)
    clock.now += 4.9
    assert recent.find("가") is answer
    assert recent.find("가 ") is None  # typed otherwise, its words stand elsewhere
    clock.now += 0.2
    assert recent.find("가") is None


@pytest.mark.parametrize(("seconds", "entries"), [(0, 10), (5, 0)])
def test_no_seconds_or_entries_no_whole_answers(seconds: float, entries: int) -> None:
    recent = RecentPredictions(seconds, entries, Clock())
    recent.keep("가", Prediction({}))
    assert recent.find("가") is None
    assert not recent._kept


def test_old_whole_answers_go_when_the_next_one_comes_and_the_oldest_make_room() -> None:
    clock = Clock()
    recent = RecentPredictions(5, 2, clock)
    for text in "가나다":
        recent.keep(text, Prediction({}))
    assert [recent.find(text) is None for text in "가나다"] == [True, False, False]
    clock.now += 5
    recent.keep("라", Prediction({}))
    assert len(recent._kept) == 1


def test_no_text_and_no_plain_hash_is_kept() -> None:
    """Whatever can be reached from the cache holds neither the text nor what another process would call it."""
    text = "아무에게도 말하지 않은 이야기"
    recent, other = RecentAnswers(5, 10, Clock()), RecentAnswers(5, 10, Clock())
    claim(recent, text)
    claim(other, text)
    whole, another = RecentPredictions(5, 10, Clock()), RecentPredictions(5, 10, Clock())
    whole.keep(text, Prediction({}))
    another.keep(text, Prediction({}))
    seen: list[object] = []
    waiting: list[object] = [recent.__dict__, whole.__dict__]
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, (str, bytes)):
            seen.append(thing)
        elif isinstance(thing, (dict, tuple, list, Ticket)):
            waiting += gc.get_referents(thing)
    assert seen
    assert text not in seen
    assert text.encode() not in seen
    assert recent._kept.keys().isdisjoint(other._kept)
    assert whole._kept.keys().isdisjoint(another._kept)
    assert len({*recent._kept, *whole._kept}) == 2
