"""Finds texts that say nearly the same, letter for letter, as an earlier one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from datasketch import MinHash, MinHashLSH

from carepick.engine.ngrams import ngram_hashes
from carepick.text.normalize import normalize

SIMILARITY = 0.8  # Jaccard, over sets of letter triples

_LETTERS = 3
_PERMUTATIONS = 64
_SEED = 1
_HIGHEST_PROPOSED = 0.95  # beyond it no bands fit the permutations
_MISSES_WEIGH_MORE = (0.1, 0.9)  # a false proposal costs one exact comparison, a missed one a duplicate


def near_duplicates(
    texts: Sequence[str], similarity: float = SIMILARITY, kept_first: int = 0,
    progress: Callable[[int], None] | None = None,
) -> dict[int, int]:  # fmt: skip
    """Returns for each text that repeats an earlier one: its position -> the position of the earlier one.

    Two texts repeat each other when the sets of their letter triples, white space and case aside, have a Jaccard index
    of at least `similarity` (0..1). A text that repeats one is itself not compared with later ones. The first
    `kept_first` texts never count as repeats. MinHash with locality-sensitive hashing (Broder 1997) proposes, and the
    exact index decides; a rare pair near the threshold may be missed. `progress` is told how many are done.
    """
    index = MinHashLSH(threshold=min(similarity, _HIGHEST_PROPOSED), num_perm=_PERMUTATIONS, weights=_MISSES_WEIGH_MORE)
    shingles: dict[int, frozenset[int]] = {}
    repeats: dict[int, int] = {}
    for position, text in enumerate(texts):
        if progress:
            progress(position)
        mine = _shingles(text)
        sketch = _sketch(mine)
        if position >= kept_first:
            earlier = [int(key) for key in index.query(sketch)]
            found = min((key for key in earlier if _jaccard(mine, shingles[key]) >= similarity), default=None)
            if found is not None:
                repeats[position] = found
                continue
        shingles[position] = mine
        index.insert(str(position), sketch, check_duplication=False)
    return repeats


def _shingles(text: str) -> frozenset[int]:
    canonical = normalize(text)
    hashes = ngram_hashes(canonical, _LETTERS, _LETTERS)
    return frozenset(hashes.tolist() or ngram_hashes(canonical, 1, _LETTERS).tolist())


def _sketch(shingles: frozenset[int]) -> Any:
    sketch = MinHash(num_perm=_PERMUTATIONS, seed=_SEED, hashfunc=int)
    sketch.update_batch(np.fromiter(shingles, np.uint64, len(shingles)))
    return sketch


def _jaccard(left: frozenset[int], right: frozenset[int]) -> float:
    both = len(left & right)
    return both / ((len(left) + len(right) - both) or 1)
