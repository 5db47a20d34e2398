"""The complaints that the words of one text make up: which patterns are met where, and how surely."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from carepick.knowledge.patterns import Chain, Pattern, Term
from carepick.service.context import Context
from carepick.service.phrases import Hit
from carepick.text.folding import FoldedText

# Letters between two links of a chain, and around a match within which an exclusion counts.
_LONGEST_GAP = 8
_EXCLUSION_MARGIN = 12
_SHORT_MESSAGE = 60  # letters up to which every word of a message is taken for the complaint
_MOST_SENTENCES_ON = 1  # a complaint may run on into the next sentence
_MOST_HITS, _MOST_MATCHES = 40, 100  # of one concept, of one pattern in a text; more would only cost time

Match = tuple[Hit, ...]


class Complaints:
    """What was found in one text, read strictly or loosely."""

    def __init__(self, found: Mapping[str, list[Hit]], text: FoldedText, context: Context) -> None:
        """`found`: where each concept stands in `text`; `context`: what the words around make of it."""
        self._found = found
        self._short = len(text) <= _SHORT_MESSAGE
        self._sentences = text.sentences
        self._context = context
        self._alive: dict[str, list[Hit]] = {}
        self._denials: dict[Hit, Hit | None] = {}

    def certain(self, pattern: Pattern) -> Match | None:
        """Returns where `pattern` is met with its gates and by a complaint neither occasional nor of long standing."""
        if pattern.short_only and not self._short:
            return None
        chains = pattern.chains if self._short else (*pattern.chains, *pattern.gates)
        return next((match for match in self._met(pattern, chains) if not self._context.lingers(match)), None)

    def possible(self, pattern: Pattern) -> Match | None:
        """Returns where `pattern` is met, its gates aside."""
        return next(self._met(pattern, pattern.chains), None)

    def _met(self, pattern: Pattern, chains: Sequence[Chain]) -> Iterator[Match]:
        matches = self._within(pattern.window, [list(self._chain(chain)) for chain in chains])
        for match in islice(matches, _MOST_MATCHES):
            denied = any(self._denied(hit, match) for hit in match)
            if not (denied or self._excluded(pattern.excluded, match) or self._context.dismissed(match)):
                yield match

    def _within(self, window: int, choices: Sequence[list[Match]]) -> Iterator[Match]:
        first, *others = choices
        for links in first:
            near = [[other for other in choice if self._close((*links, *other), window)] for choice in others]
            if all(near):
                yield from self._joined(window, links, near)

    def _joined(self, window: int, begun: Match, choices: Sequence[list[Match]]) -> Iterator[Match]:
        if not choices:
            yield begun
            return
        for links in choices[0]:
            if self._close(match := begun + links, window):
                yield from self._joined(window, match, choices[1:])

    def _close(self, match: Match, window: int) -> bool:
        start, end = min(match).start, max(hit.end for hit in match)
        return end - start <= window and self._sentences[end - 1] - self._sentences[start] <= _MOST_SENTENCES_ON

    def _chain(self, chain: Chain) -> Iterator[Match]:
        begun: list[Match] = [(hit,) for hit in self._term(chain[0])]
        for term in chain[1:]:
            following = self._term(term)
            begun = [
                (*links, hit) for links in begun for hit in following if 0 <= hit.start - links[-1].end <= _LONGEST_GAP
            ]
        yield from begun

    def _term(self, term: Term) -> list[Hit]:
        return [hit for name in term for hit in self._concept(name)]

    def _concept(self, name: str) -> list[Hit]:
        if name not in self._alive:
            hits = self._found.get(name, [])[:_MOST_HITS]
            self._alive[name] = [hit for hit in hits if not self._context.idiomatic(hit)]
        return self._alive[name]

    def _denied(self, hit: Hit, match: Match) -> bool:
        """Whether `hit` is denied by a word that is no part of the complaint itself, as 안 나와요 is of 소변이 안 나와요."""
        if hit not in self._denials:
            self._denials[hit] = self._context.denial(hit)
        word = self._denials[hit]
        return word is not None and not any(other.start < word.end and word.start < other.end for other in match)

    def _excluded(self, excluded: Sequence[Term], match: Match) -> bool:
        start = min(hit.start for hit in match) - _EXCLUSION_MARGIN
        end = max(hit.end for hit in match) + _EXCLUSION_MARGIN
        return any(
            start <= hit.start and hit.end <= end
            for term in excluded
            for name in term
            for hit in self._found.get(name, ())
        )
