"""Hears emergencies, crises and danger in a text, before anything is ranked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import NamedTuple

from carepick.knowledge.patterns import Chain, Pattern, Term
from carepick.knowledge.red_flags import RedFlag, RedFlags
from carepick.records import RaisedFlag, Span, Triage, TriageLevel
from carepick.service.context import Context, Grammar
from carepick.service.measures import read_measures
from carepick.service.phrases import Hit, PhraseIndex
from carepick.text.folding import FoldedText, fold_text
from carepick.text.normalize import NormalizedText

# Letters between two links of a chain, and around a match within which an exclusion counts.
_LONGEST_GAP = 8
_EXCLUSION_MARGIN = 12
_MOST_SENTENCES_ON = 1  # a complaint may run on into the next sentence
_MOST_HITS = 200  # of one concept in one text; more say no more, and would only cost time

_CUE, _SYMPTOM = "cue:", "symptom:"  # names beside those of the concepts in one index

_PARTICLES = "은는이가도을를"

_ORDER = {level: rank for rank, level in enumerate(TriageLevel)}
LEARNED = {"urgent": "learned-urgent", "crisis": "learned-crisis", "danger": "learned-danger"}

Match = tuple[Hit, ...]


class _Rule(NamedTuple):
    flag: RedFlag
    pattern: Pattern
    certain: bool
    needed: tuple[int, ...]  # for each term the bits of the concepts that will do


class Triager:
    """Reads texts for red flags; immutable once made, so safe in any number of threads."""

    def __init__(self, red_flags: RedFlags) -> None:
        """`red_flags`: the flags, and the words in which they are written."""
        stems = {**red_flags.concepts, **{f"{_CUE}{name}": words for name, words in red_flags.cues.items()}}
        self._index = PhraseIndex({**stems, _SYMPTOM: red_flags.symptoms})
        self._grammar = Grammar(red_flags.cues)
        self._flags = red_flags
        self._bits = {name: 1 << place for place, name in enumerate({**red_flags.concepts, **red_flags.ranges})}
        self._rules = [
            _Rule(flag, pattern, certain, self._needed(pattern))
            for flag in red_flags.flags
            for certain, patterns in ((True, flag.certain_patterns), (False, flag.patterns))
            for pattern in patterns
        ]

    def _needed(self, pattern: Pattern) -> tuple[int, ...]:
        terms = (term for chain in pattern.chains for term in chain)
        return tuple(reduce(or_, (self._bits[name] for name in term)) for term in terms)

    def detect(self, text: NormalizedText) -> Triage:
        """Returns the red flags that `text` raises, most urgent first, and the symptoms that it denies.

        Spans are ranges of the typed text.
        """
        folded = fold_text(text)
        found = self._index.find(folded)
        self._measure(folded, found)
        cues = {name.removeprefix(_CUE): hits for name, hits in found.items() if name.startswith(_CUE)}
        context = Context(folded, cues, self._grammar)
        raised = [
            RaisedFlag(flag.id, flag.level, _spans(text, folded, match))
            for flag, match in self._raised(_Hits(found, folded, context), context)
        ]
        denied = _spans(text, folded, _bare(folded, context.denied_among(_longest(found.get(_SYMPTOM, [])))))
        return _triage(raised, denied)

    def _raised(self, hits: _Hits, context: Context) -> Iterator[tuple[RedFlag, Match]]:
        present = reduce(or_, (self._bits.get(name, 0) for name in hits.found), 0)
        last = ""
        for rule in self._rules:  # those of one flag stand together
            if rule.flag.id != last and all(present & bits for bits in rule.needed):
                for match in hits.matches(rule.pattern):
                    if not context.silenced(match, rule.certain):
                        last = rule.flag.id
                        yield rule.flag, match
                        break

    def combine(self, triage: Triage, learned: Mapping[str, float] | None, thresholds: Mapping[str, float]) -> Triage:
        """Returns `triage` with what a model heard beside it; nothing that the rules heard is ever taken away.

        `learned`: the model's probabilities of urgent, crisis and danger; `thresholds`: the least probability of each
        that raises the general flag of that name, unless the rules have raised one as urgent; a missing one is never
        reached.
        """
        raised = list(triage.flags)
        for label, id in LEARNED.items():
            flag = self._flags.flag(id)
            heard = (learned or {}).get(label, 0.0) >= thresholds.get(label, float("inf"))
            if heard and not any(_covers(other.level, flag.level) for other in raised):
                raised.append(RaisedFlag(flag.id, flag.level))
        return _triage(raised, triage.denied)

    def _measure(self, folded: FoldedText, found: dict[str, list[Hit]]) -> None:
        for measure in read_measures(folded):
            for name, ranges in self._flags.ranges.items():
                if any(row.kind == measure.kind and row.least <= measure.value < row.below for row in ranges):
                    found.setdefault(name, []).append(Hit(measure.start, measure.end))


def _bare(folded: FoldedText, hits: Iterable[Hit]) -> list[Hit]:
    """Returns `hits` without the particle that some stems end with: 열 for 열은."""
    return [
        Hit(hit.start, hit.end - 1) if hit.end - hit.start > 1 and folded.exact[hit.end - 1] in _PARTICLES else hit
        for hit in hits
    ]


class _Hits:
    """What was found in one text, without what is denied or part of an idiom."""

    def __init__(self, found: Mapping[str, list[Hit]], text: FoldedText, context: Context) -> None:
        self.found = found
        self._sentences = text.sentences
        self._context = context
        self._alive: dict[str, list[Hit]] = {}

    def matches(self, pattern: Pattern) -> Iterator[Match]:
        """Yields the places where `pattern` is met, each as the hits that make it up."""
        choices = [list(self._chain(chain)) for chain in pattern.chains]
        for match in self._within(pattern.window, choices, ()):
            if not self._excluded(pattern.excluded, match):
                yield match

    def _within(self, window: int, choices: Sequence[list[Match]], begun: Match) -> Iterator[Match]:
        if not choices:
            yield begun
            return
        for links in choices[0]:
            match = begun + links
            start, end = min(match).start, max(hit.end for hit in match)
            if end - start <= window and self._sentences[end - 1] - self._sentences[start] <= _MOST_SENTENCES_ON:
                yield from self._within(window, choices[1:], match)

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
            hits = self.found.get(name, [])[:_MOST_HITS]
            self._alive[name] = [
                hit for hit in hits if not self._context.denied(hit) and not self._context.idiomatic(hit)
            ]
        return self._alive[name]

    def _excluded(self, excluded: Sequence[Term], match: Match) -> bool:
        start = min(hit.start for hit in match) - _EXCLUSION_MARGIN
        end = max(hit.end for hit in match) + _EXCLUSION_MARGIN
        return any(
            start <= hit.start and hit.end <= end
            for term in excluded
            for name in term
            for hit in self.found.get(name, ())
        )


def _triage(raised: Sequence[RaisedFlag], denied: tuple[Span, ...]) -> Triage:
    flags = tuple(sorted(raised, key=lambda flag: _ORDER[flag.level]))
    return Triage(flags[0].level if flags else TriageLevel.NONE, flags, denied)


def _covers(level: TriageLevel, wanted: TriageLevel) -> bool:
    """Whether a flag of `level` already says what one of `wanted` would: the body, the mind or other people."""
    body = {TriageLevel.EMERGENCY, TriageLevel.ER}
    return level is wanted or {level, wanted} <= body


def _longest(hits: Sequence[Hit]) -> list[Hit]:
    """Returns `hits` in order without those that lie within another."""
    kept: list[Hit] = []
    for hit in sorted(set(hits), key=lambda hit: (hit.start, -hit.end)):
        if not kept or hit.end > kept[-1].end:
            kept.append(hit)
    return kept


def _spans(text: NormalizedText, folded: FoldedText, hits: Sequence[Hit]) -> tuple[Span, ...]:
    spans = (text.span(folded.origins[hit.start], folded.origins[hit.end - 1] + 1) for hit in _longest(hits))
    return tuple(Span(*span) for span in spans)
