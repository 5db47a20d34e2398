"""Character n-grams of a text as hashes, and the table that turns known hashes into rows of a weight matrix.

White space and case are left out, so that "머리가아파요" and "머리가 아파요" read the same. A table may know the edges of
words beside them: how a word begins and ends, and short words as a whole. They tell 이 (tooth) from the particle 이.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

HashArray = np.ndarray[Any, np.dtype[np.uint32]]
IntArray = np.ndarray[Any, np.dtype[np.int64]]
Codes = np.ndarray[Any, np.dtype[np.uint64]]
Part = tuple[HashArray, IntArray, int]  # hashes and first letters of n-grams, and how many letters each of them has

_LONGEST_EDGE = 3  # letters at the beginning or the end of a word
_LONGEST_WORD = 8  # letters of a word that is read as a whole
_SPACE = np.uint64(0x20)  # no letter: white space is left out

_MULTIPLIER = np.uint64(0x100000001B3)  # the FNV prime: a polynomial hash over code points, modulo 2**64
# Finalizer constants of splitmix64 (Steele, Lea and Flood 2014), which spread the hash over all of its bits.
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def ngram_hashes(text: str, shortest: int, longest: int, edges: bool = False) -> HashArray:
    """Returns the 32-bit hash of every n-gram of `text` with `shortest` to `longest` characters, with repeats.

    Shape (number of n-grams,), shorter n-grams first, each length in reading order; then, with `edges`, those of the
    edges of words.
    """
    parts, _ = _read(text, shortest, longest, edges)
    return np.concatenate([hashes for hashes, _, _ in parts]) if parts else np.zeros(0, np.uint32)


def _read(text: str, shortest: int, longest: int, edges: bool) -> tuple[list[Part], IntArray]:
    """Returns the n-grams of `text`, part by part, and the place in `text` of each of its letters."""
    letters = _letters(text)
    codes = np.frombuffer(letters.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    places = np.array([place for place, character in enumerate(text) if not character.isspace()], np.int64)
    rolled = _roll(codes, max(longest, _LONGEST_WORD if edges else 0))
    parts = [
        (_mix(rolled[length] + np.uint64(length)), np.arange(len(codes) - length + 1), length)
        for length in range(shortest, longest + 1)
        if length <= len(codes)
    ]
    if edges and len(codes):
        parts += _edge_parts(rolled, places)
    return parts, places


def _roll(codes: Codes, longest: int) -> list[Codes]:
    """Returns for each length up to `longest` the polynomial hash of the n-grams that begin at each letter."""
    rolled = [np.zeros(len(codes) + 1, np.uint64)]
    for length in range(1, min(longest, len(codes)) + 1):
        rolled.append(rolled[-1][: len(codes) - length + 1] * _MULTIPLIER + codes[length - 1 :])
    return rolled


def _edge_parts(rolled: list[Codes], places: IntArray) -> list[Part]:
    """Returns hashes, first letters and length of the first and last letters of words, and of short words as a whole."""
    breaks = np.flatnonzero(np.diff(places) > 1) + 1
    starts, ends = np.concatenate([[0], breaks]), np.concatenate([breaks, [len(places)]])
    parts = []
    for length in range(1, min(_LONGEST_WORD, len(rolled) - 1) + 1):
        power = np.uint64(int(_SPACE) * pow(int(_MULTIPLIER), length, 1 << 64) % (1 << 64))
        whole = starts[ends - starts == length]
        parts.append((_mix((rolled[length][whole] + power) * _MULTIPLIER + _SPACE), whole, length))
        if length <= _LONGEST_EDGE:
            begin, finish = starts[ends - starts >= length], ends[ends - starts >= length] - length
            parts.append((_mix(rolled[length][begin] + power), begin, length))
            parts.append((_mix(rolled[length][finish] * _MULTIPLIER + _SPACE), finish, length))
    return parts


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
    edges: bool = False

    def encode(self, text: str) -> tuple[IntArray, np.ndarray[Any, np.dtype[np.float32]]]:
        """Returns the rows (from 1; 0 is padding) of the known n-grams of `text`, and their weights.

        Both (distinct known n-grams,), int64 and float32; a weight is 1 + ln(count), over the Euclidean norm of all.
        """
        found, counts = np.unique(ngram_hashes(text, self.shortest, self.longest, self.edges), return_counts=True)
        rows = np.searchsorted(self.hashes, found).clip(max=len(self.hashes) - 1)
        known = self.hashes[rows] == found
        weights = 1 + np.log(counts[known])
        norm = np.sqrt((weights**2).sum()) or 1.0
        return (rows[known] + 1).astype(np.int64), (weights / norm).astype(np.float32)

    def locate(self, text: str) -> tuple[IntArray, IntArray, IntArray]:
        """Returns where the known n-grams of `text` stand: rows as `encode` numbers them, first and last character.

        Three arrays (occurrences,) int64; the characters are positions in `text`, white space counted.
        """
        parts, places = _read(text, self.shortest, self.longest, self.edges)
        if not parts:
            return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
        hashes, first = (np.concatenate([part[column] for part in parts]) for column in (0, 1))
        size = np.repeat([length for _, _, length in parts], [len(hashed) for hashed, _, _ in parts])
        rows = np.searchsorted(self.hashes, hashes).clip(max=len(self.hashes) - 1)
        known = self.hashes[rows] == hashes
        return rows[known] + 1, places[first[known]], places[first[known] + size[known] - 1]
