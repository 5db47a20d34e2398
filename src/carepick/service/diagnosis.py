"""Puts the whole answer together: emergencies first, then departments and diseases with their reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from carepick.knowledge.guidance import Guidance
from carepick.knowledge.red_flags import RedFlags
from carepick.records import (
    Confidence,
    Diagnosis,
    Evidence,
    ExplainedLabel,
    FlagNotice,
    Prediction,
    RaisedFlag,
    ScoredLabel,
    Task,
    TriageLevel,
)
from carepick.service.confidence import band, in_another_language

Explain = Callable[[Task, ScoredLabel], tuple[Evidence, ...]]


@dataclass(frozen=True)
class Composer:
    """Composes diagnoses from predictions with the wordings of `guidance` and `red_flags`."""

    guidance: Guidance
    red_flags: RedFlags
    thresholds: Mapping[str, float]
    disease_enabled: bool

    def compose(
        self, text: str, prediction: Prediction, explain: Explain, k: int, language: str, include_withheld: bool
    ) -> Diagnosis:
        """Returns the whole answer to the normalized `text`.

        `explain` returns the evidence for a label; it is asked only for labels that are shown. Departments are withheld
        while an urgent flag stands, unless `include_withheld`.
        """
        level = prediction.triage.level
        withheld = level is not TriageLevel.NONE and not include_withheld
        unsure = prediction.confidence in (Confidence.LOW, Confidence.ABSTAIN)
        diseases = self._labels(prediction, Task.DISEASE, explain, k, language) if self.disease_enabled else ()
        return Diagnosis(
            prediction=prediction,
            flags=tuple(self._notice(flag, language) for flag in prediction.triage.flags),
            departments=() if withheld else self._labels(prediction, Task.DEPARTMENT, explain, k, language),
            diseases=() if withheld else diseases,
            departments_withheld=withheld,
            add=self.guidance.missing_details(text, language) if unsure else (),
            advice=self.guidance.advice[_topic(text, prediction)][language],
            notices=tuple(notice[language] for notice in self.guidance.notices),
        )

    def _labels(
        self, prediction: Prediction, task: Task, explain: Explain, k: int, language: str
    ) -> tuple[ExplainedLabel, ...]:
        answer = prediction.tasks.get(task)
        shown: Sequence[ScoredLabel] = answer.labels[:k] if answer else ()
        return tuple(
            ExplainedLabel(
                label, self.guidance.bands[band(label.score, self.thresholds).value][language], explain(task, label)
            )
            for label in shown
        )

    def _notice(self, raised: RaisedFlag, language: str) -> FlagNotice:
        flag = self.red_flags.flag(raised.id)
        english = language == "en"
        return FlagNotice(
            flag=raised,
            name=flag.name_en if english else flag.name,
            why=flag.why_en if english else flag.why,
            action=flag.action_en if english else flag.action,
            phone=flag.phone,
            question=flag.question_en if english else flag.question,
            source=flag.source,
        )


def _topic(text: str, prediction: Prediction) -> str:
    """Returns what the advice is about: the alarm, else how sure the answer is, or that the text is not in Korean."""
    level, confidence = prediction.triage.level, prediction.confidence
    if level is not TriageLevel.NONE:
        return str(level.value)
    if confidence is Confidence.ABSTAIN and in_another_language(text):
        return "other_language"
    return str(confidence.value)
