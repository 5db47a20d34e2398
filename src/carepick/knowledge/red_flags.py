"""The red flags: what must not wait, how people say it, and what to do; data files, read and checked row by row."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from carepick.errors import CatalogError
from carepick.knowledge.patterns import Pattern, parse_pattern, stems_in_place
from carepick.knowledge.stems import Stem, parse_stems
from carepick.records import TriageLevel

_FLAGS, _CONCEPTS, _CONTEXT = "red_flags.json", "concepts.json", "context.json"
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TEXTS = (
    *("name", "name_en", "why", "why_en", "action", "action_en", "phone", "question", "question_en", "source", "group"),
)
_PATTERNS = ("patterns", "weak_patterns")

# What can be read from numbers in a text, and in which unit.
KINDS = ("age_months", "celsius", "systolic", "glucose", "pulse", "oxygen", "minutes", "tablets", "week_of_pregnancy")
# The words around a complaint that change what it means; service/context.py says how.
CUES = (
    *("denial", "denial_before", "denial_filler", "past", "now", "sudden", "lasting", "sometimes", "conditional"),
    *("resolved", "asking", "topic", "worry", "idiom", "aside", "no_denial", "gone", "relief"),
)


@dataclass(frozen=True)
class Range:
    """The numbers of one kind, `least` <= number < `below`, that count as a concept."""

    kind: str
    least: float
    below: float


@dataclass(frozen=True)
class RedFlag:
    """A red flag in both languages: what it is, why it cannot wait, what to do, whom to call, one question to confirm.

    `patterns` are certain, unless the complaint is occasional or of long standing; `weak_patterns` are suspicions, which
    need a model's support. None counts where the complaint is denied, past or asked about in general. A flag without
    patterns is raised by a model alone.
    """

    id: str
    level: TriageLevel
    name: str
    name_en: str
    why: str
    why_en: str
    action: str
    action_en: str
    phone: str
    question: str
    question_en: str
    source: str
    group: str
    patterns: tuple[Pattern, ...]
    weak_patterns: tuple[Pattern, ...]


@dataclass(frozen=True)
class RedFlags:
    """Every red flag, and the words that its patterns and the context rules speak in.

    `concepts`: stems by concept; `ranges`: what numbers belong to a concept; `cues`: stems by the names in `CUES`;
    `symptoms`: names of complaints that a person may deny.
    """

    flags: tuple[RedFlag, ...]
    concepts: Mapping[str, tuple[Stem, ...]]
    ranges: Mapping[str, tuple[Range, ...]]
    cues: Mapping[str, tuple[Stem, ...]]
    symptoms: tuple[Stem, ...]

    def flag(self, id: str) -> RedFlag:
        """Returns the flag with `id`; raises `CatalogError`."""
        try:
            return self._flags[id]
        except KeyError:
            raise CatalogError(f"there is no red flag with the id {id!r}") from None

    def wordings(self) -> RedFlags:
        """Returns the flags alone, without the words that they are heard by, which take megabytes."""
        return RedFlags(self.flags, {}, {}, {}, ())

    @cached_property
    def _flags(self) -> Mapping[str, RedFlag]:
        return {flag.id: flag for flag in self.flags}


def load_red_flags(directory: Path | None = None) -> RedFlags:
    """Returns the red flags in `directory`, by default those inside the package.

    Raises `CatalogError` that names the file and the row, concept or pattern that does not fit.
    """
    concepts, ranges = _read_concepts(_document(directory, _CONCEPTS))
    cues, symptoms = _read_context(_document(directory, _CONTEXT))
    rows = _document(directory, _FLAGS).get("flags")
    if not isinstance(rows, list) or not rows:
        raise CatalogError(f"{_FLAGS}: a list of rows must stand under flags")
    flags = tuple(_read_flag(f"{_FLAGS}: row {number}", row) for number, row in enumerate(rows, 1))
    doubled = sorted({flag.id for flag in flags if [other.id for other in flags].count(flag.id) > 1})
    if doubled:
        raise CatalogError(f"{_FLAGS}: ids that stand twice: {', '.join(doubled)}")
    concepts |= _places(flags, concepts.keys() | ranges.keys())
    return RedFlags(flags, concepts, ranges, cues, symptoms)


def _document(directory: Path | None, name: str) -> dict[str, Any]:
    file = directory / name if directory else resources.files("carepick.knowledge").joinpath("data", name)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CatalogError(f"{name} is not readable JSON: {error}") from None
    if not isinstance(document, dict):
        raise CatalogError(f"{name} must hold a JSON object")
    return document


def _read_concepts(document: dict[str, Any]) -> tuple[dict[str, tuple[Stem, ...]], dict[str, tuple[Range, ...]]]:
    concepts = {name: _stems(f"{_CONCEPTS}: {name}", words) for name, words in _part(document, "concepts", _CONCEPTS)}
    ranges = {}
    for name, rows in _part(document, "ranges", _CONCEPTS):
        try:
            ranges[name] = tuple(Range(row["kind"], row.get("least", 0), row.get("below", 1e9)) for row in rows)
        except (KeyError, TypeError, AttributeError):
            raise CatalogError(f"{_CONCEPTS}: range {name}: each row needs a kind, least or below") from None
        if unknown := {row.kind for row in ranges[name]} - set(KINDS):
            raise CatalogError(f"{_CONCEPTS}: range {name}: {unknown} is none of {', '.join(KINDS)}")
    return concepts, ranges


def _read_context(document: dict[str, Any]) -> tuple[dict[str, tuple[Stem, ...]], tuple[Stem, ...]]:
    cues = {name: _stems(f"{_CONTEXT}: {name}", words, 1) for name, words in _part(document, "cues", _CONTEXT)}
    if set(cues) != set(CUES):
        raise CatalogError(f"{_CONTEXT}: cues must be {', '.join(CUES)}")
    return cues, _stems(f"{_CONTEXT}: symptoms", document.get("symptoms"))


def _part(document: dict[str, Any], key: str, file: str) -> list[tuple[str, Any]]:
    part = document.get(key)
    if not isinstance(part, dict):
        raise CatalogError(f"{file}: an object must stand under {key}")
    return list(part.items())


def _stems(place: str, words: Any, shortest: int = 2) -> tuple[Stem, ...]:
    if not isinstance(words, str) or not words.strip():
        raise CatalogError(f"{place}: expected stems divided by spaces")
    try:
        return parse_stems(words, shortest)
    except CatalogError as error:
        raise CatalogError(f"{place}: {error}") from None


def _read_flag(place: str, row: Any) -> RedFlag:
    if not isinstance(row, dict) or not isinstance(row.get("id"), str) or not _ID.fullmatch(row["id"]):
        raise CatalogError(f"{place}: expected an object with an id of small letters, digits and hyphens")
    place = f"{place} ({row['id']})"
    if unknown := set(row) - {field.name for field in fields(RedFlag)}:
        raise CatalogError(f"{place}: unknown columns {', '.join(sorted(unknown))}")
    empty = [name for name in _TEXTS if not isinstance(row.get(name), str) or not row[name].strip()]
    if empty:
        raise CatalogError(f"{place}: no text in {', '.join(empty)}")
    try:
        level = TriageLevel(row.get("level"))
        patterns = [tuple(parse_pattern(source) for source in row.get(name, ())) for name in _PATTERNS]
    except (ValueError, AttributeError, TypeError):
        raise CatalogError(f"{place}: a level is wrong, or the patterns are no list of texts") from None
    except CatalogError as error:
        raise CatalogError(f"{place}: {error}") from None
    if level is TriageLevel.NONE:
        raise CatalogError(f"{place}: a red flag needs a level above none")
    return RedFlag(row["id"], level, *(row[name] for name in _TEXTS), *patterns)


def _places(flags: tuple[RedFlag, ...], known: set[str]) -> dict[str, tuple[Stem, ...]]:
    """Returns the stems that stand in patterns; raises `CatalogError` for a concept that no file knows."""
    found: dict[str, tuple[Stem, ...]] = {}
    for flag in flags:
        for pattern in (*flag.patterns, *flag.weak_patterns):
            place = f"{_FLAGS}: {flag.id}: pattern {pattern.source!r}"
            try:
                found |= stems_in_place(pattern, found)  # many stand in hundreds of patterns
            except CatalogError as error:
                raise CatalogError(f"{place}: {error}") from None
            if unknown := pattern.names() - found.keys() - known:
                raise CatalogError(f"{place} names unknown concepts: {', '.join(sorted(unknown))}")
    return found
