"""Replaces given names in a text by a mask, so that a model cannot read the answer off the question."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MASK = "[MASK]"

# A name's last letter that begins another word: 관절 염증, 여성 병원, 우울 증상, 간 질환. But 위염 증상 is 위염.
_NOT_CUT = r"(?!(?<=증)[상세후]|(?<=병)[원변력]|(?<=[염통])증(?![상세])|(?<=질)환(?!자))"

# What may follow a name that was typed with a space inside it: the first letter of a particle or ending. Any other
# letter goes on with a word of its own: 당뇨 병동 holds no 당뇨 병.
_WORD_ENDS = "(?:(?![가-힣])|(?=[이가은는을를과와도로에의만인라랑나때으일였입예처같까부보하등및]))"

# 간질거려요: such a verb says how something feels and names nothing.
_VERB = "거[려리린릴림립렸]"

# White space that may have been typed or left out.
_GAP = r"\s*"


class NameMasker:
    """Masks a fixed set of names, the longest that fits, however they are spaced and cased."""

    def __init__(self, names: Iterable[str], mask: str = MASK) -> None:
        """`names`: none of them blank; `mask`: what stands in their place."""
        self._mask = mask
        by_letter: dict[str, list[str]] = {}
        composed = {unicodedata.normalize("NFC", name).strip().lower() for name in names}
        for name in sorted(composed, key=lambda name: (-len(name), name)):
            by_letter.setdefault(name[0], []).append(name)
        # Each alternative begins with its letter, and so is passed over at once where that letter does not stand.
        groups = [
            f"{_either_case(first)}(?:{'|'.join(map(_after_first, names))})" for first, names in by_letter.items()
        ]
        self._pattern = re.compile(f"(?:{'|'.join(groups)}){_NOT_CUT}" if groups else r"(?!)")

    def mask(self, text: str) -> tuple[str, int]:
        """Returns `text`, in NFC, with every name masked, and how many were."""
        return self._pattern.subn(lambda _: self._mask, unicodedata.normalize("NFC", text))


def mask_names(text: str, names: Iterable[str], replacement: str = MASK) -> str:
    """Returns `text`, in NFC, with every one of `names` masked; for many texts, keep a `NameMasker`."""
    return NameMasker(names, replacement).mask(text)[0]


def _after_first(name: str) -> str:
    """Returns a pattern for what follows the first letter of `name`, which has been read.

    A name that begins or ends in a Latin letter or a digit must end there: IBS is no part of a longer word. A Korean
    one may stand within a word. Its own spaces may be left out; others may be typed between its letters, where whole
    words are read and the name is longer than two letters: 전부 종아리 holds no 부종.
    """
    letters = "".join(name.split())
    begins = "(?<![A-Za-z0-9].)" if letters[0].isascii() and letters[0].isalnum() else ""
    ends = "(?![A-Za-z0-9])" if letters[-1].isascii() and letters[-1].isalnum() else ""
    written = _GAP.join("".join(map(_either_case, word)) for word in name.split()).removeprefix(_either_case(name[0]))
    if len(letters) <= 2:
        return f"{begins}{_no_feeling(letters)}{written}{ends}"
    spaced = "".join(_GAP + _either_case(letter) for letter in letters[1:])
    return rf"{begins}{written}{ends}|(?<![^\W_].){spaced}{ends}{_WORD_ENDS}"


def _no_feeling(name: str) -> str:
    """Returns what keeps a short Korean name out of words for feelings: 간질간질하다, 간질거리다."""
    if not re.fullmatch("[가-힣]{2}", name):
        return ""
    return f"(?<!{name}.)(?!{name[1]}(?:{name}|{_VERB}))"


def _either_case(letter: str) -> str:
    return f"[{letter.lower()}{letter.upper()}]" if letter.isascii() and letter.isalpha() else re.escape(letter)
