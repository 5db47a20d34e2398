"""The queue before the model: bounds, order, sharing of passes, deadlines, failures and the end."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.conftest import SENTENCES, MakeBundle
from tests.service.conftest import SECONDS, Clock, WatchedEngine, same

from carepick.engine.bundle import open_bundle
from carepick.engine.onnx import OnnxEngine
from carepick.errors import DeadlineError, NotReadyError, OverloadedError
from carepick.service.batcher import Batcher, BatchLimits
from carepick.service.order import Order
from carepick.service.ticket import Ticket
from carepick.service.turns import Turns

MakeBatcher = Callable[..., Batcher]


@pytest.fixture
def engine() -> WatchedEngine:
    return WatchedEngine()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(engine: WatchedEngine, clock: Clock) -> Iterator[MakeBatcher]:
    made: list[Batcher] = []

    def make(
        tokens: int = 256, queue: int = 64, wait: float = 0.0, runners: int = 1, crowded: float = math.inf,
        **others: Any,
    ) -> Batcher:  # fmt: skip
        made.append(Batcher(engine, BatchLimits(tokens, queue, wait, crowded), runners, clock, **others))
        return made[-1]

    yield make
    engine.gate.set()
    for batcher in made:
        batcher.close()


def order(engine: WatchedEngine, text: str, deadline: float = 9000, parts: bool = False) -> Order:
    return Order(Ticket(deadline), engine.encode(text), parts)


def submit(batcher: Batcher, engine: WatchedEngine, *texts: str) -> list[Ticket]:
    orders = [order(engine, text) for text in texts]
    batcher.submit(orders)
    return [each.ticket for each in orders]


def busy(batcher: Batcher, engine: WatchedEngine) -> Ticket:
    """Gives the only runner something to do, and returns when it is at it."""
    engine.hold()
    [ticket] = submit(batcher, engine, "바쁨")
    engine.wait_for_pass()
    return ticket


def test_answers_each_text_with_its_own_logits(make: MakeBatcher, engine: WatchedEngine) -> None:
    texts = ["가", "나나", "다다다", "배가 아파요"]
    for text, ticket in zip(texts, submit(make(), engine, *texts), strict=True):
        output = ticket.output(SECONDS)
        assert same(output.logits["disease"], engine.logits(text))
        assert same(output.logits["department"], engine.logits(text, "department"))
        assert (output.window_count, output.truncated, output.windows, output.parts) == (1, False, (), {})


def test_what_waits_goes_together_sorted_by_length(make: MakeBatcher, engine: WatchedEngine) -> None:
    batcher = make()
    busy(batcher, engine)
    tickets = submit(batcher, engine, "가" * 30, "나" * 3, "다" * 31, "라" * 2)
    engine.gate.set()
    for ticket in tickets:
        ticket.output(SECONDS)
    assert engine.passes[1:] == [["가" * 30, "다" * 31], ["나" * 3, "라" * 2]]


def test_a_pass_is_bounded_by_tokens_with_padding(make: MakeBatcher, engine: WatchedEngine) -> None:
    batcher = make(tokens=64)
    busy(batcher, engine)
    tickets = submit(batcher, engine, *("가" * 20 for _ in range(5)), "나" * 24)
    engine.gate.set()
    for ticket in tickets:
        ticket.output(SECONDS)
    assert [len(texts) for texts in engine.passes[1:]] == [3, 2, 1]
    assert all(max(map(len, texts)) * len(texts) <= 64 for texts in engine.passes)


def test_windows_of_a_long_text_may_take_several_passes(make: MakeBatcher, engine: WatchedEngine) -> None:
    """The long text is answered as a whole, and a short one need not wait for all of it."""
    batcher = make(tokens=128)
    busy(batcher, engine)
    long_text = "".join(chr(0xAC00 + place) for place in range(300))
    long, short = submit(batcher, engine, long_text, "가나다")
    engine.gate.set()
    output = long.output(SECONDS)
    short.output(SECONDS)
    windows = engine.encode(long_text).windows
    assert output.window_count == len(windows) == 6
    expected = sum(
        engine.logits("".join(map(chr, window.input_ids))) * len(window.input_ids) for window in windows
    ) / sum(len(window.input_ids) for window in windows)
    assert same(output.logits["disease"], expected)
    assert all(max(map(len, texts)) * len(texts) <= 128 for texts in engine.passes)


def test_runners_share_what_waits(make: MakeBatcher, engine: WatchedEngine) -> None:
    """With two runners idle, a batch that one pass could hold is worked on by both."""
    batcher = make(runners=2)
    until = time.monotonic() + SECONDS
    while batcher._idle < 2 and time.monotonic() < until:  # on a busy machine a thread takes its time to begin
        time.sleep(0.001)
    engine.hold()
    tickets = submit(batcher, engine, *("가나다라"[place] * 20 for place in range(4)))
    engine.wait_for_pass()
    engine.wait_for_pass()
    assert sorted(map(len, engine.passes)) == [2, 2]
    engine.gate.set()
    for ticket in tickets:
        ticket.output(SECONDS)


def test_batchers_take_turns(make: MakeBatcher, engine: WatchedEngine) -> None:
    """Of two models that share one turn, the second one's pass begins when the first one's has ended."""
    turns = Turns(1)
    first, second = make(turns=turns), make(turns=turns)
    held = busy(first, engine)
    [waiting] = submit(second, engine, "머리가")
    assert not engine.entered.acquire(timeout=0.2)
    assert len(engine.passes) == 1
    engine.gate.set()
    held.output(SECONDS)
    assert same(waiting.output(SECONDS).logits["disease"], engine.logits("머리가"))
    assert len(engine.passes) == 2


def test_a_failed_pass_gives_its_turn_back(make: MakeBatcher, engine: WatchedEngine) -> None:
    batcher = make(turns=Turns(1))
    [bad] = submit(batcher, engine, "독")
    with pytest.raises(ValueError, match="poison"):
        bad.output(SECONDS)
    [good] = submit(batcher, engine, "머리가")
    assert same(good.output(SECONDS).logits["disease"], engine.logits("머리가"))


def test_waits_for_more_until_a_pass_is_full(make: MakeBatcher, engine: WatchedEngine) -> None:
    batcher = make(tokens=64, wait=1000)
    [first] = submit(batcher, engine, "가" * 20)
    assert not first.done()
    assert not engine.passes
    submit(batcher, engine, "나" * 21)
    assert not engine.passes
    submit(batcher, engine, "다" * 23)
    first.output(SECONDS)
    assert engine.passes[0] == ["가" * 20, "나" * 21]


def test_waits_no_longer_than_it_may(make: MakeBatcher, engine: WatchedEngine, clock: Clock) -> None:
    batcher = make(wait=1000)
    [first] = submit(batcher, engine, "가")
    clock.now += 1001
    [second] = submit(batcher, engine, "나")
    first.output(SECONDS)
    second.output(SECONDS)
    assert engine.passes == [["가", "나"]]


def test_refuses_past_its_bound_at_once(make: MakeBatcher, engine: WatchedEngine) -> None:
    batcher = make(queue=3)
    busy(batcher, engine)
    tickets = submit(batcher, engine, "가", "나")
    with pytest.raises(OverloadedError) as refused:
        submit(batcher, engine, "다", "라")
    assert refused.value.retry_after >= 1
    tickets += submit(batcher, engine, "마")
    with pytest.raises(OverloadedError):
        submit(batcher, engine, "바")
    engine.gate.set()
    for ticket in tickets:
        ticket.output(SECONDS)
    assert sorted(text for texts in engine.passes for text in texts) == ["가", "나", "마", "바쁨"]


def test_takes_a_batch_larger_than_the_queue_when_nothing_waits(make: MakeBatcher, engine: WatchedEngine) -> None:
    batcher = make(queue=2)
    for ticket in submit(batcher, engine, *"가나다라마"):
        ticket.output(SECONDS)


def test_refuses_what_could_only_be_answered_too_late(make: MakeBatcher, engine: WatchedEngine, clock: Clock) -> None:
    """With a token a second, thirty tokens ahead and twenty seconds to go, waiting is in vain."""
    batcher = make(tokens=64)
    engine.on_tokens = clock.advance
    for _ in range(60):  # until its pace is known
        submit(batcher, engine, "가" * 10)[0].output(SECONDS)
    busy(batcher, engine)
    submit(batcher, engine, "나" * 30)
    with pytest.raises(OverloadedError) as refused:
        batcher.submit([order(engine, "다", deadline=clock.now + 20)])
    assert 28 <= refused.value.retry_after <= 30
    batcher.submit([order(engine, "라", deadline=clock.now + 40)])


def test_deadlines_are_no_reason_when_nothing_waits(make: MakeBatcher, engine: WatchedEngine, clock: Clock) -> None:
    batcher = make()
    engine.on_tokens = clock.advance
    for _ in range(20):
        submit(batcher, engine, "가" * 50)[0].output(SECONDS)
    late = order(engine, "가", deadline=clock.now + 0.5)
    batcher.submit([late])
    late.ticket.output(SECONDS)


def paced(batcher: Batcher, engine: WatchedEngine, clock: Clock) -> Ticket:
    """Lets a token take a millisecond, the batcher know it, and its runner be busy."""
    engine.on_tokens = lambda tokens: clock.advance(tokens / 1000)
    for _ in range(60):
        submit(batcher, engine, "가" * 10)[0].output(SECONDS)
    return busy(batcher, engine)


def test_a_queue_that_was_full_is_kept_short_while_texts_are_refused(
    make: MakeBatcher, engine: WatchedEngine, clock: Clock
) -> None:
    """A crowd of three waits for thirty milliseconds; when more have come than that, only for fifteen."""
    batcher = make(tokens=64, queue=3, crowded=0.015)
    paced(batcher, engine, clock)
    crowd = [submit(batcher, engine, letter * 10)[0] for letter in "나다라"]
    with pytest.raises(OverloadedError):
        submit(batcher, engine, "마")
    engine.gate.set()
    for ticket in crowd:
        ticket.output(SECONDS)
    busy(batcher, engine)
    submit(batcher, engine, "바" * 10)
    submit(batcher, engine, "사" * 10)
    for _ in range(3):  # each refusal says that there are still too many
        with pytest.raises(OverloadedError):
            submit(batcher, engine, "아" * 10)
        clock.advance(0.7)
    clock.advance(0.7)
    submit(batcher, engine, "자" * 10)


def test_a_batch_too_large_for_what_is_left_says_nothing_of_a_crowd(
    make: MakeBatcher, engine: WatchedEngine, clock: Clock
) -> None:
    batcher = make(tokens=64, queue=4, crowded=0.015)
    paced(batcher, engine, clock)
    submit(batcher, engine, "나" * 20)
    with pytest.raises(OverloadedError):
        submit(batcher, engine, *"다라마바")
    submit(batcher, engine, "사")


def test_room_is_counted_in_texts_not_windows(make: MakeBatcher, engine: WatchedEngine) -> None:
    batcher = make(queue=2)
    busy(batcher, engine)
    tickets = submit(batcher, engine, "가" * 300)
    tickets += submit(batcher, engine, "나" * 300)
    with pytest.raises(OverloadedError):
        submit(batcher, engine, "다")
    engine.gate.set()
    for ticket in tickets:
        ticket.output(SECONDS)
    submit(batcher, engine, "라")[0].output(SECONDS)


def test_expired_texts_cost_no_pass(make: MakeBatcher, engine: WatchedEngine, clock: Clock) -> None:
    batcher = make()
    busy(batcher, engine)
    late, soon = order(engine, "늦음", clock.now + 1), order(engine, "가", clock.now + 100)
    batcher.submit([late, soon])
    clock.now += 2
    engine.gate.set()
    soon.ticket.output(SECONDS)
    with pytest.raises(DeadlineError):
        late.ticket.output(SECONDS)
    assert engine.passes == [["바쁨"], ["가"]]


def test_abandoned_texts_cost_no_pass_and_make_room(make: MakeBatcher, engine: WatchedEngine) -> None:
    batcher = make(queue=2)
    busy(batcher, engine)
    gone, kept = order(engine, "감" * 300), order(engine, "가")
    batcher.submit([gone, kept])
    gone.ticket.leave()
    [other] = submit(batcher, engine, "나")
    engine.gate.set()
    kept.ticket.output(SECONDS)
    other.output(SECONDS)
    assert engine.passes == [["바쁨"], ["가", "나"]]


def test_one_bad_text_fails_alone(make: MakeBatcher, engine: WatchedEngine) -> None:
    batcher = make()
    busy(batcher, engine)
    good, bad, other = submit(batcher, engine, "가나", "독", "다")
    engine.gate.set()
    assert same(good.output(SECONDS).logits["disease"], engine.logits("가나"))
    assert same(other.output(SECONDS).logits["disease"], engine.logits("다"))
    with pytest.raises(ValueError, match="poison"):
        bad.output(SECONDS)


def test_goes_on_after_a_failure(make: MakeBatcher, engine: WatchedEngine) -> None:
    batcher = make()
    with pytest.raises(ValueError, match="poison"):
        submit(batcher, engine, "독")[0].output(SECONDS)
    submit(batcher, engine, "가")[0].output(SECONDS)


def test_a_bad_window_fails_its_text_and_no_other(make: MakeBatcher, engine: WatchedEngine) -> None:
    batcher = make()
    busy(batcher, engine)
    bad, good = submit(batcher, engine, "가" * 150 + "독", "가" * 150)
    engine.gate.set()
    with pytest.raises(ValueError, match="poison"):
        bad.output(SECONDS)
    assert good.output(SECONDS).window_count == 3


def test_parts_only_for_those_who_ask(make: MakeBatcher, engine: WatchedEngine) -> None:
    batcher = make()
    busy(batcher, engine)
    plain, explained = order(engine, "가나"), order(engine, "다라마", parts=True)
    batcher.submit([plain, explained])
    engine.gate.set()
    assert plain.ticket.output(SECONDS).parts == {}
    output = explained.ticket.output(SECONDS)
    assert output.windows == explained.encoded.windows
    assert output.parts["disease.tokens"].shape == (1, 3, 7)
    assert same(output.parts["disease.tokens"][0].sum(0), output.logits["disease"])
    assert engine.outputs[0] == ["disease", "department"]


def test_parts_of_windows_from_different_passes_are_put_together(make: MakeBatcher, engine: WatchedEngine) -> None:
    text = "".join(chr(0xAC00 + place) for place in range(150))
    explained = order(engine, text, parts=True)
    make(tokens=64).submit([explained])
    output = explained.ticket.output(SECONDS)
    assert output.parts["disease.tokens"].shape == (3, 64, 7)
    assert len(engine.passes) == 3


def test_close_answers_what_was_accepted(make: MakeBatcher, engine: WatchedEngine) -> None:
    batcher = make(tokens=64)
    busy(batcher, engine)
    tickets = submit(batcher, engine, *(letter * 30 for letter in "가나다라마"))
    closing = threading.Thread(target=batcher.close)
    closing.start()
    while not batcher._closed:
        pass
    with pytest.raises(NotReadyError):
        submit(batcher, engine, "바")
    engine.gate.set()
    closing.join(SECONDS)
    assert not closing.is_alive()
    assert all(ticket.done() for ticket in tickets)


def test_close_does_not_wait_for_more(make: MakeBatcher, engine: WatchedEngine) -> None:
    batcher = make(wait=1000)
    [ticket] = submit(batcher, engine, "가")
    batcher.close()
    assert ticket.done()


def test_close_twice_is_once(make: MakeBatcher) -> None:
    batcher = make()
    batcher.close()
    batcher.close()


@pytest.mark.parametrize("precision", ["int8", "float32"])
def test_a_text_scores_alone_as_among_others(make_bundle: MakeBundle, precision: str) -> None:
    """On a real graph, with windows of long texts and padding in the same passes."""
    engine = OnnxEngine(open_bundle(make_bundle(precision=precision)), 16, 1)
    batcher = Batcher(engine, BatchLimits(tokens=256, queue=64), runners=1)
    texts = [*SENTENCES, " ".join(SENTENCES * 3), "배가 아파요 " * 20]
    orders = [Order(Ticket(float("inf")), engine.encode(text)) for text in texts]
    try:
        batcher.submit(orders)
        together = [each.ticket.output(SECONDS).logits for each in orders]
        for text, expected in zip(texts, together, strict=True):
            alone = Order(Ticket(float("inf")), engine.encode(text))
            fresh = Batcher(engine, BatchLimits(24, 64), runners=1)
            fresh.submit([alone])
            for head, logits in alone.ticket.output(SECONDS).logits.items():
                assert same(logits, expected[head])
            fresh.close()
    finally:
        batcher.close()


def test_many_callers_lose_nothing(make: MakeBatcher, engine: WatchedEngine) -> None:
    batcher = make(queue=10_000, runners=2)
    failures: list[str] = []

    def ask(caller: int) -> None:
        for number in range(40):
            text = chr(0xAC00 + caller * 40 + number) * (1 + number % 70)
            output = submit(batcher, engine, text)[0].output(SECONDS)
            if len(text) <= 64 and not same(output.logits["disease"], engine.logits(text)):
                failures.append(text)

    threads = [threading.Thread(target=ask, args=(caller,)) for caller in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert sum(map(len, engine.passes)) == 8 * sum(1 if n % 70 < 64 else 2 for n in range(40))
