"""Which words spoke for and against an answer.

The heads are linear in the mean of the tokens' states and in the n-grams, so the logits are exactly the sum of what
each token and each n-gram adds: one forward pass explains itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from carepick.engine.base import FloatArray, IntArray, Window
from carepick.records import Evidence, Span
from carepick.text.normalize import NormalizedText

_WORD = re.compile(r"\S+")
_LEAST_SHARE = 0.05  # words that carry less than this share of the strongest word's weight are left out


@dataclass(frozen=True, slots=True)
class Contributions:
    """What each character of a normalized text adds to the logits of one head: (characters, classes)."""

    by_character: FloatArray


def contributions(
    text: NormalizedText,
    windows: Sequence[Window],
    outputs: Mapping[str, FloatArray],
    head: str,
    located: tuple[IntArray, IntArray, IntArray] | None,
) -> Contributions:
    """Returns what each character of `text` adds to the logits of `head`.

    `outputs`: `HEAD.tokens` and, with an n-gram branch, `HEAD.ngrams`, a row for each of `windows`; `located`: rows, first
    and last characters of the text's n-grams (`NgramTable.locate`). A token's or n-gram's part is shared out evenly
    among its characters.
    """
    tokens = outputs[f"{head}.tokens"]
    added = np.zeros((len(text.text), tokens.shape[2]), np.float32)
    total = sum(len(window.input_ids) for window in windows)
    for row, window in enumerate(windows):
        first, end = window.token_spans.T
        read = end > first  # special tokens stand nowhere
        values = tokens[row, : len(first)][read] * (len(first) / total)
        _share_out(added, first[read], end[read], values / (end - first)[read, None])
    if located is not None and f"{head}.ngrams" in outputs:
        _add_ngrams(added, windows[0], outputs[f"{head}.ngrams"][0], located)
    return Contributions(added)


def _add_ngrams(
    added: FloatArray, window: Window, values: FloatArray, located: tuple[IntArray, IntArray, IntArray]
) -> None:
    rows, first, last = located
    order = np.argsort(window.ngram_ids)
    places = order[np.searchsorted(window.ngram_ids, rows, sorter=order)]
    occurrences = np.bincount(places, minlength=len(window.ngram_ids))
    width = (last - first + 1) * occurrences[places]
    _share_out(added, first, last + 1, values[places] / width[:, None])


def _share_out(added: FloatArray, first: IntArray, end: IntArray, values: FloatArray) -> None:
    """Adds each row of `values` to the characters from its `first` to before its `end`."""
    if not len(first):
        return
    steps = np.zeros((len(added) + 1, added.shape[1]))  # float64: what begins and ends cancels out
    for places, sign in ((first, 1), (end, -1)):
        order = np.argsort(places, kind="stable")
        found, begins = np.unique(places[order], return_index=True)
        steps[found] += sign * np.add.reduceat(values[order], begins, axis=0, dtype=np.float64)
    added += np.cumsum(steps[:-1], axis=0)


def explain(
    text: NormalizedText, added: Contributions, probabilities: FloatArray, label: int, temperature: float, most: int = 6
) -> tuple[Evidence, ...]:
    """Returns the at most `most` words that moved class `label` most, strongest first, in log-odds.

    `probabilities` (classes,): the weight of a word is what it adds to the label's logit beyond what it adds on average
    to the labels that compete, each by its probability.
    """
    rivals = probabilities.copy()
    rivals[label] = 0
    rivals /= max(float(rivals.sum()), 1e-9)
    margin = (added.by_character[:, label] - added.by_character @ rivals) / temperature
    until = np.concatenate([[0.0], np.cumsum(margin, dtype=np.float64)])
    words = [match.span() for match in _WORD.finditer(text.text)]
    weights = [round(float(until[end] - until[start]), 4) for start, end in words]
    strongest = sorted(range(len(words)), key=lambda place: -abs(weights[place]))[:most]
    return tuple(
        Evidence(Span(*text.span(*words[place])), weights[place])
        for place in strongest
        if abs(weights[place]) >= _LEAST_SHARE * abs(weights[strongest[0]])
    )
