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


class _Bucket(NamedTuple):
    """The stems that begin with the same two letters (or are one letter): by length, then by folded literal."""

    lengths: list[int]
    entries: dict[str, list[_Entry]]


class PhraseIndex:
    """Stems by their first letters, so that each place of a text is compared with a few of them only."""

    def __init__(self, stems: Mapping[str, Iterable[Stem]]) -> None:
        """`stems`: those of each concept."""
        concepts: dict[Stem, dict[str, None]] = {}
        for concept, entries in stems.items():
            for stem in entries:
                concepts.setdefault(stem, {})[concept] = None
        self._pairs: dict[str, _Bucket] = {}
        self._singles: dict[str, _Bucket] = {}  # stems of one letter
        for stem, names in concepts.items():
            literal = fold(stem.literal)
            buckets = self._pairs if len(literal) > 1 else self._singles
            bucket = buckets.setdefault(literal[:2], _Bucket([], {}))
            bucket.entries.setdefault(literal, []).append(_Entry(stem, tuple(names)))
            if len(literal) not in bucket.lengths:
                bucket.lengths.append(len(literal))

    def find(self, text: FoldedText) -> dict[str, list[Hit]]:
        """Returns where each concept was found, in order of the start; concepts that were not found are missing."""
        found: dict[str, list[Hit]] = {}
        folded, pair, single = text.folded, self._pairs.get, self._singles.get
        for start in range(len(folded)):
            for bucket in (pair(folded[start : start + 2]), single(folded[start])):
                if bucket is None:
                    continue
                for length in bucket.lengths:
                    end = start + length
                    if end > len(folded):  # a slice would be cut short, and match a shorter stem a second time
                        continue
                    for entry in bucket.entries.get(folded[start:end], ()):
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
