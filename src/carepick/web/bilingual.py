"""A sentence in both languages that the API speaks."""

from __future__ import annotations

from typing import NamedTuple

LANGUAGES = ("ko", "en")


class Bilingual(NamedTuple):
    """A sentence in Korean and in English."""

    ko: str
    en: str

    def in_language(self, language: str) -> str:
        """Returns the English sentence for "en", the Korean one for anything else."""
        return self.en if language == "en" else self.ko

    @property
    def both(self) -> str:
        """Both sentences, Korean first, as two Markdown paragraphs."""
        return f"{self.ko}\n\n{self.en}"
