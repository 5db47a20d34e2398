"""Hears emergencies, crises and danger in a text, before anything is ranked: by rules, and by a model beside them.

What a rule says for certain is an alarm, whatever a model holds of it. What it only suspects (a weak pattern, a
complaint of long standing, a few words in a long story, anything in a text whose words may speak of something else) is
one when a model finds some support for it, far less than the model would need alone, in the text as a whole or in the
sentence with those words; where no model has learned triage, a suspicion stays one. In a long story a model also judges each
sentence alone. Where the rules hear nothing and the words ask in general, joke, look back or say that all is well, a
model must be surer than elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from carepick.knowledge.patterns import Pattern, Term
from carepick.knowledge.red_flags import RedFlag, RedFlags
from carepick.records import RaisedFlag, Span, Triage, TriageLevel
from carepick.service.complaints import Complaints, Match
from carepick.service.context import Context, Grammar
from carepick.service.measures import read_measures
from carepick.service.phrases import Hit, PhraseIndex
from carepick.text.folding import FoldedText, fold_text
from carepick.text.normalize import NormalizedText

_CUE, _SYMPTOM = "cue:", "symptom:"  # names beside those of the concepts in one index

_PARTICLES = "은는이가도을를"
_LAUGHTER = re.compile("ㅋㅋ|ㅎㅎ|ㅋㅎ")

_ORDER = {level: rank for rank, level in enumerate(TriageLevel)}
LEARNED = {"urgent": "learned-urgent", "crisis": "learned-crisis", "danger": "learned-danger"}
_LABELS = {
    TriageLevel.EMERGENCY: "urgent",
    TriageLevel.ER: "urgent",
    TriageLevel.CRISIS: "crisis",
    TriageLevel.DANGER: "danger",
}
_SUPPORT = 0.3  # least probability that supports a suspicion, where the bundle names none
_DOUBT = 4.0  # how many times less the model may doubt, where the words speak against it and the bundle does not say


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence of the typed text, and a model's probabilities of urgent, crisis and danger for it alone."""

    span: Span
    learned: Mapping[str, float]


@dataclass(frozen=True)
class Heard:
    """What the rules heard: flags that are certain, flags that they suspect, and the symptoms that were denied.

    `doubtful`: whether the text asks in general, supposes, jokes, looks back, speaks of something else or says that all
    is well.
    """

    certain: tuple[RaisedFlag, ...]
    suspected: tuple[RaisedFlag, ...]
    denied: tuple[Span, ...]
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class _Rule:
    flag: RedFlag
    pattern: Pattern
    weak: bool
    terms: tuple[Term, ...]  # of its chains, the rarest first


