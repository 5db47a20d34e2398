"""A text with what people mistype merged, white space gone and clauses found: the form in which phrases are looked up.

"숨이 않쉬어져요ㅠㅠ" and "숨이안쉬어져요" are the same folded text. Every character knows the typed one it came from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from carepick.text.normalize import NormalizedText

# Vowels and finals that sound alike and are confused: 계속/게속, 됐/됬, 베/배; 않/안, 했/햇, 없/업, 잃/일.
_VOWELS = {"ㅐ": "ㅔ", "ㅒ": "ㅔ", "ㅖ": "ㅔ", "ㅙ": "ㅚ", "ㅞ": "ㅚ"}
_FINALS = {"ㄶ": "ㄴ", "ㅆ": "ㅅ", "ㅄ": "ㅂ", "ㄲ": "ㄱ", "ㅀ": "ㄹ"}
_VOWEL_ORDER = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINAL_ORDER = " ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
_FIRST_SYLLABLE, _LAST_SYLLABLE = 0xAC00, 0xD7A3

# Words longer than this hold several words typed without spaces: a word may begin anywhere within.
_LONGEST_WORD = 8

_TOKEN = re.compile(
    r"(?P<letters>(?:[가-힣A-Za-z0-9℃%]|(?<=[0-9])[./](?=[0-9]))+)"
    r"|(?P<sentence>[.?!;…]+)|(?P<clause>[,:/·~()\[\]\"'—–-])|(?P<space> )"
)
# Endings of a word that end a sentence, after two letters at least, or a clause, after one.
_SENTENCE_ENDINGS = (*"요죠", "니다", "니까", "었다", "았다", "했다", "있다", "없다", "겠다", "니더", "어유", "아유")
_CLAUSE_ENDINGS = (*"데고며서니만나디음함다면도까", "다가")
_INNER_ENDING = re.compile(r"(?:[는은인한던]데|지만|[었았했였있없업하]고|[어아여에예해네세나]요|니다)")


@dataclass(frozen=True, slots=True)
class FoldedText:
    """A text for looking up phrases; all fields but `origins` are over the same indices.

    `exact`: lower case, only letters and digits (and . and / between digits); `folded`: the same, what sounds alike
    merged; `origins[i]`: index of character i in the normalized text; `starts[i]`, `ends[i]`: whether a word may
    begin at, or end before, i (both one longer than the text); `spaced[i]`: whether a space stands before i;
    `clauses[i]`, `sentences[i]`: their numbers.
    """

    exact: str
    folded: str
    origins: tuple[int, ...]
    starts: tuple[bool, ...]
    ends: tuple[bool, ...]
    spaced: tuple[bool, ...]
    clauses: tuple[int, ...]
    sentences: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.exact)


def fold(text: str) -> str:
    """Returns `text` with letters that sound alike merged, character by character."""
    return text.translate(_TABLE)


def fold_text(text: NormalizedText) -> FoldedText:
    """Returns the normalized `text` folded; empty when it holds no letter and no digit."""
    return _Folding(text).finish()


class _Folding:
    """Collects the letters of one text and cuts it at words, clauses and sentences."""

    def __init__(self, text: NormalizedText) -> None:
        self._written: list[str] = []  # words, and the pieces of the one that is still open
        self._open = 0  # how many pieces were there when the open word began
        self._origins: list[int] = []
        self._words: list[int] = [0]  # where each word begins; the last one is still open
        self._cuts: dict[int, bool] = {}  # where a clause begins: whether a sentence begins there too
        for token in _TOKEN.finditer(text.text):
            kind = token.lastgroup
            if kind == "letters":
                self._written.append(token.group().lower())
                self._origins.extend(range(*token.span()))
            else:
                self._end_word()
                line_end = token.start() in text.line_ends
                if kind != "space" or line_end:
                    self._cut(len(self._origins), line_end or kind == "sentence")
        self._end_word()

    def _cut(self, position: int, sentence: bool) -> None:
        self._cuts[position] = sentence or self._cuts.get(position, False)

    def _end_word(self) -> None:
        start, end = self._words[-1], len(self._origins)
        if start == end:
            return
        word = "".join(self._written[self._open :])
        self._open = len(self._written)
        if word.endswith(_SENTENCE_ENDINGS, 2):
            self._cut(end, sentence=True)
        elif word.endswith(_CLAUSE_ENDINGS, 1):
            self._cut(end, sentence=False)
        if end - start > _LONGEST_WORD:
            for match in _INNER_ENDING.finditer(word):
                self._cut(start + match.end(), sentence=match.group().endswith(("요", "다")))
        self._words.append(end)

    def finish(self) -> FoldedText:
        """Returns the folded text."""
        exact = "".join(self._written)
        length = len(exact)
        starts, ends, spaced = [False] * (length + 1), [False] * (length + 1), [False] * (length + 1)
        for start, end in zip(self._words, [*self._words[1:], length], strict=True):
            spaced[start] = True
            inside = range(start, end + 1) if end - start > _LONGEST_WORD else ()
            for index in (start, *inside):
                starts[index] = True
            for index in (end, *inside):
                ends[index] = True
        clauses, sentences = self._numbers(length)
        return FoldedText(
            exact, fold(exact), tuple(self._origins), tuple(starts), tuple(ends), tuple(spaced), clauses, sentences
        )

    def _numbers(self, length: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        clauses: list[int] = []
        sentences: list[int] = []
        sentence = 0
        edges = [0, *sorted(cut for cut in self._cuts if 0 < cut < length), length]
        for clause, (start, end) in enumerate(pairwise(edges)):
            sentence += self._cuts.get(start, False) if start else 0
            clauses += [clause] * (end - start)
            sentences += [sentence] * (end - start)
        return tuple(clauses), tuple(sentences)


def _merge(syllable: int) -> int:
    lead, rest = divmod(syllable - _FIRST_SYLLABLE, 21 * 28)
    vowel, final = divmod(rest, 28)
    merged_vowel = _VOWEL_ORDER.index(_VOWELS.get(_VOWEL_ORDER[vowel], _VOWEL_ORDER[vowel]))
    merged_final = _FINAL_ORDER.index(_FINALS.get(_FINAL_ORDER[final], _FINAL_ORDER[final]))
    return _FIRST_SYLLABLE + (lead * 21 + merged_vowel) * 28 + merged_final


# By code point, what it becomes; code points past its end stay. A dict would take a megabyte.
_TABLE = "".join(chr(_merge(code) if code >= _FIRST_SYLLABLE else code) for code in range(_LAST_SYLLABLE + 1))
