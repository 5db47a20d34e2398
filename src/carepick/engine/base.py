"""What an engine is: it encodes a text into windows and turns windows into logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from carepick.engine.manifest import Manifest
from carepick.engine.ngrams import Located
from carepick.engine.sentences import SentenceHead

FloatArray = np.ndarray[Any, np.dtype[np.float32]]
IntArray = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Window:
    """One row of a forward pass: the token ids of a window, and the n-grams of the whole text it belongs to.

    `input_ids`: (tokens,) int64 with the special tokens; `token_spans`: (tokens, 2) int64, the half-open range of each
    token in the normalized text, (0, 0) for special tokens; `ngram_ids`: (n,) int64 rows of the n-gram table;
    `ngram_values`: (n,) float32; both empty for bundles without an n-gram branch.
    """

    input_ids: IntArray
    token_spans: IntArray
    ngram_ids: IntArray
    ngram_values: FloatArray


@dataclass(frozen=True, slots=True)
class EncodedText:
    """A normalized text as the model reads it.

    `windows`: at least one, overlapping, in reading order; `truncated`: whether words after the last window were left
    unread because the text needs more than the most windows allowed; `letters`: how many it has (`scores.count_letters`);
    `ngrams`: where those that the bundle's table knows stand in it, None for bundles without an n-gram branch.
    """

    windows: tuple[Window, ...]
    truncated: bool
    letters: int
    ngrams: Located | None = None

    @property
    def tokens(self) -> int:
        """The number of tokens over all windows, without padding."""
        return sum(len(window.input_ids) for window in self.windows)


class Engine(Protocol):
    """A loaded model. Safe to call from several threads."""

    @property
    def manifest(self) -> Manifest:
        """What the bundle says about itself."""
        ...

    def encode(self, text: str) -> EncodedText:
        """Returns `text` (normalized, not empty) split into windows."""
        ...

    @property
    def sentences(self) -> SentenceHead | None:
        """What judges sentences alone, for bundles that have it; by the n-grams of the same table."""
        ...

    def run(self, windows: Sequence[Window], outputs: Sequence[str]) -> dict[str, FloatArray]:
        """Returns for each named output an array with one row a window.

        Output `HEAD` is (windows, classes) logits before temperature; output `HEAD.tokens` is
        (windows, longest, classes), what each token adds to the logits of its window, and `HEAD.ngrams`, for bundles with
        an n-gram branch, (windows, longest, classes), what each n-gram adds.
        """
        ...
