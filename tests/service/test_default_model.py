"""The model inside the package, through the predictor: what anyone would try first. Sentences that it has not read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from carepick.evaluation.triage import heard
from carepick.knowledge.catalog import load_catalog
from carepick.records import Task, TriageLevel
from carepick.service.predictor import Predictor
from carepick.service.triage import LEARNED
from carepick.settings import Settings

PLAIN = [
    "두통이 있고 열이 조금 나요", "허리를 숙이면 아파요", "렌즈를 껴서 그런지 눈이 따가워요", "발목을 접질려서 부었어요",
    "생리 양이 많고 어지러워요", "얼굴에 여드름이 심해요", "자꾸 물이 먹히고 소변을 자주 봐요", "치통이 심해요",
    "임신 12주인데 입덧이 심해요", "다리에 쥐가 자주 나요", "눈이 간지럽고 충혈됐어요", "뒷목이 뻣뻣해요",
    "비염 때문에 코가 맹맹해요", "속이 더부룩하고 트림이 나와요", "무릎에서 뚝뚝 소리가 나요", "머리카락이 많이 빠져요",
]  # fmt: skip
URGENT = [
    "숨이 안 쉬어져요", "피를 토했어요", "혀가 꼬이고 한쪽 팔에 힘이 없어요", "아기가 숨을 안 쉬어요",
    "벌에 쏘이고 온몸에 두드러기가 나고 숨이 차요", "애가 건전지를 삼켰어요", "임신 중인데 피가 나와요",
    "약을 한 통 다 먹었어요", "아버지가 갑자기 쓰러져서 대답을 안 하세요",
]  # fmt: skip
# Sentences that anyone tries first, each with every department that would be a sensible answer.
DATA = Path(__file__).parents[1] / "data"
FIRST, LEARNED_CASES, RULE_CASES, BESIDE_EXCUSES = (
    json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))
    for name in ("plain_questions", "learned_flag_cases", "red_flag_cases", "urgent_beside_excuses")
)

STORY = (
    "{} 요즘 회사 일이 바빠서 점심을 자주 걸러요. 속이 더부룩해서 유산균을 먹기 시작했고요. {} "
    "유산균은 식전에 먹는 게 좋은가요, 식후가 좋은가요? 답변 부탁드립니다."
)
DECIDES = [
    ("자꾸 죽고 싶다는 생각이 들어서 약을 모아 두고 있어요.", TriageLevel.CRISIS),
    ("아까부터 가슴이 조이고 식은땀이 나면서 왼팔이 저려요.", TriageLevel.EMERGENCY),
    ("남편이 술만 마시면 때리고 목을 졸라요.", TriageLevel.DANGER),
]


@pytest.fixture(scope="module")
def predictor() -> Iterator[Predictor]:
    predictor = Predictor.load(Settings())
    yield predictor
    predictor.close()


@pytest.mark.parametrize("text", PLAIN)
def test_a_plain_complaint_raises_no_alarm(predictor: Predictor, text: str) -> None:
    assert predictor.predict(text).triage.level is TriageLevel.NONE


@pytest.mark.parametrize("case", FIRST, ids=[case["text"] for case in FIRST])
def test_a_first_try_gets_a_sensible_department_and_no_alarm(predictor: Predictor, case: dict[str, object]) -> None:
    assert isinstance(case["departments"], list)
    assert set(case["departments"]) <= {row.name for row in load_catalog().departments}
    prediction = predictor.predict(str(case["text"]))
    assert {label.name for label in prediction.tasks[Task.DEPARTMENT].labels[:3]} & set(case["departments"])
    assert prediction.triage.level is TriageLevel.NONE


@pytest.mark.parametrize("text", URGENT)
def test_an_emergency_in_plain_words_does(predictor: Predictor, text: str) -> None:
    assert predictor.predict(text).triage.level is not TriageLevel.NONE


@pytest.mark.parametrize(("sentence", "level"), DECIDES)
def test_one_sentence_decides_in_a_long_story(predictor: Predictor, sentence: str, level: TriageLevel) -> None:
    for story in (STORY.format("안녕하세요.", sentence), STORY.format(sentence, "")):
        assert level in {flag.level for flag in predictor.predict(story).triage.flags}
    assert predictor.predict(STORY.format("", "")).triage.level is TriageLevel.NONE


def test_every_learned_flag_has_cases() -> None:
    assert set(LEARNED_CASES) == set(LEARNED.values())
    assert min(len(set(texts)) for cases in LEARNED_CASES.values() for texts in cases.values()) >= 4


@pytest.mark.parametrize(("id", "text"), [(id, text) for id, cases in LEARNED_CASES.items() for text in cases["raise"]])
def test_what_no_rule_was_written_for_is_heard(predictor: Predictor, id: str, text: str) -> None:
    assert id in {flag.id for flag in predictor.predict(text).triage.flags}


@pytest.mark.parametrize("text", [text for cases in LEARNED_CASES.values() for text in cases["quiet"]])
def test_the_same_words_said_calmly_are_not(predictor: Predictor, text: str) -> None:
    assert predictor.predict(text).triage.level is TriageLevel.NONE


def test_rules_and_model_together_hear_the_cases_of_the_flags_and_few_look_alikes(predictor: Predictor) -> None:
    def alarmed(kind: str) -> float:
        texts = [text for cases in RULE_CASES.values() for text in cases[kind]]
        return sum(bool(predictor.predict(text).triage.flags) for text in texts) / len(texts)

    assert alarmed("raise") >= 0.99
    assert alarmed("quiet") <= 0.08


@pytest.mark.parametrize(
    ("level", "text"), [(level, text) for level, texts in BESIDE_EXCUSES.items() for text in texts]
)
def test_a_word_that_excuses_a_look_alike_excuses_no_emergency(predictor: Predictor, level: str, text: str) -> None:
    assert heard(TriageLevel(level), predictor.predict(text).triage)


def test_the_wish_to_die_and_violence_are_heard_as_such(predictor: Predictor) -> None:
    assert predictor.predict("너무 힘들어서 다 끝내고 싶어요").triage.level is TriageLevel.CRISIS
    assert predictor.predict("남편이 때려요").triage.level is TriageLevel.DANGER
