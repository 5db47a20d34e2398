"""An engine without a model: answers depend on the text alone, for trials and tests before anything is trained."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from carepick.engine.base import EncodedText, FloatArray, Window
from carepick.engine.manifest import Golden, Head, Label, Manifest
from carepick.engine.scores import count_letters
from carepick.engine.sentences import SentenceHead

_MAX_TOKENS, _OVERLAP_TOKENS = 64, 16
_NO_IDS = np.zeros(0, np.int64)
_NO_VALUES = np.zeros(0, np.float32)


class DeterministicEngine:
    """One token a character; each token adds logits that are drawn from a hash of it. Additive, as the real one is."""

    def __init__(self, labels: Mapping[str, Sequence[Label]], max_windows: int) -> None:
        """`labels`: for each head, at least two labels."""
        heads = {name: Head(tuple(row)) for name, row in labels.items()}
        self._max_windows = max_windows
        self._manifest = Manifest(
            name="deterministic", version="deterministic-1", heads=heads, max_tokens=_MAX_TOKENS,
            overlap_tokens=_OVERLAP_TOKENS, pad_id=0, golden=Golden("머리가 아파요", {}), files={},
        )  # fmt: skip

    @property
    def manifest(self) -> Manifest:
        """A manifest with the heads that it was made with."""
        return self._manifest

    def encode(self, text: str) -> EncodedText:
        """Returns `text` as windows of its characters."""
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.int64)
        starts = range(0, max(1, len(codes) - _OVERLAP_TOKENS), _MAX_TOKENS - _OVERLAP_TOKENS)
        windows = []
        for start in starts[: self._max_windows]:
            piece = codes[start : start + _MAX_TOKENS]
            first = np.arange(start, start + len(piece), dtype=np.int64)
            windows.append(Window(piece, np.stack([first, first + 1], 1), _NO_IDS, _NO_VALUES))
        return EncodedText(tuple(windows), len(starts) > self._max_windows, count_letters(text))

    @property
    def sentences(self) -> SentenceHead | None:
        """None: there is no such head."""
        return None

    def run(self, windows: Sequence[Window], outputs: Sequence[str]) -> dict[str, FloatArray]:
        """Returns logits, and what each character adds, for each of `outputs`."""
        longest = max(len(window.input_ids) for window in windows)
        results = {}
        for name in outputs:
            head = name.removesuffix(".tokens")
            if head not in self._manifest.heads:
                continue
            added = np.zeros((len(windows), longest, len(self._manifest.heads[head].labels)), np.float32)
            for row, window in enumerate(windows):
                for place, code in enumerate(window.input_ids):
                    added[row, place] = _logits(head, int(code), added.shape[2]) / len(window.input_ids)
            results[name] = added if name.endswith(".tokens") else added.sum(1)
        return results


@lru_cache(maxsize=4096)
def _logits(head: str, code: int, classes: int) -> FloatArray:
    seed = hashlib.blake2b(f"{head} {code}".encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(seed, "little")).normal(0, 4, classes).astype(np.float32)
