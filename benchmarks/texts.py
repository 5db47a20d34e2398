"""Korean texts of real lengths, put together at random from everyday phrases: nobody's words, and no two alike."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from tokenizers import Tokenizer

# Tokens of a text, special ones included, and how many of ten texts are that long: most people write a line or two.
MIX = {15: 4, 64: 3, 128: 2, 256: 1}
_PHRASES = Path(__file__).parent / "data" / "phrases.json"


def token_counter(bundle: Path) -> Callable[[str], int]:
    """Returns a function that counts the tokens of a text as the tokenizer of `bundle` does."""
    tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text).ids)


def mixed_texts(count: int, tokens: Callable[[str], int], seed: int = 1) -> list[str]:
    """Returns `count` different texts, the same ones for the same seed.

    Every ten in a row hold each length of `MIX` as often as it says, in random order: whichever part of them a load
    comes to ask, it asks for the same work.
    """
    draw = random.Random(seed)
    ten = [length for length, often in MIX.items() for _ in range(often)]
    texts: dict[str, None] = {}
    while len(texts) < count:
        for length in draw.sample(ten, len(ten)):
            texts[_unlike(texts, length, tokens, draw)] = None
    return list(texts)[:count]


def _unlike(texts: Collection[str], length: int, tokens: Callable[[str], int], draw: random.Random) -> str:
    while (text := text_of(length, tokens, draw)) in texts:
        continue
    return text


def text_of(length: int, tokens: Callable[[str], int], draw: random.Random) -> str:
    """Returns a text of `length` tokens, or one or two fewer where no word is that short."""
    words = _words(draw)
    kept: list[str] = []
    while tokens(" ".join(kept)) < length:
        kept.append(next(words))
    while tokens(" ".join(kept)) > length:
        kept[-1] = kept[-1][:-1]
        kept = [word for word in kept if word]
    return " ".join(kept)


def _words(draw: random.Random) -> Iterator[str]:
    """Yields the words of one sentence after the other, without end."""
    phrases: dict[str, Sequence[str]] = json.loads(_PHRASES.read_text(encoding="utf-8"))
    while True:
        for kind in ("when", "where", "how", "what"):
            yield from draw.choice(phrases[kind]).split()
