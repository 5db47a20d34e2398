"""How well alarms are raised: emergencies and crises heard, and false alarms on texts that need none."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from carepick.errors import DataError
from carepick.evaluation.asking import Progress
from carepick.evaluation.data import text_of, unmasked
from carepick.evaluation.findings import Findings, Share, Table, ask_all, read_cases, share
from carepick.evaluation.tables import Row, read_table
from carepick.records import Prediction, Triage, TriageLevel
from carepick.service.predictor import Predictor
from carepick.text.sentences import put_into, split_sentences

COLUMNS = {"id": str, "text": str, "expected": str, "topic": str}

_BODY = {TriageLevel.EMERGENCY, TriageLevel.ER}
# Which levels count as heard. Where 119 ends and the emergency room begins is a matter of judgement; whoever hurts or
# is being hurt may also be a case for an ambulance, but the wish to die must be heard as such.
HEARD_AS = {
    TriageLevel.EMERGENCY: _BODY,
    TriageLevel.ER: _BODY,
    TriageLevel.CRISIS: {TriageLevel.CRISIS},
    TriageLevel.DANGER: {TriageLevel.DANGER, *_BODY},
}
_STORY_LETTERS = range(60, 400)
ATTEMPT = "attempt"  # the topic of crises in which the body is in danger too


def study(
    predictor: Predictor,
    path: Path,
    progress: Progress | None = None,
    *,
    within: Path | None = None,
    column: str = "text",
    seed: int = 0,
) -> Findings:
    """Returns how many texts of each level were heard, false alarms, answered levels, and counts per topic.

    `within`: a file of other people's questions, in `column`; each text then stands in one of them that alone raises no
    alarm, drawn by `seed`. Raises `DataError` for an unknown level, and when no such question is there. Neither texts
    nor their ids are in the findings: the set stays blind.
    """
    cases = read_cases(path, COLUMNS)
    expected = [_level(case, f"{path.name}: row {number}") for number, case in enumerate(cases, 1)]
    texts = [case["text"] for case in cases]
    if within is not None:
        rng = random.Random(seed)
        stories = _calm_stories(predictor, within, column, len(texts), rng, progress)
        texts = [put_into(rng.choice(stories), text, rng)[0] for text in texts]
    answers = ask_all(predictor, texts, path, progress)
    outcomes = [
        heard(level, answer.triage, case["topic"]) for level, answer, case in zip(expected, answers, cases, strict=True)
    ]
    return Findings(
        len(cases),
        _shares(expected, outcomes),
        {"levels": _levels(expected, answers), "topics": _topics(cases, outcomes)},
    )


def _calm_stories(
    predictor: Predictor, path: Path, column: str, count: int, rng: random.Random, progress: Progress | None
) -> Sequence[str]:
    rows = read_table(path, [column])
    texts = [unmasked(text_of(row, column, f"{path.name}: row {number}")) for number, row in enumerate(rows, 1)]
    stories = [text for text in texts if len(text) in _STORY_LETTERS and len(split_sentences(text)) > 1]
    asked = rng.sample(stories, min(count, len(stories)))
    answers = ask_all(predictor, asked, path, progress)
    calm = [text for text, answer in zip(asked, answers, strict=True) if answer.triage.level is TriageLevel.NONE]
    if not calm:
        raise DataError(f"{path.name}: expected questions of several sentences, of which some raise no alarm")
    return calm


def heard(expected: TriageLevel, triage: Triage, topic: str = "") -> bool:
    """Returns whether an alarm that counts for `expected` was raised; for none: whether any was."""
    raised = {triage.level, *(flag.level for flag in triage.flags)} - {TriageLevel.NONE}
    if expected is TriageLevel.NONE:
        return bool(raised)
    accepted = HEARD_AS[expected] | (_BODY if topic == ATTEMPT else set())
    return bool(raised & accepted)


def _level(case: Row, place: str) -> TriageLevel:
    try:
        return TriageLevel(case["expected"])
    except ValueError:
        levels = ", ".join(level.value for level in TriageLevel)
        raise DataError(f"{place}, column expected: expected one of {levels}") from None


def _shares(expected: list[TriageLevel], outcomes: list[bool]) -> dict[str, Share]:
    def over(levels: set[TriageLevel]) -> Share:
        return share(fine for level, fine in zip(expected, outcomes, strict=True) if level in levels)

    shares = {
        "heard_emergency_or_er": over(_BODY),
        "heard_emergency": over({TriageLevel.EMERGENCY}),
        "heard_er": over({TriageLevel.ER}),
        "heard_crisis": over({TriageLevel.CRISIS}),
        "heard_danger": over({TriageLevel.DANGER}),
        "false_alarms": over({TriageLevel.NONE}),
    }
    return {name: one for name, one in shares.items() if one.rows}


def _levels(expected: list[TriageLevel], answers: list[Prediction]) -> Table:
    answered = [answer.triage.level for answer in answers]
    rows = tuple(
        (
            right.value,
            *(sum(pair == (right, level) for pair in zip(expected, answered, strict=True)) for level in TriageLevel),
        )
        for right in TriageLevel
        if right in expected
    )
    return Table(("expected", *(level.value for level in TriageLevel)), rows)


def _topics(cases: list[Row], outcomes: list[bool]) -> Table:
    """Returns per level and topic how many texts went wrong: alarms not heard, or raised for nothing; worst first."""
    groups = sorted({(case["expected"], case["topic"]) for case in cases})
    rows = []
    for level, topic in groups:
        mine = [
            fine
            for case, fine in zip(cases, outcomes, strict=True)
            if (case["expected"], case["topic"]) == (level, topic)
        ]
        wrong = sum(mine) if level == TriageLevel.NONE.value else len(mine) - sum(mine)
        rows.append((level, topic, wrong, len(mine), wrong / len(mine)))
    rows.sort(key=lambda row: (-row[2], -row[4], row[:2]))
    return Table(("expected", "topic", "wrong", "texts", "share"), tuple(rows))
