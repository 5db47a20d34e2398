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
    literal: str
    exact: bool
    starts_word: bool
    ends_word: bool
    concepts: tuple[str, ...]


class PhraseIndex:
    """Stems by their first two letters, so that each place of a text is compared with a few of them only."""

    def __init__(self, stems: Mapping[str, Iterable[Stem]]) -> None:
        """`stems`: those of each concept."""
        concepts: dict[Stem, list[str]] = {}
        for concept, entries in stems.items():
            for stem in entries:
                folded = stem if stem.exact else Stem(fold(stem.literal), False, stem.starts_word, stem.ends_word)
                concepts.setdefault(folded, []).append(concept)
        self._entries: dict[str, list[_Entry]] = {}
        for stem, names in concepts.items():
            entry = _Entry(stem.literal, stem.exact, stem.starts_word, stem.ends_word, tuple(dict.fromkeys(names)))
            self._entries.setdefault(fold(stem.literal)[:2], []).append(entry)

    def find(self, text: FoldedText) -> dict[str, list[Hit]]:
        """Returns where each concept was found, in order of the start; concepts that were not found are missing."""
        found: dict[str, list[Hit]] = {}
        entries, folded, exact = self._entries, text.folded, text.exact
        for start in range(len(folded)):
            for key in (folded[start : start + 2], folded[start]):
                for entry in entries.get(key, ()):
                    literal = entry.literal
                    end = start + len(literal)
                    if (
                        (exact if entry.exact else folded).startswith(literal, start)
                        and (not entry.starts_word or text.starts[start])
                        and (not entry.ends_word or text.ends[end])
                    ):
                        for concept in entry.concepts:
                            found.setdefault(concept, []).append(Hit(start, end))
        return found
