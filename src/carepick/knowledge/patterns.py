"""Patterns: the small language in which a doctor can read and write what raises a red flag.

chest crushing            both in any order, within 40 letters (white space not counted)
chest>pain                pain follows chest closely
chest|upper_back          either
chest 쥐어짜              a concept of concepts.json, and a stem written in place
chest pain !cough         but not when coughing is spoken of nearby
chest pain sudden @80     within 80 letters
chest pain ~sudden        in a long message certain only where suddenness is spoken of as well
chest pain <              certain in a short message only
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from carepick.errors import CatalogError
from carepick.knowledge.stems import Stem, parse_stems

_WINDOW = 40
_SHORT_ONLY = "<"
_CONCEPT = re.compile(r"[a-z][a-z0-9_]*")
_TERM = re.compile(r"(?:[^|()]|\((?:[^()]|\([^()]*\))*\))+")  # what stands between | outside of groups

Term = tuple[str, ...]  # names of concepts, any of which will do; a stem written in place is its own name
Chain = tuple[Term, ...]  # terms that follow one another closely


@dataclass(frozen=True, slots=True)
class Pattern:
    """What must be said, in any order, within `window` letters of folded text, and what must not stand nearby.

    In long messages it is certain only where `gates` are said as well, and never if it is `short_only`.
    """

    source: str
    chains: tuple[Chain, ...]
    gates: tuple[Chain, ...]
    excluded: tuple[Term, ...]
    window: int
    short_only: bool

    def names(self) -> set[str]:
        """Returns every concept and stem that it speaks of."""
        return {name for chain in (*self.chains, *self.gates, self.excluded) for term in chain for name in term}


def parse_pattern(source: str) -> Pattern:
    """Returns the pattern that `source` writes down; raises `CatalogError` when it asks for nothing."""
    chains: list[Chain] = []
    gates: list[Chain] = []
    excluded: list[Term] = []
    window = _WINDOW
    for token in source.split():
        if token.startswith("@"):
            if not token[1:].isdecimal():
                raise CatalogError(f"pattern {source!r}: a number of letters must follow @")
            window = int(token[1:])
        elif token.startswith("!"):
            excluded.append(_term(source, token[1:]))
        elif token != _SHORT_ONLY:
            chain = tuple(_term(source, part) for part in token.removeprefix("~").split(">"))
            (gates if token.startswith("~") else chains).append(chain)
    if not chains:
        raise CatalogError(f"pattern {source!r} asks for nothing")
    return Pattern(source, tuple(chains), tuple(gates), tuple(excluded), window, _SHORT_ONLY in source.split())


def stems_in_place(pattern: Pattern, known: Collection[str] = ()) -> dict[str, tuple[Stem, ...]]:
    """Returns the stems that `pattern` writes in place and `known` does not name, by their name.

    Raises `CatalogError` naming a stem that is not well formed.
    """
    fresh = (name for name in pattern.names() if name not in known)
    return {name: parse_stems(name, shortest=1) for name in fresh if not _CONCEPT.fullmatch(name)}


def _term(source: str, token: str) -> Term:
    names = tuple(_TERM.findall(token))
    if not names or "|".join(names) != token:
        raise CatalogError(f"pattern {source!r}: nothing stands beside | or >")
    return names
