"""Replaces given names in a text by a mask, so that a model cannot read the answer off the question."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MASK = "[MASK]"

# What may follow a name that was typed with a space inside it: the first letter of a particle or ending. Any other
# letter goes on with a word of its own: 당뇨 병원 holds no 당뇨 병.
_PARTICLES = "이가은는을를과와도로에의만인라랑나때으일였입예처같까부보하등및"

# A last letter that begins another word: 관절 염증, 성 병원, 우울 증상. But 위염 증상 is 위염.
_NOT_CUT = r"(?!(?<=증)[상세]|(?<=병)[원변력]|(?<=[염통])증(?![상세]))"

# 간질간질, 간질거려요: two letters that are doubled or take 거리다 say how something feels and name nothing.
_VERB = "거[려리린릴림립렸]"

_SPACES = r"\s*"
_HANGUL = re.compile("[가-힣]+")


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
        groups = "|".join("(?:" + "|".join(map(_pattern, names)) + ")" for names in by_letter.values())
        self._pattern = re.compile(f"(?:{groups}){_NOT_CUT}" if groups else r"(?!)")

    def mask(self, text: str) -> tuple[str, int]:
        """Returns `text`, in NFC, with every name masked, and how many were."""
        return self._pattern.subn(lambda _: self._mask, unicodedata.normalize("NFC", text))


def mask_names(text: str, names: Iterable[str], replacement: str = MASK) -> str:
    """Returns `text`, in NFC, with every name of `names` masked; for many texts, keep a `NameMasker`."""
    return NameMasker(names, replacement).mask(text)[0]


def _pattern(name: str) -> str:
    """Returns a pattern for `name`: as written, its spaces optional; and with spaces anywhere, where that is safe.

    A name that begins or ends in a Latin letter or a digit must end there: IBS is no part of a longer word. A Korean
    one takes particles. Unwritten spaces are only looked for between the edges of words, and never in names of two
    letters: 전부 종아리 holds no 부종.
    """
    letters = "".join(name.split())
    before = r"(?<![A-Za-z0-9])" if letters[0].isascii() and letters[0].isalnum() else ""
    after = r"(?![A-Za-z0-9])" if letters[-1].isascii() and letters[-1].isalnum() else ""
    written = _SPACES.join("".join(map(_either_case, word)) for word in name.split())
    if len(letters) <= 2:
        feeling = rf"(?<!{letters})(?!{letters}{letters}|{letters}{_VERB})" if _HANGUL.fullmatch(letters) else ""
        return f"{before}{feeling}{written}{after}"
    spaced = _SPACES.join(map(_either_case, letters))
    return rf"{before}{written}{after}|(?<![^\W_]){spaced}{after}(?:(?![가-힣])|(?=[{_PARTICLES}]))"


def _either_case(letter: str) -> str:
    return f"[{letter.lower()}{letter.upper()}]" if letter.isascii() and letter.isalpha() else re.escape(letter)
