"""What the words around a complaint make of it: denied, past, asked about in general, meant otherwise, of long standing.

The words are data (context.json); how they work together is here:

- denied: 열은 없고, 열이나 기침은 없고, 아프지 않아요, 안 아파요; but not 없어지지 않아요, 괜찮을까요, 입 안 물집
- past: all of it lies in clauses that say so (3년 전, 작년에), or in the past tense after one of the sentence that does;
  a word of the present in its clause (지금, 오늘) keeps it
- in general: the sentence asks about a topic (전조증상이 뭔가요), or supposes (의식을 잃으면 어떻게 하나요) or fears
  (마비가 올까 봐), without a word of the present
- otherwise: it overlaps an idiom (숨막히게 더워요)
- occasional or mild: its sentence says so (가끔, 살짝) without a word of the present
- of long standing: its sentence or an earlier one says so (몇 달 전부터), and its own neither now nor suddenly
- resolved: the same sentence or a later one says that all is well (지금은 괜찮아요), and not the opposite (안 멎었어요)
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
_LISTED = re.compile(r"(?:거나|이?나|과|와|이?랑|하고|및|또는|도|은|는|이며|지도)?")
_NOT = "안못"
_AFTER_A_NOUN = "이은을를과의"  # and not 가, as in 안 돌아가
_NOUNS_END = "증통혈집염침물종진열"  # 통증, 두통, 출혈, 물집 ...


class Grammar:
    """The expressions that denial is read with; made once from the cues."""

    def __init__(self, cues: Mapping[str, Sequence[Stem]]) -> None:
        """`cues`: stems by the names in `CUES` of the red flags."""
        filler, denial = _either(cues["denial_filler"]), _either(cues["denial"])
        self.after = re.compile(rf"(?:{filler}){{0,5}}({denial})")
        self.exact = {fold(stem.literal): stem.literal for stem in cues["denial"] if stem.exact}
        self.no_denial = re.compile(_either(cues["no_denial"]))
        self.gone = re.compile(_either(cues["gone"]))
        self.relief = tuple(fold(stem.literal) for stem in cues["relief"])
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
        self._grammar = grammar
        self._cues = {
            **cues,
            "idiom": [hit for hit in cues.get("idiom", ()) if not self._goes_on(hit)],
            "resolved": [hit for hit in cues.get("resolved", ()) if not self._opposite(hit)],
        }
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

    def _own_denial(self, hit: Hit, or_gone: bool = False) -> Hit | None:
        folded = self._text.folded
        after = self._after(hit, or_gone) or self._grammar.neither.match(folded, hit.end)
        within = after or self._grammar.within.match(folded, hit.end)
        if within and (after or not any(self._text.spaced[hit.end : within.start(1) + 1])):
            awaited = within.start(1) == hit.end and folded[hit.end - 1] == "지"  # as 가라앉지 awaits its 않아요
            stays = not after and folded[: within.start(1)].endswith(self._grammar.relief)  # 코피가멈추지않아요
            return None if awaited or stays else Hit(*within.span(1))
        before = self._grammar.before.search(folded, max(0, hit.start - 4), hit.start)
        if not before or not self._text.starts[before.start()] or (before.group() in _NOT and self._nominal(hit)):
            return None
        return Hit(*before.span(1))

    def _after(self, hit: Hit, or_gone: bool) -> re.Match[str] | None:
        """Returns where the words after `hit` say that it is absent, if they do: not 업무 for 없, nor 괜찮을까요.

        `or_gone`: or has gone away (없어졌어요), which is good of a symptom and bad of feeling, strength or movement.
        """
        folded = self._text.folded
        found = self._grammar.after.match(folded, hit.end)
        if not found:
            return None
        if self._grammar.no_denial.match(folded, found.start(1)):
            return found if or_gone and self._grammar.gone.match(folded, found.start(1)) else None
        spelled = self._grammar.exact.get(found.group(1), "")
        return found if self._text.exact.startswith(spelled, found.start(1)) else None

    def _nominal(self, hit: Hit) -> bool:
        """Whether `hit` stands as a noun, which 안 never denies: 입 안 물집이 is the inside of a mouth."""
        exact = self._text.exact
        if hit.end == len(exact) or self._text.spaced[hit.end]:
            return exact[hit.end - 1] in _NOUNS_END
        return exact[hit.end] in _AFTER_A_NOUN

    def _denied_among(self, symptoms: Sequence[Hit]) -> dict[Hit, Hit]:
        """Returns those of `symptoms` that are denied, each with the word that denies it or the list it is in."""
        denied: dict[Hit, Hit] = {}
        last: Hit | None = None  # of those denied so far, from the end of the text
        for hit in reversed(symptoms):
            listed = (
                last
                and self._text.sentences[hit.start] == self._text.sentences[last.start]
                and _LISTED.fullmatch(self._text.folded, hit.end, max(hit.end, last.start))
            )
            word = self._own_denial(hit, or_gone=True) or (denied[last] if last and listed else None)
            if word:
                denied[hit], last = word, hit
        return dict(reversed(denied.items()))

    def idiomatic(self, hit: Hit) -> bool:
        """Returns whether `hit` is part of an idiom."""
        return any(_overlap(hit, idiom) for idiom in self._cues["idiom"])

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
        begun = min(hits).start
        if any(cue.start > begun and not any(_overlap(cue, hit) for hit in hits) for cue in self._cues["resolved"]):
            return True
        return not self._said("now", sentences) and (self._said("sometimes", sentences) or self._lasting(sentences))

    def _goes_on(self, idiom: Hit) -> bool:
        """Whether the denial with which `idiom` ends goes on to mean something else: 죽고 싶은 생각이 없어지지 않아요."""
        return bool(self._grammar.no_denial.match(self._text.folded, idiom.end - 1))

    def _opposite(self, cue: Hit) -> bool:
        """Whether a word beside `cue` turns it into the opposite: 안 멎었어요, 괜찮아지지 않아요."""
        before = cue.start - 1
        denied = before >= 0 and self._text.exact[before] in _NOT and self._text.starts[before]
        return denied or self._text.folded.startswith("지안", cue.end)

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
