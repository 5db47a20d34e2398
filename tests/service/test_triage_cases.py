"""Every red flag against sentences of its own: those that must raise it, and look-alikes that must not alarm.

The sentences (tests/data/red_flag_cases.json) are the project's own. The quiet ones are denials, history, questions
about an emergency, idioms, and mild or chronic complaints in the same words.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from carepick.knowledge.red_flags import RedFlags, load_red_flags
from carepick.records import TriageLevel
from carepick.service.triage import LEARNED, Heard, Triager
from carepick.text.normalize import normalize_with_spans

CASES: dict[str, dict[str, list[str]]] = json.loads(
    (Path(__file__).parents[1] / "data" / "red_flag_cases.json").read_text(encoding="utf-8")
)
RAISED = [(id, text) for id, texts in CASES.items() for text in texts["raise"]]
QUIET = [text for texts in CASES.values() for text in texts["quiet"]]
BODY = {TriageLevel.EMERGENCY, TriageLevel.ER}


@pytest.fixture(scope="module")
def red_flags() -> RedFlags:
    return load_red_flags()


@pytest.fixture(scope="module")
def triager(red_flags: RedFlags) -> Triager:
    return Triager(red_flags)


def hear(triager: Triager, text: str) -> Heard:
    return triager.detect(normalize_with_spans(text))


def test_every_flag_has_cases(red_flags: RedFlags) -> None:
    with_rules = {flag.id for flag in red_flags.flags} - set(LEARNED.values())
    assert set(CASES) == with_rules
    assert len(with_rules) >= 130
    for id, texts in CASES.items():
        assert min(len(set(texts["raise"])), len(set(texts["quiet"]))) >= 4, id


@pytest.mark.parametrize(("id", "text"), RAISED)
def test_it_is_heard(id: str, text: str, triager: Triager, red_flags: RedFlags) -> None:
    heard = hear(triager, text)
    raised = {*heard.certain, *heard.suspected}
    level = red_flags.flag(id).level
    assert id in {flag.id for flag in raised} or {flag.level for flag in raised} & (BODY if level in BODY else {level})


@pytest.mark.parametrize("text", QUIET)
def test_a_look_alike_raises_no_alarm(text: str, triager: Triager) -> None:
    assert not hear(triager, text).certain


def test_most_flags_are_certain_and_raised_by_name(triager: Triager) -> None:
    heard = [(id, hear(triager, text)) for id, text in RAISED]
    certain = [id in {flag.id for flag in one.certain} for id, one in heard]
    raised = [id in {flag.id for flag in (*one.certain, *one.suspected)} for id, one in heard]
    assert sum(certain) / len(heard) >= 0.82
    assert sum(raised) / len(heard) >= 0.93


def test_few_look_alikes_are_suspected(triager: Triager) -> None:
    suspected = [bool(hear(triager, text).suspected) for text in QUIET]
    assert sum(suspected) / len(suspected) <= 0.05


@pytest.mark.parametrize(("id", "text"), RAISED[::7])
def test_typing_without_spaces_is_heard_as_well(id: str, text: str, triager: Triager) -> None:
    heard = hear(triager, text.replace(" ", ""))
    assert heard.certain or heard.suspected


@pytest.mark.parametrize(("id", "text"), RAISED[::5])
def test_the_words_that_raised_a_flag_are_given(id: str, text: str, triager: Triager) -> None:
    heard = hear(triager, text)
    for flag in (*heard.certain, *heard.suspected):
        assert flag.spans
        assert all(0 <= span.start < span.end <= len(text) for span in flag.spans)
