"""What the words around a complaint make of it: denied, past, asked about in general, meant otherwise, of long standing.

The words are data (context.json); how they work together is here:

- denied: 열은 없고, 열이나 기침은 없고, 아프지 않아요, 안 아파요
- past: its clause says so (3년 전, 작년에), or an earlier one of the sentence and this one is in the past tense;
  a word of the present in its clause (지금, 오늘) keeps it
- in general: the sentence asks about a topic (전조증상이 뭔가요), or supposes (의식을 잃으면 어떻게 하나요) or fears
  (마비가 올까 봐), without a word of the present
- otherwise: it overlaps an idiom (숨막히게 더워요)
- occasional or mild: its sentence says so (가끔, 살짝) without a word of the present
- of long standing: its sentence or an earlier one says so (몇 달 전부터), and its own neither now nor suddenly
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
_LISTED = re.compile(r"(?:이?나|과|와|이?랑|하고|및|또는|도|이며|지도)?")


class Grammar:
    """The expressions that denial is read with; made once from the cues."""

    def __init__(self, cues: Mapping[str, Sequence[Stem]]) -> None:
        """`cues`: stems by the names in `CUES` of the red flags."""
        filler, denial = _either(cues["denial_filler"]), _either(cues["denial"])
        self.after = re.compile(rf"(?:{filler}){{0,5}}(?:{denial})")
        self.before = re.compile(rf"(?:{_either(cues['denial_before'])})$")
        self.neither = re.compile(r"지도.{1,12}지도(?:안|못)")


class Context:
    """The surroundings of what was found in one text."""

    def __init__(self, text: FoldedText, cues: Mapping[str, list[Hit]], grammar: Grammar) -> None:
        """`cues`: where each cue was found in `text`."""
        self._text = text
        self._cues = cues
        self._grammar = grammar

    def denied(self, hit: Hit) -> bool:
        """Returns whether what `hit` names is said to be absent."""
        folded = self._text.folded
        if self._grammar.after.match(folded, hit.end) or self._grammar.neither.match(folded, hit.end):
            return True
        before = self._grammar.before.search(folded, max(0, hit.start - 4), hit.start)
        return before is not None and self._text.starts[before.start()]

    def denied_among(self, hits: Sequence[Hit]) -> list[Hit]:
        """Returns those of `hits`, in order, that are denied, alone or as members of a denied list."""
        denied: list[Hit] = []
        for hit in reversed(hits):
            listed = denied and _LISTED.fullmatch(self._text.folded, hit.end, max(hit.end, denied[-1].start))
            if self.denied(hit) or listed:
                denied.append(hit)
        return denied[::-1]

    def idiomatic(self, hit: Hit) -> bool:
        """Returns whether `hit` is part of an idiom."""
        return any(idiom.start < hit.end and hit.start < idiom.end for idiom in self._cues.get("idiom", ()))

    def silenced(self, hits: Sequence[Hit], certain: bool) -> bool:
        """Returns whether the complaint made of `hits` is past, general or, unless `certain`, occasional or lasting."""
        if any(self._past(hit) for hit in hits):
            return True
        sentences = {self._text.sentences[hit.start] for hit in hits}
        if self._said("now", sentences):
            return False
        if self._said("topic", sentences) or self._supposed(hits, sentences):
            return True
        return not certain and (self._said("sometimes", sentences) or self._lasting(sentences))

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


def _either(stems: Sequence[Stem]) -> str:
    literals = sorted({fold(stem.literal) for stem in stems}, key=len, reverse=True)
    return "|".join(map(re.escape, literals))