class Triager:
    """Reads texts for red flags; immutable once made, so safe in any number of threads."""

    def __init__(self, red_flags: RedFlags) -> None:
        """`red_flags`: the flags, and the words in which they are written."""
        stems = {**red_flags.concepts, **{f"{_CUE}{name}": words for name, words in red_flags.cues.items()}}
        self._index = PhraseIndex({**stems, _SYMPTOM: red_flags.symptoms})
        self._cues = {f"{_CUE}{name}": name for name in red_flags.cues}
        self._grammar = Grammar(red_flags.cues)
        self._flags = red_flags.wordings()
        self._ranges = red_flags.ranges
        self._rules = [
            _Rule(flag, pattern, weak, _rarest_first(pattern, red_flags))
            for flag in red_flags.flags
            for weak, patterns in ((False, flag.patterns), (True, flag.weak_patterns))
            for pattern in patterns
        ]
        self._by_name: dict[str, list[int]] = {}  # places of the rules by each concept of their rarest term
        for place, rule in enumerate(self._rules):
            for name in rule.terms[0]:
                self._by_name.setdefault(name, []).append(place)

    def detect(self, text: NormalizedText) -> Heard:
        """Returns the red flags that the rules hear in `text`, and the symptoms that it denies.

        Spans are ranges of the typed text.
        """
        folded = fold_text(text)
        found = self._index.find(folded)
        self._measure(folded, found)
        cues = {cue: found[name] for name, cue in self._cues.items() if name in found}
        context = Context(folded, cues, _longest(found.get(_SYMPTOM, [])), self._grammar)
        doubtful = context.doubtful or bool(_LAUGHTER.search(text.text))
        certain: list[RaisedFlag] = []
        suspected: list[RaisedFlag] = []
        for flag, match, sure in self._heard(found, Complaints(found, folded, context)):
            raised = RaisedFlag(flag.id, flag.level, _spans(text, folded, match))
            present = sure and (not doubtful or context.present(match))
            (certain if present else suspected).append(raised)
        denied = _spans(text, folded, _bare(folded, context.denied))
        return Heard(tuple(certain), tuple(suspected), denied, doubtful)

    def _heard(self, found: Mapping[str, list[Hit]], complaints: Complaints) -> Iterator[tuple[RedFlag, Match, bool]]:
        for flag, group in groupby(self._spoken_of(found), lambda rule: rule.flag):
            rules = list(group)
            match = _first(complaints.certain(rule.pattern) for rule in rules if not rule.weak)
            if match:
                yield flag, match, True
            elif match := _first(complaints.possible(rule.pattern) for rule in rules):
                yield flag, match, False

    def _spoken_of(self, found: Mapping[str, list[Hit]]) -> list[_Rule]:
        """Returns the rules all of whose terms were found, those of one flag together."""
        places = {place for name in self._by_name.keys() & found.keys() for place in self._by_name[name]}
        rules = (self._rules[place] for place in sorted(places))
        return [rule for rule in rules if not any(map(found.keys().isdisjoint, rule.terms[1:]))]

    def combine(
        self, heard: Heard, learned: Mapping[str, float] | None, thresholds: Mapping[str, float],
        told: Sequence[Told] = (),
    ) -> Triage:  # fmt: skip
        """Returns the alarms, most urgent first: what the rules heard for certain, and what a model supports or hears.

        `learned`: the model's probabilities of urgent, crisis and danger, None where none has learned them; `told`: what
        a model makes of each sentence alone; `thresholds`: the least probability of each that raises the general flag of
        that name, unless a flag as urgent is raised already (a missing one is never reached). Optional: under
        urgent_support, crisis_support and danger_support the least that makes an alarm of a suspicion of that kind; under
        sentence_urgent, sentence_urgent_support and so on the same for a sentence judged alone; under doubt how many
        times nearer to 1 a general flag's threshold is where nothing was heard and the words speak against it. A crisis
        that only a model hears, in the very words in which the rules are certain of danger, comes after that danger.
        """
        learned = learned or {}
        supported = (flag for flag in heard.suspected if _supported(flag, learned, told, thresholds))
        raised = [*heard.certain, *supported]
        doubt = thresholds.get("doubt", _DOUBT) if heard.doubtful and not (heard.certain or heard.suspected) else 1.0
        for label, id in LEARNED.items():
            flag = self._flags.flag(id)
            reached = 1 - learned.get(label, 0.0) <= (1 - thresholds.get(label, float("inf"))) / doubt
            spans = tuple(one.span for one in told if _reaches(f"sentence_{label}", one.learned[label], thresholds))
            if (reached or spans) and not any(_covers(other.level, flag.level) for other in raised):
                raised.append(RaisedFlag(flag.id, flag.level, spans))
        flags = tuple(sorted(raised, key=lambda flag: _rank(flag, heard, told)))
        return Triage(flags[0].level if flags else TriageLevel.NONE, flags, heard.denied)

    def _measure(self, folded: FoldedText, found: dict[str, list[Hit]]) -> None:
        for measure in read_measures(folded):
            for name, ranges in self._ranges.items():
                if any(row.kind == measure.kind and row.least <= measure.value < row.below for row in ranges):
                    found.setdefault(name, []).append(Hit(measure.start, measure.end))


def _rank(flag: RaisedFlag, heard: Heard, told: Sequence[Told]) -> int:
    """Returns the place of `flag` among those raised, 0 for the most urgent."""
    danger = [span for other in heard.certain if other.level is TriageLevel.DANGER for span in other.spans]
    if flag.id == LEARNED["crisis"] and danger and _same_words(flag, danger, told):
        return _ORDER[TriageLevel.DANGER]  # sorting keeps what the rules heard before what a model did
    return _ORDER[flag.level]


def _same_words(learned: RaisedFlag, danger: Sequence[Span], told: Sequence[Told]) -> bool:
    """Whether `learned` may well mean the words of `danger`: a short message, or no sentence without such words."""
    if not learned.spans:
        return not told
    return all(any(_overlap(span, other) for other in danger) for span in learned.spans)


def _rarest_first(pattern: Pattern, red_flags: RedFlags) -> tuple[Term, ...]:
    terms = (term for chain in pattern.chains for term in chain)
    return tuple(sorted(terms, key=lambda term: sum(len(red_flags.concepts.get(name, ())) for name in term)))


def _bare(folded: FoldedText, hits: Iterable[Hit]) -> list[Hit]:
    """Returns `hits` without the particle that some stems end with: 열 for 열은."""
    return [
        Hit(hit.start, hit.end - 1) if hit.end - hit.start > 1 and folded.exact[hit.end - 1] in _PARTICLES else hit
        for hit in hits
    ]


def _first(matches: Iterable[Match | None]) -> Match | None:
    return next(filter(None, matches), None)


def _supported(
    flag: RaisedFlag, learned: Mapping[str, float], told: Sequence[Told], thresholds: Mapping[str, float]
) -> bool:
    """Whether a model supports the suspicion `flag`: in the text as a whole, or in a sentence with its words."""
    label = _LABELS[flag.level]
    if learned.get(label, 0.0) >= thresholds.get(f"{label}_support", _SUPPORT):
        return True
    its_own = (one for one in told if any(_overlap(one.span, span) for span in flag.spans))
    return any(_reaches(f"sentence_{label}_support", one.learned[label], thresholds) for one in its_own)


def _reaches(name: str, probability: float, thresholds: Mapping[str, float]) -> bool:
    return probability >= thresholds.get(name, float("inf"))


def _overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


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
