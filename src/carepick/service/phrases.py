"""Finds which concepts a folded text speaks of, and where: one walk over its letters whatever the number of stems."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from operator import add
from typing import NamedTuple

from carepick.knowledge.stems import Stem
from carepick.text.folding import FoldedText, fold


class Hit(NamedTuple):
    """Where in a folded text, half-open, a concept was found."""

    start: int
    end: int


class _Marked(NamedTuple):
    stem: Stem  # which asks for its spelling, or to begin or end where a word does
    concepts: tuple[str, ...]


class PhraseIndex:
    """Stems by their first letters, so that each place of a text is compared with a few of them only.

    Keeps what it must of tens of thousands of stems: most are their letters and nothing else.
    """

    def __init__(self, stems: Mapping[str, Iterable[Stem]]) -> None:
        """`stems`: those of each concept."""
        concepts: dict[Stem, tuple[str, ...]] = {}
        for concept, entries in stems.items():
            for stem in dict.fromkeys(entries):
                concepts[stem] = (*concepts.get(stem, ()), concept)
        shared = {names: names for names in concepts.values()}  # one tuple for all stems of a concept
        self._anywhere: dict[str, tuple[str, ...]] = {}  # concepts by folded literal
        self._marked: dict[str, tuple[_Marked, ...]] = {}
        self._lengths: dict[str, tuple[int, ...]] = {}  # of the literals that begin with two letters, or are one
        for stem, names in concepts.items():
            literal = fold(stem.literal)
            literal = stem.literal if literal == stem.literal else literal
            self._keep(literal, stem, shared[names])
            lengths = self._lengths.get(literal[:2], ())
            if len(literal) not in lengths:
                self._lengths[literal[:2]] = (*lengths, len(literal))
        same = {lengths: lengths for lengths in self._lengths.values()}
        self._lengths = {letters: same[lengths] for letters, lengths in self._lengths.items()}

    def _keep(self, literal: str, stem: Stem, concepts: tuple[str, ...]) -> None:
        if stem.exact or stem.starts_word or stem.ends_word:
            self._marked[literal] = (*self._marked.get(literal, ()), _Marked(stem, concepts))
        elif literal in self._anywhere:
            self._anywhere[literal] += concepts
        else:
            self._anywhere[literal] = concepts

    def find(self, text: FoldedText) -> dict[str, list[Hit]]:
        """Returns where each concept was found, in order of the start; concepts that were not found are missing.

        A stem that runs over a space must begin with its word, or have two letters before the space: not 하고 열심히 for
        고열.
        """
        found: dict[str, list[Hit]] = {}
        folded, anywhere, marked = text.folded, self._anywhere.get, self._marked.get
        for start, lengths in self._places(folded):
            cut = text.spaced[start + 1] and not text.starts[start]  # by a space after its first letter
            for length in lengths:
                end = start + length
                # A slice at the end would be cut short, and match a shorter stem a second time.
                if end > len(folded) or (cut and length > 1):
                    continue
                letters = folded[start:end]
                concepts = anywhere(letters, ())
                for stem, more in marked(letters, ()):
                    if _stands(text, stem, start, end):
                        concepts += more
                for concept in concepts:
                    found.setdefault(concept, []).append(Hit(start, end))
        return found

    def _places(self, folded: str) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yields where stems may begin, in order, and how long those are.

        The pairs of letters are made and looked up without a step of Python each: most of them begin nothing.
        """
        pairs = map(add, folded, f"{folded[1:]} ")
        lengths = zip(map(self._lengths.get, pairs), map(self._lengths.get, folded), strict=True)
        for start, (longer, single) in enumerate(lengths):
            if longer or single:
                yield start, (longer or ()) + (single or ())


def _stands(text: FoldedText, stem: Stem, start: int, end: int) -> bool:
    """Whether `stem`, whose letters are at `start`, is spelled as it asks and begins and ends where a word does."""
    if stem.exact and text.exact[start:end] != stem.literal:
        return False
    return (text.ends[end] or not stem.ends_word) and (text.starts[start] or not stem.starts_word)
