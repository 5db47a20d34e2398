"""Character n-grams of a text as hashes, and the table that turns known hashes into rows of a weight matrix.

White space and case are left out, so that "머리가아파요" and "머리가 아파요" read the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

HashArray = np.ndarray[Any, np.dtype[np.uint32]]
IntArray = np.ndarray[Any, np.dtype[np.int64]]

_MULTIPLIER = np.uint64(0x100000001B3)  # the FNV prime: a polynomial hash over code points, modulo 2**64
# Finalizer constants of splitmix64 (Steele, Lea and Flood 2014), which spread the hash over all of its bits.
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def ngram_hashes(text: str, shortest: int, longest: int) -> HashArray:
    """Returns the 32-bit hash of every n-gram of `text` with `shortest` to `longest` characters, with repeats.

    Shape (number of n-grams,), shorter n-grams first, each length in reading order.
    """
    letters = _letters(text)
    codes = np.frombuffer(letters.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    hashes = []
    rolling = np.zeros(len(codes) + 1, np.uint64)
    for length in range(1, longest + 1):
        if len(codes) < length:
            break
        rolling = rolling[: len(codes) - length + 1] * _MULTIPLIER + codes[length - 1 :]
        if length >= shortest:
            hashes.append(_mix(rolling + np.uint64(length)))
    return np.concatenate(hashes) if hashes else np.zeros(0, np.uint32)


def _letters(text: str) -> str:
    """Returns the characters of `text` that n-grams are made of, each of them in lower case and one code point."""
    letters = "".join(text.split())
    lowered = letters.lower()
    if len(lowered) == len(letters) and "\u03a3" not in letters:  # Σ has another lower case at the end of a word
        return lowered
    return "".join(character.lower()[0] for character in letters)


def _mix(values: np.ndarray[Any, np.dtype[np.uint64]]) -> HashArray:
    values = (values ^ (values >> np.uint64(30))) * _MIX_1
    values = (values ^ (values >> np.uint64(27))) * _MIX_2
    return (values >> np.uint64(32)).astype(np.uint32)


@dataclass(frozen=True)
class NgramTable:
    """The n-grams that a model knows: `hashes` (rows,) uint32 in ascending order; row i + 1 is the weight row of hash i."""

    hashes: HashArray
    shortest: int
    longest: int

    def encode(self, text: str) -> tuple[IntArray, np.ndarray[Any, np.dtype[np.float32]]]:
        """Returns the rows (from 1; 0 is padding) of the known n-grams of `text`, and their weights.

        Both (distinct known n-grams,), int64 and float32; a weight is 1 + ln(count), over the Euclidean norm of all.
        """
        found, counts = np.unique(ngram_hashes(text, self.shortest, self.longest), return_counts=True)
        rows = np.searchsorted(self.hashes, found).clip(max=len(self.hashes) - 1)
        known = self.hashes[rows] == found
        weights = 1 + np.log(counts[known])
        norm = np.sqrt((weights**2).sum()) or 1.0
        return (rows[known] + 1).astype(np.int64), (weights / norm).astype(np.float32)

    def locate(self, text: str) -> tuple[IntArray, IntArray, IntArray]:
        """Returns where the known n-grams of `text` stand: rows as `encode` numbers them, first and last character.

        Three arrays (occurrences,) int64; the characters are positions in `text`, white space counted.
        """
        hashes = ngram_hashes(text, self.shortest, self.longest)
        places = np.array([place for place, character in enumerate(text) if not character.isspace()], np.int64)
        lengths = [length for length in range(self.shortest, self.longest + 1) if length <= len(places)]
        first = np.concatenate([np.arange(len(places) - length + 1) for length in lengths] or [np.zeros(0, np.int64)])
        size = np.concatenate(
            [np.full(len(places) - length + 1, length) for length in lengths] or [np.zeros(0, np.int64)]
        )
        rows = np.searchsorted(self.hashes, hashes).clip(max=len(self.hashes) - 1)
        known = self.hashes[rows] == hashes
        return rows[known] + 1, places[first[known]], places[first[known] + size[known] - 1]
