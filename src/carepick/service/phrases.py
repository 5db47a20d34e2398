"""Finds which concepts a folded text speaks of, and where: one walk over its letters whatever the number of stems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from carepick.knowledge.stems import Stem
from carepick.text.folding import FoldedText, fold


class Hit(NamedTuple):
    """Where in a folded text, half-open, a concept was found."""

    start: int
    end: int


class _Entry(NamedTuple):
    stem: Stem
    concepts: tuple[str, ...]


class PhraseIndex:
    """Stems by their first letters, so that each place of a text is compared with a few of them only."""

    def __init__(self, stems: Mapping[str, Iterable[Stem]]) -> None:
        """`stems`: those of each concept."""
        concepts: dict[Stem, tuple[str, ...]] = {}
        for concept, entries in stems.items():
            for stem in dict.fromkeys(entries):
                concepts[stem] = (*concepts.get(stem, ()), concept)
        shared = {names: names for names in concepts.values()}  # one tuple for all stems of a concept
        self._entries: dict[str, tuple[_Entry, ...]] = {}  # by folded literal
        self._lengths: dict[str, tuple[int, ...]] = {}  # of the literals that begin with two letters, or are one
        for stem, names in concepts.items():
            literal = fold(stem.literal)
            literal = stem.literal if literal == stem.literal else literal
            self._entries[literal] = (*self._entries.get(literal, ()), _Entry(stem, shared[names]))
            lengths = self._lengths.get(literal[:2], ())
            if len(literal) not in lengths:
                self._lengths[literal[:2]] = (*lengths, len(literal))
        same = {lengths: lengths for lengths in self._lengths.values()}
        self._lengths = {letters: same[lengths] for letters, lengths in self._lengths.items()}

    def find(self, text: FoldedText) -> dict[str, list[Hit]]:
        """Returns where each concept was found, in order of the start; concepts that were not found are missing."""
        found: dict[str, list[Hit]] = {}
        folded, known, lengths_of = text.folded, self._entries.get, self._lengths.get
        for start in range(len(folded)):
            pair = folded[start : start + 2]
            lengths = lengths_of(pair, ())
            if len(pair) > 1:
                lengths += lengths_of(pair[0], ())
            for length in lengths:
                end = start + length
                if end > len(folded):  # a slice would be cut short, and match a shorter stem a second time
                    continue
                for entry in known(folded[start:end], ()):
                    if _stands(text, entry.stem, start, end):
                        for concept in entry.concepts:
                            found.setdefault(concept, []).append(Hit(start, end))
        return found


def _stands(text: FoldedText, stem: Stem, start: int, end: int) -> bool:
    """Whether `stem`, whose letters are at `start`, is really meant there.

    One that runs over a space must begin with its word, or have two letters before the space: not 하고 열심히 for 고열.
    """
    if stem.exact and text.exact[start:end] != stem.literal:
        return False
    if stem.ends_word and not text.ends[end]:
        return False
    return text.starts[start] or not (stem.starts_word or (end - start > 1 and text.spaced[start + 1]))
