"""What the words around a complaint make of it: denied, past, asked about in general, meant otherwise, of long standing.

The words are data (context.json); how they work together is here:

- denied: 열은 없고, 열이나 기침은 없고, 아프지 않아요, 안 아파요
- past: all of it lies in clauses that say so (3년 전, 작년에), or in the past tense after one of the sentence that does;
  a word of the present in its clause (지금, 오늘) keeps it
- in general: the sentence asks about a topic (전조증상이 뭔가요), or supposes (의식을 잃으면 어떻게 하나요) or fears
  (마비가 올까 봐), without a word of the present
- otherwise: it overlaps an idiom (숨막히게 더워요)
- occasional or mild: its sentence says so (가끔, 살짝) without a word of the present
- of long standing: its sentence or an earlier one says so (몇 달 전부터), and its own neither now nor suddenly
- resolved: the same sentence or a later one says that all is well (지금은 괜찮아요)
- aside: words of texts that are often about something else: animals, fiction, lessons, near misses, good news
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence

from carepick.knowledge.stems import Stem
from carepick.service.phrases import Hit
from carepick.text.folding import FoldedText, fold

_NEAR = 5  # letters within which a conditional or a fear belongs to the words before it
_LAST_SS = 20  # place of ㅆ among the 28 finals: 았, 었, 했
_PRESENT_SS = "있겠"
_SPEAKS_AGAINST = ("topic", "worry", "idiom", "resolved", "past", "aside")
_LISTED = re.compile(r"(?:이?나|과|와|이?랑|하고|및|또는|도|은|는|이며|지도)?")


class Grammar:
    """The expressions that denial is read with; made once from the cues."""

    def __init__(self, cues: Mapping[str, Sequence[Stem]]) -> None:
        """`cues`: stems by the names in `CUES` of the red flags."""
        filler, denial = _either(cues["denial_filler"]), _either(cues["denial"])
        self.after = re.compile(rf"(?:{filler}){{0,5}}({denial})")
        self.within = re.compile(r"[가-힣]{0,3}?(지[는도를]?(?:안|못))")
        self.before = re.compile(rf"({_either(cues['denial_before'])})$")
        self.neither = re.compile(r"지도.{1,12}지도(안|못)")


class Context:
    """The surroundings of what was found in one text."""

    def __init__(
        self, text: FoldedText, cues: Mapping[str, list[Hit]], symptoms: Sequence[Hit], grammar: Grammar
    ) -> None:
        """`cues`: where each cue was found in `text`; `symptoms`: what a person may deny, in order."""
        self._text = text
        self._cues = cues
        self._grammar = grammar
        self._denials = self._denied_among(symptoms)

    @property
    def denied(self) -> list[Hit]:
        """The symptoms, in order, that are denied, alone or as members of a denied list."""
        return list(self._denials)

    @property
    def doubtful(self) -> bool:
        """Whether the text asks in general, supposes, jokes, looks back, speaks of something else or says that all is well."""
        return any(self._cues.get(cue) for cue in _SPEAKS_AGAINST)

    def denial(self, hit: Hit) -> Hit | None:
        """Returns where the word stands that says that what `hit` names is absent, if one does."""
        listed = (word for symptom, word in self._denials.items() if symptom.start < hit.end <= symptom.end)
        return self._own_denial(hit) or next(listed, None)

    def _own_denial(self, hit: Hit) -> Hit | None:
        folded = self._text.folded
        after = self._grammar.after.match(folded, hit.end) or self._grammar.neither.match(folded, hit.end)
        within = after or self._grammar.within.match(folded, hit.end)
        if within and (after or not any(self._text.spaced[hit.end : within.start(1) + 1])):
            awaited = within.start(1) == hit.end and folded[hit.end - 1] == "지"  # as 가라앉지 awaits its 않아요
            return None if awaited else Hit(*within.span(1))
        before = self._grammar.before.search(folded, max(0, hit.start - 4), hit.start)
        return Hit(*before.span(1)) if before and self._text.starts[before.start()] else None

    def _denied_among(self, symptoms: Sequence[Hit]) -> dict[Hit, Hit]:
        """Returns those of `symptoms` that are denied, each with the word that denies it or the list it is in."""
        denied: dict[Hit, Hit] = {}
        last: Hit | None = None  # of those denied so far, from the end of the text
        for hit in reversed(symptoms):
            listed = last and _LISTED.fullmatch(self._text.folded, hit.end, max(hit.end, last.start))
            word = self._own_denial(hit) or (denied[last] if last and listed else None)
            if word:
                denied[hit], last = word, hit
        return dict(reversed(denied.items()))

    def idiomatic(self, hit: Hit) -> bool:
        """Returns whether `hit` is part of an idiom."""
        return any(_overlap(hit, idiom) for idiom in self._cues.get("idiom", ()))

    def dismissed(self, hits: Sequence[Hit]) -> bool:
        """Returns whether the complaint made of `hits` is past, or spoken of in general."""
        times = self._cues.get("now", ())
        complaint = [hit for hit in hits if not any(_overlap(hit, time) for time in times)]
        if complaint and all(map(self._past, complaint)):
            return True
        sentences = {self._text.sentences[hit.start] for hit in hits}
        return not self._said("now", sentences) and (self._said("topic", sentences) or self._supposed(hits, sentences))

    def present(self, hits: Sequence[Hit]) -> bool:
        """Returns whether a sentence of the complaint made of `hits` says that it is of now."""
        return self._said("now", {self._text.sentences[hit.start] for hit in hits})

    def lingers(self, hits: Sequence[Hit]) -> bool:
        """Returns whether the complaint made of `hits` is occasional, mild, of long standing or resolved."""
        sentences = {self._text.sentences[hit.start] for hit in hits}
        if any(cue.start > min(hits).start for cue in self._cues.get("resolved", ())):
            return True
        return not self._said("now", sentences) and (self._said("sometimes", sentences) or self._lasting(sentences))

    def _lasting(self, sentences: set[int]) -> bool:
        earlier = range(max(sentences) + 1)
        return self._said("lasting", earlier) and not self._said("sudden", sentences)

    def _past(self, hit: Hit) -> bool:
        clause, sentence = self._text.clauses[hit.start], self._text.sentences[hit.start]
        earlier = {
            self._text.clauses[cue.start]
            for cue in self._cues.get("past", ())
            if self._text.sentences[cue.start] == sentence
        }
        if not any(other <= clause for other in earlier) or self._in_clause("now", clause):
            return False
        return clause in earlier or self._past_tense(hit, clause)

    def _in_clause(self, cue: str, clause: int) -> bool:
        return any(self._text.clauses[hit.start] == clause for hit in self._cues.get(cue, ()))

    def _past_tense(self, hit: Hit, clause: int) -> bool:
        for index in range(hit.start, len(self._text)):
            if self._text.clauses[index] != clause:
                break
            letter = self._text.exact[index]
            if "가" <= letter <= "힣" and (ord(letter) - ord("가")) % 28 == _LAST_SS and letter not in _PRESENT_SS:
                return True
        return False

    def _said(self, cue: str, sentences: Container[int]) -> bool:
        return any(self._text.sentences[hit.start] in sentences for hit in self._cues.get(cue, ()))

    def _supposed(self, hits: Sequence[Hit], sentences: set[int]) -> bool:
        conditional = self._follows("conditional", hits) and self._said("asking", sentences)
        return conditional or self._follows("worry", hits)

    def _follows(self, cue: str, hits: Sequence[Hit]) -> bool:
        return any(-1 <= word.start - hit.end <= _NEAR for word in self._cues.get(cue, ()) for hit in hits)


def _overlap(one: Hit, other: Hit) -> bool:
    return one.start < other.end and other.start < one.end


def _either(stems: Sequence[Stem]) -> str:
    literals = sorted({fold(stem.literal) for stem in stems}, key=len, reverse=True)
    return "|".join(map(re.escape, literals))
