"""Cuts a text into sentences of a size that can be judged alone; people end them with an ending as often as a mark."""

from __future__ import annotations

import random
import re

_END = re.compile(r"(?<=[.!?~\n])\s+|(?<=[요다죠까음함임])\s+(?=\S)")
_LEAST, _MOST = 15, 60  # letters


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Returns the half-open ranges of the sentences of `text`, in order, white space between them left out.

    Very short ones are joined to their neighbours, very long ones cut between words.
    """
    sentences: list[tuple[int, int]] = []
    for start, end in _between_ends(text):
        while end - start > _MOST:
            cut = text.rfind(" ", start + _LEAST, start + _MOST)
            cut = cut if cut > 0 else start + _MOST
            sentences.append((start, cut))
            start = cut + (text[cut] == " ")
        if sentences and _joined(sentences[-1], start, end):
            start = sentences.pop()[0]
        if start < end:
            sentences.append((start, end))
    return sentences


def put_into(story: str, text: str, rng: random.Random) -> tuple[str, int]:
    """Returns `story` with `text` between two of its sentences, or at an end, and where `text` starts in it."""
    place = rng.choice([*(start for start, _ in split_sentences(story)), len(story)])
    before, after = story[:place].rstrip(), story[place:].strip()
    start = len(before) + 1 if before else 0
    return " ".join(part for part in (before, text, after) if part), start


def _between_ends(text: str) -> list[tuple[int, int]]:
    ends = [(match.start(), match.end()) for match in _END.finditer(text)]
    starts = [0, *(end for _, end in ends)]
    stops = [*(start for start, _ in ends), len(text)]
    return [(start, stop) for start, stop in zip(starts, stops, strict=True) if start < stop]


def _joined(before: tuple[int, int], start: int, end: int) -> bool:
    short = min(before[1] - before[0], end - start) < _LEAST
    return short and end - before[0] <= _MOST
