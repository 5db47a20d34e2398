"""A patient's text in one canonical form, with the way back to what was typed."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# A character with what composes onto it: combining marks, variation selectors, conjoining jamo (macOS writes
# Hangul in NFD) and half-width jamo vowels and finals.
_CLUSTER = re.compile(
    r"[\u1100-\u115f\ua960-\ua97f][\u1160-\u11ff\ud7b0-\ud7ff\u0300-\u036f]*"
    r"|[\uffa1-\uffbe][\uffc2-\uffdc][\uffa1-\uffbe]?(?![\uffc2-\uffdc])"
    r"|.[\u0300-\u036f\u20d0-\u20ff\u3099\u309a\ufe00-\ufe0f\u11a8-\u11ff]*",
    re.DOTALL,
)

# What is in canonical form as it is typed, as most texts are: whole syllables and ASCII, single spaces, no long runs.
_PLAIN = re.compile(r"[!-~가-힣]+(?: [!-~가-힣]+)*")
_LONG_RUN = re.compile(r"([^0-9])\1\1")

# NFKC turns a lone compatibility jamo (ㅠ) into a conjoining one, which no keyboard writes: turn it back.
_LEADING = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWEL = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_TRAILING = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
_TO_COMPATIBILITY = {
    start + index: jamo
    for start, jamos in ((0x1100, _LEADING), (0x1161, _VOWEL), (0x11A8, _TRAILING))
    for index, jamo in enumerate(jamos)
}

# NFKC turns a half-width consonant into a leading jamo, also where it ends a syllable.
_TO_TRAILING = {
    0x1100 + _LEADING.index(jamo): 0x11A8 + index for index, jamo in enumerate(_TRAILING) if jamo in _LEADING
}

_LINE_ENDS = "\n\r\v\f\u0085\u2028\u2029"

# Longest run of one character that is kept: "ㅠㅠㅠㅠㅠ" says no more than "ㅠㅠ". Digits are never shortened.
_LONGEST_RUN = 2


@dataclass(frozen=True, slots=True)
class NormalizedText:
    """A canonical text and, for each of its characters, the index of the typed character that it came from.

    `starts[i]` and `ends[i]` delimit in the typed text, in Python's code points, what became `text[i]`; `line_ends`: which
    spaces were typed as the end of a line.
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    line_ends: frozenset[int] = frozenset()

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Returns where the typed text holds `text[start:end]`, as a half-open pair; start < end <= len(text)."""
        return self.starts[start], self.ends[end - 1]


@lru_cache(maxsize=4096)
def _canonical_character(character: str) -> str:
    """Returns what `_canonical` does; most of a text are a few hundred characters again and again."""
    return _canonical(character)


def _canonical(cluster: str) -> str:
    composed = unicodedata.normalize("NFKC", cluster)
    if "\uffa1" <= cluster[0] <= "\uffbe":
        composed = unicodedata.normalize("NFC", composed[0] + composed[1:].translate(_TO_TRAILING))
    kept = []
    for character in composed.translate(_TO_COMPATIBILITY):
        if character.isspace():
            kept.append(" ")
        elif unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn"):
            kept.append(character)
    return "".join(kept)


def normalize_with_spans(text: str) -> NormalizedText:
    """Returns `text` in canonical form with spans into the typed text.

    NFKC with whole Hangul syllables, one space for any white space, no control, format, private or surrogate
    characters, runs of a character shortened to two, no white space at the ends. May be empty. Idempotent.
    """
    if _PLAIN.fullmatch(text) and not _LONG_RUN.search(text):
        return NormalizedText(text, tuple(range(len(text))), tuple(range(1, len(text) + 1)))
    characters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    line_ends: set[int] = set()
    for match in _CLUSTER.finditer(text):
        cluster = match.group()
        for character in _canonical_character(cluster) if len(cluster) == 1 else _canonical(cluster):
            repeated = not characters or characters[-1] == " "
            if character == " " and cluster in _LINE_ENDS:
                line_ends.add(len(characters) - repeated)
            if character == " " and repeated:
                continue
            if characters[-_LONGEST_RUN:] == [character] * _LONGEST_RUN and not character.isdigit():
                continue
            characters.append(character)
            starts.append(match.start())
            ends.append(match.end())
    if characters and characters[-1] == " ":
        del characters[-1], starts[-1], ends[-1]
    return NormalizedText("".join(characters), tuple(starts), tuple(ends), frozenset(line_ends))


def normalize(text: str) -> str:
    """Returns `text` in the canonical form of `normalize_with_spans`, without the spans."""
    return normalize_with_spans(text).text
