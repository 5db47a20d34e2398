"""Stems: the small language in which everyday words are written down in the data files.

쥐어짜           these letters, anywhere (white space never matters, nor do common misspellings)
아[파프픈]       one of these letters
[0-9]년          one of these digits
(불러|깨워)도    one of these; groups may hold groups
숨이?            the letter or group before ? may be missing
^눈              only where a word begins
눈$              only where a word ends
^눈%             with a particle after it, or at the end of its word: 눈이, 눈은, 눈
=애가            spelled exactly so: 애가 but not 에가
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from carepick.errors import CatalogError

_MOST_LITERALS = 1000
_DIGITS = re.compile(r"(\d)-(\d)")
_SIGNS = re.compile(r"[][()|?]")
_PARTICLES = "이가은는을를도에의만과와로"


@dataclass(frozen=True, slots=True)
class Stem:
    """One literal to look for, in small letters and without white space."""

    literal: str
    exact: bool = False
    starts_word: bool = False
    ends_word: bool = False


def parse_stems(words: str, shortest: int = 2) -> tuple[Stem, ...]:
    """Returns every literal that `words`, stems divided by spaces, stand for.

    Raises `CatalogError` naming the stem that is not well formed, or has fewer than `shortest` letters and neither ^
    nor $ nor %.
    """
    return tuple(dict.fromkeys(stem for word in words.split() for stem in _parse(word, shortest)))


def _digits(match: re.Match[str]) -> str:
    return "".join(map(str, range(int(match.group(1)), int(match.group(2)) + 1)))


def _parse(word: str, shortest: int) -> list[Stem]:
    body = word.lstrip("=^")
    marks, particle, end = word[: len(word) - len(body)], body.endswith("%"), body.endswith("$")
    exact, starts = "=" in marks, "^" in marks
    literals = _Expansion(word, body.rstrip("%$").lower()).literals()
    stems = [Stem(literal, exact, starts, end or particle) for literal in literals]
    if particle:
        stems += [Stem(literal + letter, exact, starts) for literal in literals for letter in _PARTICLES]
    if any(len(stem.literal) < shortest and not (stem.starts_word or stem.ends_word) for stem in stems):
        raise CatalogError(f"stem {word!r}: so short a stem is found everywhere: mark it with ^ or %")
    return stems


class _Expansion:
    """Reads one stem from left to right into the literals that it stands for."""

    def __init__(self, word: str, body: str) -> None:
        self._word, self._body, self._position = word, body, 0

    def literals(self) -> list[str]:
        """Returns every literal; raises `CatalogError` when the stem is not well formed."""
        if self._body and not _SIGNS.search(self._body):
            return [self._body]  # as most are: reading them letter by letter would be half of the time to load
        literals = self._alternatives()
        if self._position < len(self._body):
            raise self._wrong("has a bracket too many")
        if not all(literals):
            raise self._wrong("also stands for nothing at all")
        return literals

    def _alternatives(self) -> list[str]:
        literals = self._sequence()
        while self._take("|"):
            literals += self._sequence()
        return literals

    def _sequence(self) -> list[str]:
        literals = [""]
        while self._position < len(self._body) and self._body[self._position] not in "|)":
            choices = self._atom()
            if self._take("?"):
                choices = [*choices, ""]
            literals = [literal + choice for literal in literals for choice in choices]
            if len(literals) > _MOST_LITERALS:
                raise self._wrong(f"stands for more than {_MOST_LITERALS} words: divide it")
        return literals

    def _atom(self) -> list[str]:
        if self._take("("):
            choices = self._alternatives()
            if not self._take(")"):
                raise self._wrong("has a ( without )")
            return choices
        if self._take("["):
            end = self._body.find("]", self._position)
            if end <= self._position:
                raise self._wrong("has a [ without letters and ]")
            letters, self._position = self._body[self._position : end], end + 1
            return list(_DIGITS.sub(_digits, letters))
        letter = self._body[self._position]
        if letter in "?]":
            raise self._wrong(f"has a {letter} in the wrong place")
        self._position += 1
        return [letter]

    def _take(self, letter: str) -> bool:
        if self._body.startswith(letter, self._position):
            self._position += 1
            return True
        return False

    def _wrong(self, what: str) -> CatalogError:
        return CatalogError(f"stem {self._word!r} {what}")
