"""Character n-grams of a text as hashes, and the table that turns known hashes into rows of a weight matrix.

White space and case are left out, so that "머리가아파요" and "머리가 아파요" read the same. A table may know the edges of
words beside them: how a word begins and ends, and short words as a whole. They tell 이 (tooth) from the particle 이.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

HashArray = np.ndarray[Any, np.dtype[np.uint32]]
IntArray = np.ndarray[Any, np.dtype[np.int64]]
Codes = np.ndarray[Any, np.dtype[np.uint64]]

_EDGES = np.arange(3)  # one less than how many letters at the beginning or the end of a word are read
_LONGEST_WORD = 8  # letters of a word that is read as a whole
_NOTHING = np.zeros(1, np.uint64)

# A polynomial hash over code points, modulo 2**64; the FNV prime is odd, so that it has an inverse there.
_MULTIPLIER = np.uint64(0x100000001B3)
_INVERSE = np.uint64(pow(int(_MULTIPLIER), -1, 1 << 64))
# Finalizer constants of splitmix64 (Steele, Lea and Flood 2014), which spread the hash over all of its bits.
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def ngram_hashes(text: str, shortest: int, longest: int, edges: bool = False) -> HashArray:
    """Returns the 32-bit hash of every n-gram of `text` with `shortest` to `longest` characters, with repeats.

    Shape (number of n-grams,), shorter n-grams first, each length in reading order; then, with `edges`, those of the
    edges of words.
    """
    hashes, _, _ = _read(text, shortest, longest, edges)
    return hashes


def _read(text: str, shortest: int, longest: int, edges: bool) -> tuple[HashArray, IntArray, IntArray]:
    """Returns the hash of each n-gram of `text`, and the places there of its first and its last letter."""
    words = text.split()
    # The letters, and behind them the words between spaces: edges are n-grams of the second half.
    rolling = _Rolling(_lower("".join(words) + (f" {' '.join(words)} " if edges else "")))
    places = np.array([place for place, character in enumerate(text) if not character.isspace()], np.int64)
    lengths = np.arange(shortest, longest + 1)
    row, first = (np.add.outer(lengths, np.arange(len(places))) <= len(places)).nonzero()
    size = lengths[row]
    hashes = _mix(rolling.hashes(first, size) + size.astype(np.uint64))
    if not edges:
        return hashes, places[first], places[first + size - 1]
    values, start, length = _edges(rolling, words)
    first, size = np.concatenate([first, start]), np.concatenate([size, length])
    return np.concatenate([hashes, _mix(values)]), places[first], places[first + size - 1]


def _edges(rolling: _Rolling, words: Sequence[str]) -> tuple[Codes, IntArray, IntArray]:
    """Returns value, first letter and size of short words as a whole, then of the first letters of words, then of the
    last ones."""
    sizes = np.fromiter(map(len, words), np.int64, len(words))
    ends = sizes.cumsum()
    starts = ends - sizes
    short = (sizes <= _LONGEST_WORD).nonzero()[0]
    word, row = (sizes[:, None] > _EDGES).nonzero()
    size = row + 1
    before, after = np.repeat([[1, 1, 0], [1, 0, 1]], [len(short), len(word), len(word)], axis=1)  # spaces of each kind
    first = np.concatenate([starts[short], starts[word], ends[word] - size])
    size = np.concatenate([sizes[short], size, size])
    word = np.concatenate([short, word, word])
    place = sizes.sum() + first + word + 1  # of the first letter among the words between spaces
    return rolling.hashes(place - before, size + before + after), first, size


class _Rolling:
    """The polynomial hashes of any stretches of one text, a few steps for all of them."""

    def __init__(self, text: str) -> None:
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
        self._powers = _powers(_MULTIPLIER, len(codes))
        self._sums = np.concatenate([_NOTHING, (codes * _powers(_INVERSE, len(codes))).cumsum()])

    def hashes(self, start: IntArray, size: IntArray) -> Codes:
        """Returns for the `size` letters from each `start` the sum of code point * multiplier ** letters after it."""
        end = start + size
        values: Codes = (self._sums[end] - self._sums[start]) * self._powers[end - 1]
        return values


def _powers(base: np.uint64, count: int) -> Codes:
    powers = np.full(count, base)
    powers[:1] = 1
    return np.multiply.accumulate(powers, out=powers)


def _lower(text: str) -> str:
    """Returns `text` in lower case, each character of it one code point."""
    lowered = text.lower()
    if len(lowered) == len(text) and "\u03a3" not in text:  # Σ has another lower case at the end of a word
        return lowered
    return "".join(character.lower()[0] for character in text)


def _mix(values: np.ndarray[Any, np.dtype[np.uint64]]) -> HashArray:
    values = (values ^ (values >> np.uint64(30))) * _MIX_1
    values = (values ^ (values >> np.uint64(27))) * _MIX_2
    return (values >> np.uint64(32)).astype(np.uint32)


class Located(NamedTuple):
    """Where the known n-grams of a text stand: `rows` of the table, from 1, and the `first` and `last` character of each.

    Three arrays (occurrences,) int64; the characters are positions in the text, white space counted.
    """

    rows: IntArray
    first: IntArray
    last: IntArray


@dataclass(frozen=True)
class NgramTable:
    """The n-grams that a model knows: `hashes` (rows,) uint32 in ascending order; row i + 1 is the weight row of hash i."""

    hashes: HashArray
    shortest: int
    longest: int
    edges: bool = False

    def encode(self, text: str) -> tuple[IntArray, np.ndarray[Any, np.dtype[np.float32]]]:
        """Returns the rows (from 1; 0 is padding) of the known n-grams of `text`, and their weights.

        Both (distinct known n-grams,), int64 and float32; a weight is 1 + ln(count), over the Euclidean norm of all.
        """
        return weigh(self.locate(text).rows)

    def locate(self, text: str) -> Located:
        """Returns where the known n-grams of `text` stand."""
        hashes, first, last = _read(text, self.shortest, self.longest, self.edges)
        places = np.searchsorted(self.hashes, hashes).clip(max=len(self.hashes) - 1)
        known = self.hashes[places] == hashes
        return Located(places[known] + 1, first[known], last[known])


def weigh(rows: IntArray) -> tuple[IntArray, np.ndarray[Any, np.dtype[np.float32]]]:
    """Returns what `NgramTable.encode` does for a text whose known n-grams are `rows`, one for each occurrence."""
    distinct, counts = np.unique(rows, return_counts=True)
    weights = 1 + np.log(counts)
    norm = np.sqrt((weights**2).sum()) or 1.0
    return distinct, (weights / norm).astype(np.float32)
