"""Stems: the small language in which everyday words are written down in the data files.

쥐어짜          these letters, anywhere (white space never matters, nor do common misspellings)
아[파프픈]      one of these letters
(불러|깨워)도   one of these
숨이?           the letter or group before ? may be missing
^눈             only where a word begins
눈$             only where a word ends
^눈%            with a particle after it, or at the end of its word: 눈이, 눈은, 눈
=애가           spelled exactly so: 애가 but not 에가
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from carepick.errors import CatalogError

_MOST_LITERALS = 600
_PARTICLES = "이가은는을를도에의만과와로"
_TOKEN = re.compile(r"\[([^\[\]()|?]+)\](\??)|\(([^()]+)\)(\??)|([^\[\]()|?])(\??)")


@dataclass(frozen=True, slots=True)
class Stem:
    """One literal to look for, without white space."""

    literal: str
    exact: bool = False
    starts_word: bool = False
    ends_word: bool = False


def parse_stems(words: str) -> tuple[Stem, ...]:
    """Returns every literal that `words`, stems divided by spaces, stand for; raises `CatalogError` naming the stem."""
    return tuple(dict.fromkeys(stem for word in words.split() for stem in _parse(word)))


def _parse(word: str) -> list[Stem]:
    body = word.lstrip("=^")
    marks, particle, end = word[: len(word) - len(body)], body.endswith("%"), body.endswith("$")
    exact, starts = "=" in marks, "^" in marks
    literals = _expand(word, body.rstrip("%$"))
    stems = [Stem(literal, exact, starts, end or particle) for literal in literals]
    if particle:
        stems += [Stem(literal + letter, exact, starts) for literal in literals for letter in _PARTICLES]
    if any(len(stem.literal) < 2 and not (stem.starts_word or stem.ends_word) for stem in stems):
        raise CatalogError(f"stem {word!r}: a single letter needs ^ or %, or it is found everywhere")
    return stems


def _expand(word: str, body: str) -> list[str]:
    literals, position = [""], 0
    while position < len(body):
        token = _TOKEN.match(body, position)
        if token is None:
            raise CatalogError(f"stem {word!r}: unbalanced brackets at {body[position:]!r}")
        letters, letters_mark, group, group_mark, letter, letter_mark = token.groups()
        choices = list(letters) if letters else group.split("|") if group else [letter]
        if letters_mark or group_mark or letter_mark:
            choices.append("")
        literals = [literal + choice for literal in literals for choice in choices]
        if len(literals) > _MOST_LITERALS:
            raise CatalogError(f"stem {word!r} stands for more than {_MOST_LITERALS} words: divide it")
        position = token.end()
    if not all(literals):
        raise CatalogError(f"stem {word!r} also stands for nothing at all")
    return literals
