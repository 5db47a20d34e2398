"""A text with what people mistype merged, white space gone and clauses found: the form in which phrases are looked up.

"숨이 않쉬어져요ㅠㅠ" and "숨이안쉬어져요" are the same folded text. Every character knows the typed one it came from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from carepick.text.normalize import NormalizedText

# Vowels and finals that sound alike and are confused: 계속/게속, 됐/됬, 베/배; 않/안, 했/햇, 없/업, 잃/일.
_VOWELS = {"ㅐ": "ㅔ", "ㅒ": "ㅔ", "ㅖ": "ㅔ", "ㅙ": "ㅚ", "ㅞ": "ㅚ"}
_FINALS = {"ㄶ": "ㄴ", "ㅆ": "ㅅ", "ㅄ": "ㅂ", "ㄲ": "ㄱ", "ㅀ": "ㄹ"}
_VOWEL_ORDER = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINAL_ORDER = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
_FIRST_SYLLABLE, _LAST_SYLLABLE = 0xAC00, 0xD7A3

# Words longer than this hold several words typed without spaces: a word may begin anywhere within.
_LONGEST_WORD = 8

_SENTENCE_MARKS = frozenset(".?!;…。")
_CLAUSE_MARKS = frozenset(",:/·~-—()[]\"'")
_SENTENCE_ENDINGS = ("요", "니다", "니까", "죠", "ㅂ니당", "어용", "유", "심더", "니더", "슈")
_CLAUSE_ENDINGS = ("데", "지만", "고", "며", "서", "니", "다가", "만", "나", "디", "음", "함", "다", "면", "도", "까")
_INNER_ENDINGS = re.compile(r"(?:[는은인한던]데|지만|[었았했였있없업하]고|[어아여에예해네세나]요|니다)")


@dataclass(frozen=True, slots=True)
class FoldedText:
    """A text for looking up phrases; all fields but `origins` are over the same indices.

    `exact`: lower case, only letters and digits (and . and / between digits); `folded`: the same, what sounds alike
    merged; `origins[i]`: index of character i in the normalized text; `starts[i]`, `ends[i]`: whether a word may
    begin at, or end before, i (both one longer than the text); `clauses[i]`, `sentences[i]`: their numbers.
    """

    exact: str
    folded: str
    origins: tuple[int, ...]
    starts: tuple[bool, ...]
    ends: tuple[bool, ...]
    clauses: tuple[int, ...]
    sentences: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.exact)


def fold(text: str) -> str:
    """Returns `text` with letters that sound alike merged, character by character."""
    return text.translate(_TABLE)


def fold_text(text: NormalizedText) -> FoldedText:
    """Returns the normalized `text` folded; empty when it holds no letter and no digit."""
    folding = _Folding(text.text)
    return folding.finish()


class _Folding:
    """Collects the characters of one text and cuts it at words, clauses and sentences."""

    def __init__(self, text: str) -> None:
        self.characters: list[str] = []
        self.origins: list[int] = []
        self.word_starts: list[int] = [0]
        self.cuts: dict[int, bool] = {}  # index of a clause's first character: whether a sentence begins there too
        for index, character in enumerate(text):
            self._take(text, index, character)
        self._end_word()

    def _take(self, text: str, index: int, character: str) -> None:
        if character == " ":
            self._end_word()
        elif character.isalnum() or _within_number(text, index):
            if not "\u3131" <= character <= "\u318e":
                self.characters.append(character.lower()[:1])
                self.origins.append(index)
        elif character in _SENTENCE_MARKS:
            self._end_word()
            self._cut(len(self.characters), sentence=True)
        elif character in _CLAUSE_MARKS:
            self._end_word()
            self._cut(len(self.characters), sentence=False)

    def _cut(self, position: int, sentence: bool) -> None:
        self.cuts[position] = sentence or self.cuts.get(position, False)

    def _end_word(self) -> None:
        start, end = self.word_starts[-1], len(self.characters)
        if start == end:
            return
        word = "".join(self.characters[start:end])
        if word.endswith(_SENTENCE_ENDINGS) and len(word) > 2:
            self._cut(end, sentence=True)
        elif word.endswith(_CLAUSE_ENDINGS) and len(word) > 1:
            self._cut(end, sentence=False)
        if len(word) > _LONGEST_WORD:
            for match in _INNER_ENDINGS.finditer(word):
                self._cut(start + match.end(), sentence=match.group().endswith(("요", "다")))
        self.word_starts.append(end)

    def finish(self) -> FoldedText:
        """Returns the folded text."""
        exact = "".join(self.characters)
        clauses, sentences = self._numbers()
        starts, ends = self._boundaries()
        return FoldedText(exact, fold(exact), tuple(self.origins), starts, ends, clauses, sentences)

    def _numbers(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        clauses, sentences = [], []
        clause = sentence = 0
        for index in range(len(self.characters)):
            if index in self.cuts and index:
                clause += 1
                sentence += self.cuts[index]
            clauses.append(clause)
            sentences.append(sentence)
        return tuple(clauses), tuple(sentences)

    def _boundaries(self) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
        length = len(self.characters)
        starts, ends = [False] * (length + 1), [False] * (length + 1)
        for start, end in zip(self.word_starts, [*self.word_starts[1:], length], strict=True):
            unspaced = end - start > _LONGEST_WORD
            for index in range(start, end + 1) if unspaced else (start,):
                starts[index] = True
            for index in range(start, end + 1) if unspaced else (end,):
                ends[index] = True
        return tuple(starts), tuple(ends)


def _within_number(text: str, index: int) -> bool:
    """Whether the character divides two digits: 38.5, 200/120."""
    return text[index] in "./" and text[index - 1 : index].isdigit() and text[index + 1 : index + 2].isdigit()


def _merge(syllable: int) -> int:
    lead, rest = divmod(syllable - _FIRST_SYLLABLE, 21 * 28)
    vowel, final = divmod(rest, 28)
    merged_vowel = _VOWEL_ORDER.index(_VOWELS.get(_VOWEL_ORDER[vowel], _VOWEL_ORDER[vowel]))
    merged_final = _FINAL_ORDER.index(_FINALS.get(_FINAL_ORDER[final], _FINAL_ORDER[final]))
    return _FIRST_SYLLABLE + (lead * 21 + merged_vowel) * 28 + merged_final


_TABLE = {syllable: _merge(syllable) for syllable in range(_FIRST_SYLLABLE, _LAST_SYLLABLE + 1)}
