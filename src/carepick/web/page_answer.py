"""What the patient's page shows of a diagnosis, in the order in which it matters; no HTML here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

from carepick.knowledge.catalog import Catalog, Department, load_catalog
from carepick.records import Confidence, Diagnosis, ExplainedLabel, FlagNotice, TriageLevel
from carepick.web.page_marks import Piece, pieces, quotes, raised_by, reasons

MOST_DEPARTMENTS = 3
_LEAST_SCORE = 0.05  # what is right less than once in twenty times is not worth a walk, or a worry
_TOGETHER = 0.6  # of departments none of which stands out: shown first where one of them is right this often


@dataclass(frozen=True, slots=True)
class Place:
    """A department to go to: `name` in the language of the page, `korean` as it stands on a clinic's door."""

    name: str
    korean: str
    summary: str
    band: str
    reasons: tuple[str, ...]
    map: str
    parent: str  # the name of the wider department that will do as well, or ""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that the catalog describes."""

    name: str
    korean: str
    summary: str


@dataclass(frozen=True, slots=True)
class Sign:
    """A red flag that was raised, and the words that raised it."""

    notice: FlagNotice
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that the page shows; `urgent`: the triage level, or "" for none.

    `urgent_title` is the first sentence of what to do, `urgent_action` the rest. `leads`: `places` stand before
    `way_in`.
    """

    urgent: str
    urgent_title: str
    urgent_action: str
    signs: tuple[Sign, ...]
    phones: tuple[str, ...]
    withheld: bool
    sure: bool
    leads: bool
    headline: str
    advice: str
    add: tuple[str, ...]
    places: tuple[Place, ...]
    way_in: tuple[Place, ...]
    conditions: tuple[Condition, ...]
    pieces: tuple[Piece, ...]
    denied: tuple[str, ...]
    truncated: bool
    confirmed: str


def show(diagnosis: Diagnosis, text: str, texts: Mapping[str, Any], language: str, confirmed: str = "") -> Answer:
    """Returns what the page shows of `diagnosis`, the answer to `text`; `texts` as `page_texts` returns them.

    Unsure, it also names `way_in`, the departments that anyone may start with, and leads with them unless some other
    departments together are likely enough; abstaining, it names nothing else. Labels that are hardly likely are left out.
    """
    prediction = diagnosis.prediction
    abstains = prediction.confidence is Confidence.ABSTAIN
    sure = prediction.confidence in (Confidence.HIGH, Confidence.MEDIUM)
    shown = () if abstains else _likely(diagnosis.departments)[:MOST_DEPARTMENTS]
    leads = bool(shown) and (sure or sum(explained.label.score for explained in shown) >= _TOGETHER)
    denied = prediction.triage.denied
    # The words that spoke for a mere guess say nothing to a patient.
    spoke = [reasons(explained.evidence, denied) if leads else () for explained in shown]
    places = [_place(each, quotes(text, words), texts, language) for each, words in zip(shown, spoke, strict=True)]
    headline = _headline(prediction.confidence, places, leads, texts["words"])
    way_in = [] if (sure and shown) or diagnosis.departments_withheld else _way_in(texts, language)
    places, way_in = (places, _without(way_in, places)) if leads else (_without(places, way_in), way_in)
    urgent = prediction.triage.level is not TriageLevel.NONE
    title, action = _urgent_words(diagnosis, texts) if urgent else ("", "")
    return Answer(
        urgent=prediction.triage.level.value if urgent else "",
        urgent_title=title,
        urgent_action=action,
        signs=tuple(Sign(notice, quotes(text, raised_by(text, notice))) for notice in diagnosis.flags),
        phones=_phones(diagnosis, texts) if urgent else (),
        withheld=diagnosis.departments_withheld,
        sure=sure,
        leads=leads,
        headline=headline,
        advice=texts["words"]["several_advice"] if leads and not sure else diagnosis.advice,
        add=diagnosis.add,
        places=tuple(places),
        way_in=tuple(way_in),
        conditions=() if abstains else tuple(_condition(each, language) for each in _likely(diagnosis.diseases)),
        pieces=pieces(text, [span for words in spoke for span in words], diagnosis),
        denied=quotes(text, denied),
        truncated=prediction.truncated,
        confirmed=confirmed if urgent else "",
    )


@cache
def _catalog() -> Catalog:
    return load_catalog()


def _likely(labels: Sequence[ExplainedLabel]) -> tuple[ExplainedLabel, ...]:
    return tuple(explained for explained in labels if explained.label.score >= _LEAST_SCORE)


def _headline(confidence: Confidence, places: Sequence[Place], leads: bool, words: Mapping[str, str]) -> str:
    if confidence is Confidence.ABSTAIN or not places:
        return words["unable"]
    if confidence is Confidence.LOW:
        return words["several" if leads else "uncertain"]
    key = "see" if confidence is Confidence.HIGH else "start_with"
    return words[key].format(department=places[0].name)


def _urgent_words(diagnosis: Diagnosis, texts: Mapping[str, Any]) -> tuple[str, str]:
    if not diagnosis.flags:
        return texts["levels"][diagnosis.prediction.triage.level.value]["title"], diagnosis.advice
    title, _, action = diagnosis.flags[0].action.partition(". ")
    return title.rstrip("."), action


def _phones(diagnosis: Diagnosis, texts: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the numbers to call: those of the alarm's level first, then of every other flag, as 112 beside 119."""
    level = diagnosis.prediction.triage.level
    wanted = [notice.phone for notice in diagnosis.flags if notice.flag.level is level]
    wanted += texts["levels"][level.value]["phones"]
    wanted += [notice.phone for notice in diagnosis.flags]
    return tuple(dict.fromkeys(phone for phone in wanted if phone in texts["phones"]))


def _way_in(texts: Mapping[str, Any], language: str) -> list[Place]:
    return [_described(_catalog().department(id), "", (), texts, language) for id in texts["way_in"]]


def _without(places: list[Place], others: list[Place]) -> list[Place]:
    named = {place.korean for place in others}
    return [place for place in places if place.korean not in named]


def _place(explained: ExplainedLabel, reasons: tuple[str, ...], texts: Mapping[str, Any], language: str) -> Place:
    return _described(_catalog().department(explained.label.id), explained.band, reasons, texts, language)


def _described(
    department: Department, band: str, reasons: tuple[str, ...], texts: Mapping[str, Any], language: str
) -> Place:
    parent = _catalog().department(department.parent) if department.parent else None
    return Place(
        name=_name(department, language),
        korean=department.name,
        summary=department.summary,
        band=band,
        reasons=reasons,
        map=map_link(department.name, texts),
        parent=_name(parent, language) if parent else "",
    )


def _name(department: Department, language: str) -> str:
    return department.name_en if language == "en" else department.name


def map_link(words: str, texts: Mapping[str, Any]) -> str:
    """Returns the address of a public map's search for `words`, the name of a department and never a patient's."""
    return str(texts["map"].format(words=quote(words, safe="")))


def _condition(explained: ExplainedLabel, language: str) -> Condition:
    disease = _catalog().disease(explained.label.id)
    return Condition(disease.name_en if language == "en" else disease.name, disease.name, disease.summary)
