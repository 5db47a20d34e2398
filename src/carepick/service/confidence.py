"""How far an answer can be trusted: bands of calibrated scores, conformal sets, and when to abstain."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile

from carepick.engine.manifest import Head
from carepick.records import Confidence, ScoredLabel

# Fallbacks for bundles whose manifest names no thresholds.
DEFAULT_THRESHOLDS: Mapping[str, float] = {"high": 0.7, "medium": 0.4, "scope": 0.5, "least_letters": 2}

_HANGUL = re.compile(r"[가-힣]")
_LETTERS = re.compile(r"[^\W\d_]")


def readable(text: str, least_letters: float) -> bool:
    """Returns whether the normalized `text` holds enough Korean to be read at all.

    Whole Hangul syllables must be at least `least_letters` and at least a third of the letters: lone jamo, other
    languages and keyboard mash are not.
    """
    syllables = len(_HANGUL.findall(text))
    return syllables >= least_letters and syllables * 3 >= len(_LETTERS.findall(text))


def band(score: float, thresholds: Mapping[str, float]) -> Confidence:
    """Returns high, medium or low for a calibrated top score."""
    if score >= thresholds["high"]:
        return Confidence.HIGH
    return Confidence.MEDIUM if score >= thresholds["medium"] else Confidence.LOW


def conformal_set(labels: Sequence[ScoredLabel], head: Head) -> tuple[str, ...]:
    """Returns the ids whose score reaches the head's conformal threshold, best first; never empty where one is set.

    `labels`: best first.

    Split conformal prediction (Sadinle, Lei and Wasserman 2019): with the thresholds fitted on held-out texts, the set
    holds the right label `head.coverage` of the time. Empty when the bundle names no thresholds.
    """
    if not head.conformal:
        return ()
    pooled = head.conformal.get("", 0.0)
    least = min(pooled, *head.conformal.values())
    likely = takewhile(lambda label: label.score >= least, labels)  # the others are not even looked at
    chosen = tuple(label.id for label in likely if label.score >= head.conformal.get(label.id, pooled))
    return chosen or tuple(label.id for label in labels[:1])
