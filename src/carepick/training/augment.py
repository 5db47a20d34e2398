"""How people really type: typos, lost spaces, ㅠㅠ, greetings, sloppy jamo. Seeded noise for training texts."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

_TAILS = (
    "ㅠㅠ",
    "ㅜㅜ",
    "ㅠ",
    "...",
    "..",
    "!!",
    "?",
    "??",
    " ㅠㅠ 도와주세요",
    "😢",
    "😭",
    " ㅎㅎ",
    "~",
    ";;",
    " 걱정돼요",
)
_OPENINGS = (
    "안녕하세요 ",
    "안녕하세요. ",
    "질문있어요 ",
    "급해요 ",
    "저기요 ",
    "선생님 ",
    "문의드려요. ",
    "제가요 ",
    "음.. ",
    "아 ",
)
_POLITE_TO_PLAIN = (
    ("습니다", "슴다"), ("아요", "아"), ("어요", "어"), ("해요", "해"), ("네요", "네"), ("나요", "나"), ("세요", "셈"),
    ("아요", "아여"), ("어요", "어여"), ("해요", "해영"),
)  # fmt: skip
# Dialect endings (경상, 전라, 충청) for the commonest polite ones.
_DIALECT = (
    ("아파요", "아픕니더"),
    ("아파요", "아프당께요"),
    ("나요", "나유"),
    ("어요", "어유"),
    ("해요", "해유"),
    ("거든요", "거든예"),
)
# Keys that are struck by mistake for one another, as offsets of a syllable's vowel: ㅐ/ㅔ, ㅚ/ㅙ/ㅞ.
_VOWEL_CONFUSIONS = {1: 5, 5: 1, 11: 10, 10: 11, 15: 11, 3: 7, 7: 3}
_SYLLABLES = range(0xAC00, 0xD7A4)


_SENTENCE_END = re.compile(r"(?<=[.!?~\n])\s+|(?<=[요다죠까음함임])\s+(?=\S)")
_EXCERPT_LETTERS = (18, 70)


def excerpt(text: str, rng: random.Random) -> str:
    """Returns a run of sentences of `text` with about 18 to 70 letters, as somebody who types little would send it.

    A text that is no longer than that comes back whole.
    """
    least, most = _EXCERPT_LETTERS
    room = rng.randint(least, most)
    sentences = [sentence for sentence in _SENTENCE_END.split(text) if sentence]
    if len(text) <= most or len(sentences) < 2:
        return text
    first = rng.randrange(len(sentences))
    chosen = sentences[first]
    for sentence in sentences[first + 1 :]:
        if len(chosen) >= room:
            break
        chosen += " " + sentence
    return chosen if len(chosen) >= least // 2 else text


def perturb(text: str, rng: random.Random) -> str:
    """Returns `text` with one or two kinds of everyday noise, drawn from `rng`; its meaning stays."""
    for noise in rng.sample(_NOISES, rng.choice((1, 1, 2))):
        text = noise(text, rng)
    return text


def _drop_all_spaces(text: str, rng: random.Random) -> str:
    return text.replace(" ", "")


def _drop_some_spaces(text: str, rng: random.Random) -> str:
    return "".join(c for c in text if c != " " or rng.random() < 0.6)


def _misspell(text: str, rng: random.Random) -> str:
    characters = list(text)
    for position, character in enumerate(characters):
        if ord(character) in _SYLLABLES and rng.random() < 0.05:
            characters[position] = _misspelt(character, rng)
    return "".join(characters)


def _misspelt(syllable: str, rng: random.Random) -> str:
    """Returns a near syllable: a confused vowel, a lost or doubled final, or nothing at all."""
    index = ord(syllable) - 0xAC00
    lead, vowel, tail = index // 588, index // 28 % 21, index % 28
    kind = rng.random()
    if vowel in _VOWEL_CONFUSIONS and kind < 0.6:
        vowel = _VOWEL_CONFUSIONS[vowel]
    elif tail and kind < 0.85:
        tail = {20: 19, 19: 20, 5: 4, 6: 4}.get(tail, 0)
    else:
        return syllable if kind < 0.95 else ""
    return chr(0xAC00 + lead * 588 + vowel * 28 + tail)


def _split_off_jamo(text: str, rng: random.Random) -> str:
    return text + rng.choice(("ㅠㅠㅠ", "ㅜ", "ㅋㅋ", "ㅇㅇ", "ㅡㅡ"))


def _add_tail(text: str, rng: random.Random) -> str:
    return text + rng.choice(_TAILS)


def _add_opening(text: str, rng: random.Random) -> str:
    return rng.choice(_OPENINGS) + text


def _change_endings(text: str, rng: random.Random) -> str:
    for polite, plain in rng.sample(_POLITE_TO_PLAIN, 3):
        text = text.replace(polite, plain)
    return text


def _speak_dialect(text: str, rng: random.Random) -> str:
    for standard, dialect in rng.sample(_DIALECT, 2):
        text = text.replace(standard, dialect)
    return text


_NOISES: tuple[Callable[[str, random.Random], str], ...] = (
    _drop_all_spaces, _drop_some_spaces, _misspell, _misspell, _split_off_jamo, _add_tail, _add_opening,
    _change_endings, _speak_dialect,
)  # fmt: skip
