"""Puts the sentences of a text to the model one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from carepick.engine.ngrams import Located
from carepick.engine.sentences import SentenceHead
from carepick.text.sentences import split_sentences


@dataclass(frozen=True, slots=True)
class JudgedSentence:
    """The sentence from `start` to `end` of a normalized text, and a model's probabilities of how urgent it is alone."""

    start: int
    end: int
    learned: Mapping[str, float]


def judge_sentences(
    text: str, head: SentenceHead, least: int = 2, located: Located | None = None
) -> tuple[JudgedSentence, ...]:
    """Returns what `head` makes of each sentence of the normalized `text`; nothing when it has fewer than `least`.

    `located`: where the n-grams of the head's table stand in the text, if that is known.
    """
    sentences = split_sentences(text)
    if len(sentences) < least:
        return ()
    likely = head.probabilities(text, sentences, located).tolist()
    return tuple(
        JudgedSentence(start, end, dict(zip(head.labels, row, strict=True)))
        for (start, end), row in zip(sentences, likely, strict=True)
    )
