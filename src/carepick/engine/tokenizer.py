"""Splits a text into tokens, and long texts into overlapping windows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from weakref import WeakValueDictionary

import numpy as np
from tokenizers import Tokenizer

from carepick.engine.base import EncodedText, FloatArray, IntArray, Window
from carepick.engine.bundle import Bundle
from carepick.engine.manifest import MANIFEST_NAME
from carepick.engine.ngrams import weigh
from carepick.engine.scores import count_letters
from carepick.errors import BundleError

_NO_IDS = np.zeros(0, np.int64)
_NO_VALUES = np.zeros(0, np.float32)


class WindowTokenizer:
    """Encodes texts for one bundle. Safe to call from several threads."""

    def __init__(self, bundle: Bundle, max_windows: int) -> None:
        """`max_windows`: how many windows of one text are read at most. Raises `BundleError` for a bad tokenizer."""
        self._shared = _shared_tokenizer(bundle)
        self._tokenizer = self._shared.tokenizer
        self._ngrams = bundle.ngrams
        special = self._tokenizer.num_special_tokens_to_add(False)
        self._inner = bundle.manifest.max_tokens - special
        self._step = self._inner - bundle.manifest.overlap_tokens
        self._max_windows = max_windows
        if not special:
            raise BundleError(f"{bundle.tokenizer.name} adds no special tokens: some texts would have no token at all")
        if self._step < 1:
            raise BundleError(
                f"{MANIFEST_NAME}: overlap_tokens must leave room for text between {special} special tokens"
            )

    def encode(self, text: str) -> EncodedText:
        """Returns `text` (normalized, not empty) as windows; see `engine.base.EncodedText`."""
        encoding = self._tokenizer.encode(text)
        ids = np.array(encoding.ids, np.int64)
        special = np.array(encoding.special_tokens_mask, bool)
        spans = np.fromiter(chain.from_iterable(encoding.offsets), np.int64, 2 * len(ids)).reshape(-1, 2)
        spans[special] = 0
        located = self._ngrams.locate(text) if self._ngrams else None
        ngrams = weigh(located.rows) if located else (_NO_IDS, _NO_VALUES)
        if len(ids) - np.count_nonzero(special) <= self._inner:
            return EncodedText((Window(ids, spans, *ngrams),), False, count_letters(text), located)
        rows, truncated = self._windows(special)
        windows = tuple(Window(ids[row], spans[row], *ngrams) for row in rows)
        return EncodedText(windows, truncated, count_letters(text), located)

    def _windows(self, special: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> tuple[list[IntArray], bool]:
        """Returns the places of each window's tokens, special ones included, and whether some were left unread."""
        body = np.flatnonzero(~special)
        before, after = np.arange(body[0]), np.arange(body[-1] + 1, len(special))
        starts = range(0, len(body) - self._inner + self._step, self._step)
        kept = starts[: self._max_windows]
        windows = [np.concatenate([before, body[start : start + self._inner], after]) for start in kept]
        return windows, len(kept) < len(starts)


def pad(windows: Sequence[Window], pad_id: int) -> tuple[IntArray, IntArray]:
    """Returns the ids of `windows` as one (windows, longest) int64 array filled with `pad_id`, and its 0/1 mask."""
    longest = max(len(window.input_ids) for window in windows)
    ids = np.full((len(windows), longest), pad_id, np.int64)
    mask = np.zeros((len(windows), longest), np.int64)
    for row, window in enumerate(windows):
        ids[row, : len(window.input_ids)] = window.input_ids
        mask[row, : len(window.input_ids)] = 1
    return ids, mask


def pad_ngrams(windows: Sequence[Window]) -> tuple[IntArray, FloatArray]:
    """Returns the n-gram rows and weights of `windows` as two (windows, most n-grams) arrays, padded with row 0."""
    most = max(1, max(len(window.ngram_ids) for window in windows))
    ids, values = np.zeros((len(windows), most), np.int64), np.zeros((len(windows), most), np.float32)
    for row, window in enumerate(windows):
        ids[row, : len(window.ngram_ids)] = window.ngram_ids
        values[row, : len(window.ngram_ids)] = window.ngram_values
    return ids, values


class _Shared:
    """A tokenizer that all bundles with the same file use, as the two of one base do: it takes megabytes.

    Wrapped because releases before 0.23 of the library make tokenizers that nothing can refer to weakly.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer


_IN_USE: WeakValueDictionary[str, _Shared] = WeakValueDictionary()  # by the checksum of the file


def _shared_tokenizer(bundle: Bundle) -> _Shared:
    checksum = bundle.manifest.files[bundle.tokenizer.name]
    shared = _IN_USE.get(checksum)
    if shared is None:
        shared = _IN_USE[checksum] = _Shared(_read_tokenizer(bundle))
    return shared


def _read_tokenizer(bundle: Bundle) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(bundle.tokenizer))
    except Exception as error:  # the library raises plain Exception
        raise BundleError(f"{bundle.tokenizer.name} cannot be read by the tokenizers library: {error}") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    _remember_nothing(tokenizer)
    return tokenizer


def _remember_nothing(tokenizer: Tokenizer) -> None:
    """Switches off the cache in which the library keeps words of the texts that it has read, for as long as it lives.

    It saves 20 microseconds a text; words that a patient typed must not outlive their request.
    """
    if hasattr(tokenizer.model, "_resize_cache"):  # WordPiece has no cache
        tokenizer.model._resize_cache(0)
