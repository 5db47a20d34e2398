"""How far an answer can be trusted: bands of calibrated scores, and when to abstain."""

from __future__ import annotations

import re
from collections.abc import Mapping

from carepick.records import Confidence

# Fallbacks for bundles whose manifest names no thresholds.
DEFAULT_THRESHOLDS: Mapping[str, float] = {"high": 0.7, "medium": 0.4, "scope": 0.5, "least_letters": 2}

_HANGUL = re.compile(r"[가-힣]")
_LETTERS = re.compile(r"[^\W\d_]")
_OTHER_LETTERS = re.compile(r"[^\W\d_ㄱ-ㅎㅏ-ㅣ가-힣]")
_LEAST_OTHER = 4  # letters: shorter is an abbreviation (MRI), not a language


def readable(text: str, least_letters: float) -> bool:
    """Returns whether the normalized `text` holds enough Korean to be read at all.

    Whole Hangul syllables must be at least `least_letters` and at least a third of the letters: lone jamo, other
    languages and keyboard mash are not.
    """
    syllables = len(_HANGUL.findall(text))
    return syllables >= least_letters and syllables * 3 >= len(_LETTERS.findall(text))


def in_another_language(text: str) -> bool:
    """Returns whether the normalized `text` is written in another language than Korean: most of its letters are of one."""
    others = len(_OTHER_LETTERS.findall(text))
    return others >= _LEAST_OTHER and others > 2 * len(_HANGUL.findall(text))


def band(score: float, thresholds: Mapping[str, float]) -> Confidence:
    """Returns high, medium or low for a calibrated top score."""
    if score >= thresholds["high"]:
        return Confidence.HIGH
    return Confidence.MEDIUM if score >= thresholds["medium"] else Confidence.LOW
