"""Replaces given names in a text by a mask, so that a model cannot read the answer off the question."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MASK = "[MASK]"


class NameMasker:
    """Masks a fixed set of names, the longest that fits, however they are spaced and cased."""

    def __init__(self, names: Iterable[str], mask: str = MASK) -> None:
        """`names`: none of them blank; `mask`: what stands in their place."""
        self._mask = mask
        by_letter: dict[str, list[str]] = {}
        composed = {unicodedata.normalize("NFC", name).strip() for name in names}
        for name in sorted(composed, key=lambda name: (-len(name), name)):
            by_letter.setdefault(name[0].lower(), []).append(name)
        # Grouped by first letter: the search then tries a thousand names in no more time than a dozen.
        groups = ("(?:" + "|".join(map(_pattern, names)) + ")" for names in by_letter.values())
        self._pattern = re.compile("|".join(groups) or r"(?!)")

    def mask(self, text: str) -> tuple[str, int]:
        """Returns `text`, in NFC, with every name masked, and how many were."""
        return self._pattern.subn(lambda _: self._mask, unicodedata.normalize("NFC", text))


def _pattern(name: str) -> str:
    """Returns a pattern for `name` with or without white space between its letters.

    A name that begins or ends in a Latin letter or a digit must end there: IBS is no part of a longer word. A Korean
    one takes particles.
    """
    first, *others = [letter for letter in name if not letter.isspace()]
    spaced = _either_case(first) + "".join(r"\s*" + _either_case(letter) for letter in others)
    before = r"(?<![A-Za-z0-9])" if first.isascii() and first.isalnum() else ""
    after = r"(?![A-Za-z0-9])" if name[-1].isascii() and name[-1].isalnum() else ""
    return f"{before}{spaced}{after}"


def _either_case(letter: str) -> str:
    return f"[{letter.lower()}{letter.upper()}]" if letter.isascii() and letter.isalpha() else re.escape(letter)
