"""Scores as bars in columns that line up, also where Hangul takes two places a letter."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TextIO

from carepick.records import ScoredLabel

_WIDTH = 24
_EIGHTHS = " ▏▎▍▌▋▊▉"
BOLD, RED = "1", "1;31"


def display_width(text: str) -> int:
    """Returns how many places of a terminal `text` takes."""
    return sum(_places(character) for character in text)


def padded(text: str, width: int) -> str:
    """Returns `text` with spaces after it up to `width` places."""
    return text + " " * (width - display_width(text))


def bar(score: float, width: int = _WIDTH) -> str:
    """Returns a bar that is full at a score of 1, padded to `width` places."""
    eighths = round(max(0.0, min(1.0, score)) * width * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(width)


def score_lines(labels: Sequence[ScoredLabel]) -> list[str]:
    """Returns one line for each label: name, bar and score."""
    longest = max((display_width(label.name) for label in labels), default=0)
    return [f"  {padded(label.name, longest)}  {bar(label.score)}  {label.score:.4f}" for label in labels]


def painted(text: str, code: str, stream: TextIO, environment: Mapping[str, str] | None = None) -> str:
    """Returns `text` with the ANSI colour `code` where `stream` is a terminal that wants it (no-color.org)."""
    surroundings = os.environ if environment is None else environment
    wanted = stream.isatty() and not surroundings.get("NO_COLOR") and surroundings.get("TERM") != "dumb"
    return f"\x1b[{code}m{text}\x1b[0m" if wanted else text


def _places(character: str) -> int:
    joins_a_syllable = "\u1160" <= character <= "\u11ff"  # vowels and finals of Hangul written letter by letter
    if joins_a_syllable or unicodedata.category(character) in ("Cf", "Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
