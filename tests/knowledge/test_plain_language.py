"""Somebody worried, on a phone, understands at once: short whole sentences, everyday words, yes always means danger."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from carepick.knowledge.guidance import load_guidance
from carepick.knowledge.red_flags import RedFlag, load_red_flags
from carepick.records import TriageLevel

FLAGS = load_red_flags().flags
HARD_WORDS = json.loads(Path(__file__).with_name("hard_words.json").read_text(encoding="utf-8"))
MOST_LETTERS, MOST_WORDS = 60, 25  # of a Korean sentence, of an English one
LONGEST_NAME = {"ko": 34, "en": 76}
CALLS = {
    TriageLevel.EMERGENCY: ("지금 바로 119에 전화하세요.", "Call 119 now."),
    TriageLevel.ER: ("지금 바로 응급실로 가세요.", "Go to an emergency room now."),
    TriageLevel.CRISIS: ("혼자 견디지 마세요.", "You do not have to bear this alone."),
    TriageLevel.DANGER: ("지금 안전한 곳으로 옮겨 112에 전화하세요.", "Get to a safe place and call 112 now."),
}
_PHONE = re.compile(r"(?<!\d)(?:\d{4}-\d{4}|1(?:09|12|19|366|388))(?!\d)")
_VERB_ASKS = re.compile(r"(?:^|[ ,])(?:is|are|was|were|do|does|did|has|have|can|could)\b", re.IGNORECASE)
_YES_IS_GOOD = re.compile(
    r"(?:말할|쉴|삼킬) 수 있|안전한 곳에 있|안전한가|반응하나|숨을 쉬나|^Can |^Are you safe|person respond"
)
_SOURCE_NAMES = re.compile(
    r"\(.*\b(?:19|20)\d\d\)|\b20\d\d\b|법|질병관리청|NHS|보건복지부|여성가족부|경찰청|중독관리센터"
)


def sentences(text: str) -> list[str]:
    """Returns the sentences of `text`."""
    return re.split(r"(?<=[.?!])\s+", text.strip())


def wordings(node: Any) -> Iterator[tuple[str, str]]:
    """Yields every Korean text within `node` with its English twin."""
    if isinstance(node, dict) and set(node) >= {"ko", "en"}:
        yield node["ko"], node["en"]
    elif isinstance(node, (dict, list)):
        for item in node.values() if isinstance(node, dict) else node:
            yield from wordings(item)


def pairs_of(flag: RedFlag) -> tuple[tuple[str, str], ...]:
    return (flag.why, flag.why_en), (flag.action, flag.action_en), (flag.question, flag.question_en)


def around() -> list[tuple[str, str]]:
    """Returns what is said around an answer, and every text of the page."""
    guidance = load_guidance()
    page = json.loads(resources.files("carepick.web").joinpath("page.json").read_text(encoding="utf-8"))
    said = (*guidance.advice.values(), *guidance.bands.values(), *guidance.notices)
    return [(wording["ko"], wording["en"]) for wording in said] + list(wordings(page))


ALL_FLAGS = pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.id)


def check_lengths(korean: str, english: str) -> None:
    for sentence in sentences(korean):
        assert len(sentence) <= MOST_LETTERS, sentence
    for sentence in sentences(english):
        assert len(sentence.split()) <= MOST_WORDS, sentence


def unexplained(text: str, words: list[str]) -> set[str]:
    """Returns the hard `words` in `text` that neither stand in brackets, as a gloss, nor have one behind them."""
    outside = re.sub(r"\([^)]*\)", "()", text)
    return {word for word in words if re.search(re.escape(word) + r"(?!\S*? ?\()", outside, re.IGNORECASE)}


@ALL_FLAGS
def test_sentences_are_short(flag: RedFlag) -> None:
    for korean, english in pairs_of(flag):
        check_lengths(korean, english)
    assert len(flag.name) <= LONGEST_NAME["ko"]
    assert len(flag.name_en) <= LONGEST_NAME["en"]


def test_sentences_around_an_answer_are_short() -> None:
    for korean, english in around():
        check_lengths(korean, english)


@ALL_FLAGS
def test_sentences_are_whole(flag: RedFlag) -> None:
    for korean, english in pairs_of(flag):
        for sentence in sentences(korean):
            assert re.search(r"(?:요(?:\(.+\))?\.|[나가까]요\?)$", sentence), sentence
        for sentence in sentences(english):
            assert re.match(r"[A-Z0-9]", sentence), sentence
            assert sentence.endswith((".", "?")), sentence
            assert len(sentence.split()) >= 3, sentence


@ALL_FLAGS
def test_the_question_is_one_and_yes_means_danger(flag: RedFlag) -> None:
    for question in (flag.question, flag.question_en):
        assert question.count("?") == 1, "one question"
        assert question.endswith("?")
        assert len(sentences(question)) == 1
        assert not _YES_IS_GOOD.search(question), "the page takes yes for danger"
    assert _VERB_ASKS.search(flag.question_en), "a whole sentence asks with a verb"


@ALL_FLAGS
def test_the_action_starts_with_the_call_and_is_short(flag: RedFlag) -> None:
    for action, call in zip((flag.action, flag.action_en), CALLS[flag.level], strict=True):
        assert action.startswith(call)
        most = 3 if flag.level is TriageLevel.EMERGENCY else 4  # the call, two things, and when to call 119 after all
        assert 2 <= len(sentences(action)) <= most
    assert set(_PHONE.findall(flag.action)) == set(_PHONE.findall(flag.action_en)), "the same numbers in both"
    if flag.level is not TriageLevel.ER:
        assert flag.phone in " ".join(sentences(flag.action)[:3])


@ALL_FLAGS
def test_hard_words_are_explained(flag: RedFlag) -> None:
    for korean, english in ((flag.name, flag.name_en), *pairs_of(flag)):
        assert not unexplained(korean, HARD_WORDS["ko"]), korean
        assert not unexplained(english, HARD_WORDS["en"]), english


def test_hard_words_around_an_answer_are_explained() -> None:
    for korean, english in around():
        assert not unexplained(korean, HARD_WORDS["ko"]), korean
        assert not unexplained(english, HARD_WORDS["en"]), english


@ALL_FLAGS
def test_the_source_can_be_found(flag: RedFlag) -> None:
    assert _SOURCE_NAMES.search(flag.source), "name its year, or a law or an office's portal"
    assert "표준 지식" not in flag.source, "that is no source"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("폐색전증일 수 있어요.", {"색전"}),
        ("피떡이 폐를 막았어요(폐색전증).", set()),
        ("탈수(몸에 물이 모자람)일 수 있어요.", set()),
        ("물이 모자라요.", set()),
    ],
)
def test_a_gloss_is_seen(text: str, found: set[str]) -> None:
    assert unexplained(text, ["색전", "탈수"]) == found
