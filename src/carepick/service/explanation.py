"""Which words spoke for and against an answer.

The heads are linear in the mean of the tokens' states and in the n-grams, so the logits are exactly the sum of what
each token and each n-gram adds: one forward pass explains itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from carepick.engine.base import FloatArray, IntArray, Window
from carepick.engine.ngrams import Located
from carepick.records import Evidence, Span
from carepick.text.normalize import NormalizedText

DoubleArray = np.ndarray[Any, np.dtype[np.float64]]

_WORD = re.compile(r"\S+")
_DECIMALS = 4
_ROUNDING = 10.0**-_DECIMALS  # words whose weights differ by more than this keep their order when rounded
_LEAST_SHARE = 0.05  # words that carry less than this share of the strongest word's weight are left out


@dataclass(frozen=True, slots=True)
class Contributions:
    """What each character of a normalized text adds to the logits of one head: (characters, classes) float64."""

    by_character: DoubleArray


class Places:
    """Where the tokens, n-grams and words of a text stand, ready to share out among its characters what they add."""

    def __init__(self, text: NormalizedText, windows: Sequence[Window], located: Located | None) -> None:
        """`windows`: those of the model's pass; `located`: where the text's n-grams stand, None without an n-gram
        branch."""
        self._characters = len(text.text)
        self._tokens = [_Tokens(window, self._characters) for window in windows]
        self._ngrams = located and _Ngrams(windows[0], located, self._characters)
        self.words = [match.span() for match in _WORD.finditer(text.text)]

    def contributions(self, outputs: Mapping[str, FloatArray], head: str) -> Contributions:
        """Returns what each character adds to the logits of `head`.

        `outputs`: `HEAD.tokens` and, with an n-gram branch, `HEAD.ngrams`, a row for each window. A token's or n-gram's
        part is shared out evenly among its characters.
        """
        tokens = outputs[f"{head}.tokens"]
        added = np.zeros((self._characters, tokens.shape[2]), np.float32)
        total = sum(part.count for part in self._tokens)
        for part, values in zip(self._tokens, tokens, strict=True):
            part.share_out(added, values, part.count / total)
        if self._ngrams and f"{head}.ngrams" in outputs:
            self._ngrams.share_out(added, outputs[f"{head}.ngrams"][0])
        return Contributions(added.astype(np.float64))


class _Tokens:
    """The tokens of one window."""

    def __init__(self, window: Window, characters: int) -> None:
        first, end = window.token_spans.T
        self.count = len(first)
        self._read = end > first  # special tokens stand nowhere
        self._width = (end - first)[self._read, None]
        self._ranges = _Ranges(first[self._read], end[self._read], characters)

    def share_out(self, added: FloatArray, values: FloatArray, weight: float) -> None:
        self._ranges.share_out(added, values[: self.count][self._read] * weight / self._width)


class _Ngrams:
    """The n-grams of the whole text, each wherever it occurs."""

    def __init__(self, window: Window, located: Located, characters: int) -> None:
        rows, first, last = located
        order = np.argsort(window.ngram_ids)
        self._rows = order[np.searchsorted(window.ngram_ids, rows, sorter=order)]
        occurrences = np.bincount(self._rows, minlength=len(window.ngram_ids))
        self._width = ((last - first + 1) * occurrences[self._rows])[:, None]
        self._ranges = _Ranges(first, last + 1, characters)

    def share_out(self, added: FloatArray, values: FloatArray) -> None:
        self._ranges.share_out(added, values[self._rows] / self._width)


class _Ranges:
    """Ranges of characters, in any order, that may overlap."""

    def __init__(self, first: IntArray, end: IntArray, characters: int) -> None:
        self._edges = [(*_grouped(first), 1), (*_grouped(end), -1)] if len(first) else []
        self._characters = characters

    def share_out(self, added: FloatArray, values: DoubleArray) -> None:
        """Adds each row of `values` to the characters of its range."""
        steps = np.zeros((self._characters + 1, added.shape[1]))  # float64: what begins and ends cancels out
        for order, begins, found, sign in self._edges:
            steps[found] += sign * np.add.reduceat(values[order], begins, axis=0)
        added += np.cumsum(steps[:-1], axis=0)


def _grouped(places: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Returns the order that sorts `places`, where in it each different one begins, and the different ones."""
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    begins = np.flatnonzero(np.diff(ordered, prepend=-1))
    return order, begins, ordered[begins]


def explain(
    text: NormalizedText,
    words: Sequence[tuple[int, int]],
    added: Contributions,
    probabilities: FloatArray,
    label: int,
    temperature: float,
    most: int = 6,
) -> tuple[Evidence, ...]:
    """Returns the at most `most` of `words` that moved class `label` most, strongest first, in log-odds.

    `probabilities` (classes,): the weight of a word is what it adds to the label's logit beyond what it adds on average
    to the labels that compete, each by its probability.
    """
    rivals = probabilities.copy()
    rivals[label] = 0
    rivals /= max(float(rivals.sum()), 1e-9)
    margin = (added.by_character[:, label] - added.by_character @ rivals) / temperature
    strongest = _strongest(margin, words, most)
    return tuple(
        Evidence(Span(*text.span(*words[place])), weight)
        for place, weight in strongest
        if abs(weight) >= _LEAST_SHARE * abs(strongest[0][1])
    )


def _strongest(margin: DoubleArray, words: Sequence[tuple[int, int]], most: int) -> list[tuple[int, float]]:
    """Returns the places in `words` of the `most` words with the greatest sums over `margin`, and these, rounded."""
    until = np.concatenate([[0.0], np.cumsum(margin)])
    start, end = np.array(words, np.int64).reshape(-1, 2).T
    weights = until[end] - until[start]
    sizes = np.abs(weights)
    least = np.partition(sizes, -most)[-most] - _ROUNDING if len(sizes) > most else 0.0
    likely = [(int(place), round(float(weights[place]), _DECIMALS)) for place in np.flatnonzero(sizes >= least)]
    return sorted(likely, key=lambda each: -abs(each[1]))[:most]
