"""What is said around an answer: when to go, how sure, what to add, and the permanent notices, in both languages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from carepick.errors import CatalogError

_NAME = "guidance.json"
Wording = Mapping[str, str]


@dataclass(frozen=True)
class Detail:
    """Something that a person could add, and the stems that show that it is there already."""

    id: str
    wording: Wording
    words: tuple[str, ...]


@dataclass(frozen=True)
class Guidance:
    """The wordings by language code: `bands` by confidence, `advice` by triage level or confidence."""

    bands: Mapping[str, Wording]
    advice: Mapping[str, Wording]
    notices: tuple[Wording, ...]
    details: tuple[Detail, ...]

    def missing_details(self, text: str, language: str) -> tuple[str, ...]:
        """Returns what `text` does not say yet: where, since when, how strong."""
        return tuple(
            detail.wording[language] for detail in self.details if not any(word in text for word in detail.words)
        )


def load_guidance() -> Guidance:
    """Returns the guidance inside the package; raises `CatalogError` when it does not fit."""
    document = json.loads(resources.files("carepick.knowledge").joinpath("data", _NAME).read_text(encoding="utf-8"))
    return parse_guidance(document)


def parse_guidance(document: Any) -> Guidance:
    """Returns the guidance that the JSON object `document` holds; raises `CatalogError` that names what is missing."""
    try:
        details = tuple(Detail(row["id"], _wording(row), tuple(row["words"])) for row in document["add"])
        return Guidance(
            bands={name: _wording(row) for name, row in document["bands"].items()},
            advice={name: _wording(row) for name, row in document["advice"].items()},
            notices=tuple(_wording(row) for row in document["notices"]),
            details=details,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise CatalogError(f"{_NAME}: {error!r} is missing or of the wrong type") from None


def _wording(row: Mapping[str, str]) -> Wording:
    return {"ko": row["ko"], "en": row["en"]}
