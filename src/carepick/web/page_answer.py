"""What the patient's page shows of a diagnosis, in the order in which it matters; no HTML here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any
from urllib.parse import quote

from carepick.knowledge.catalog import Catalog, Department, load_catalog
from carepick.records import Confidence, Diagnosis, Evidence, ExplainedLabel, FlagNotice, Span, TriageLevel

MOST_DEPARTMENTS = 3
_MOST_REASONS = 3
_LEAST_SHARE = 0.25  # of the strongest word's weight: weaker ones would not have changed the answer
_LONGEST_WORD = 30  # a text without blanks is one long word: it is marked in the text, but not repeated
_PUNCTUATION = " .,!?~…·\"'()"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the typed text; `mark`: "word" that spoke for a department, "flag", "denied", or "" for none."""

    text: str
    mark: str


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

    `urgent_title` is the first sentence of what to do, `urgent_action` the rest.
    """

    urgent: str
    urgent_title: str
    urgent_action: str
    signs: tuple[Sign, ...]
    phones: tuple[str, ...]
    withheld: bool
    sure: bool
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

    Unsure, it leads with `way_in`, the departments that anyone may start with; abstaining, it names nothing else.
    """
    prediction = diagnosis.prediction
    abstains = prediction.confidence is Confidence.ABSTAIN
    unsure = abstains or prediction.confidence is Confidence.LOW
    shown = () if abstains else diagnosis.departments[:MOST_DEPARTMENTS]
    denied = prediction.triage.denied
    reasons = [_reasons(explained, denied) for explained in shown]
    way_in = _way_in(texts, language) if unsure and not diagnosis.departments_withheld else ()
    known = {place.korean for place in way_in}
    places = [_place(each, _words(text, why), texts, language) for each, why in zip(shown, reasons, strict=True)]
    urgent = prediction.triage.level is not TriageLevel.NONE
    title, action = _urgent_words(diagnosis, texts) if urgent else ("", "")
    return Answer(
        urgent=prediction.triage.level.value if urgent else "",
        urgent_title=title,
        urgent_action=action,
        signs=tuple(Sign(notice, _words(text, _flagged(text, notice))) for notice in diagnosis.flags),
        phones=_phones(diagnosis, texts) if urgent else (),
        withheld=diagnosis.departments_withheld,
        sure=not unsure,
        headline=_headline(prediction.confidence, places, texts["words"]),
        advice=diagnosis.advice,
        add=diagnosis.add,
        places=tuple(place for place in places if place.korean not in known),
        way_in=way_in,
        conditions=() if abstains else tuple(_condition(each, language) for each in diagnosis.diseases),
        pieces=_pieces(text, [span for why in reasons for span in why], diagnosis),
        denied=_words(text, denied),
        truncated=prediction.truncated,
        confirmed=confirmed if urgent else "",
    )


@cache
def _catalog() -> Catalog:
    return load_catalog()


def _headline(confidence: Confidence, places: Sequence[Place], words: Mapping[str, str]) -> str:
    if confidence is Confidence.ABSTAIN or not places:
        return words["unable"]
    if confidence is Confidence.LOW:
        return words["uncertain"]
    key = "see" if confidence is Confidence.HIGH else "start_with"
    return words[key].format(department=places[0].name)


def _urgent_words(diagnosis: Diagnosis, texts: Mapping[str, Any]) -> tuple[str, str]:
    if not diagnosis.flags:
        return texts["levels"][diagnosis.prediction.triage.level.value]["title"], diagnosis.advice
    title, _, action = diagnosis.flags[0].action.partition(". ")
    return title.rstrip("."), action


def _phones(diagnosis: Diagnosis, texts: Mapping[str, Any]) -> tuple[str, ...]:
    level = diagnosis.prediction.triage.level
    wanted = [notice.phone for notice in diagnosis.flags if notice.flag.level is level]
    wanted += texts["levels"][level.value]["phones"]
    return tuple(dict.fromkeys(phone for phone in wanted if phone in texts["phones"]))


def _way_in(texts: Mapping[str, Any], language: str) -> tuple[Place, ...]:
    return tuple(_described(_catalog().department(id), "", (), texts, language) for id in texts["way_in"])


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


def _reasons(explained: ExplainedLabel, denied: Iterable[Span]) -> tuple[Span, ...]:
    """Returns the places of the words that spoke for a label, strongest first, without denied symptoms."""
    speaking = [item for item in explained.evidence if item.weight > 0 and not _overlaps(item, denied)]
    least = max((item.weight for item in speaking), default=0.0) * _LEAST_SHARE
    return tuple(item.span for item in speaking if item.weight >= least)[:_MOST_REASONS]


def _overlaps(item: Evidence, spans: Iterable[Span]) -> bool:
    return any(span.start < item.span.end and item.span.start < span.end for span in spans)


def _flagged(text: str, notice: FlagNotice) -> tuple[Span, ...]:
    """Returns the places that raised a red flag, drawn out to the ends of words: it is heard in a stem (때려|요)."""
    return tuple(Span(span.start, _word_end(text, span.end)) for span in notice.flag.spans)


def _word_end(text: str, place: int) -> int:
    while place < len(text) and text[place].isalnum():
        place += 1
    return place


def _words(text: str, spans: Iterable[Span]) -> tuple[str, ...]:
    words = (text[span.start : span.end].strip(_PUNCTUATION) for span in spans)
    return tuple(dict.fromkeys(word for word in words if word and len(word) <= _LONGEST_WORD))


def _pieces(text: str, reasons: Iterable[Span], diagnosis: Diagnosis) -> tuple[Piece, ...]:
    """Returns `text` in pieces; where marks overlap a red flag outweighs a denial, and a denial a reason."""
    marks = [""] * len(text)
    raised = [span for notice in diagnosis.flags for span in _flagged(text, notice)]
    for mark, spans in (("word", reasons), ("denied", diagnosis.prediction.triage.denied), ("flag", raised)):
        for span in spans:
            marks[span.start : span.end] = [mark] * len(text[span.start : span.end])
    return tuple(_runs(text, marks))


def _runs(text: str, marks: Sequence[str]) -> Iterator[Piece]:
    start = 0
    for mark, run in groupby(marks):
        end = start + len(list(run))
        yield Piece(text[start:end], mark)
        start = end
