"""Which words of the typed text the patient's page marks and quotes: reasons, red flags, denied symptoms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from carepick.records import Diagnosis, Evidence, FlagNotice, Span

_MOST_REASONS = 3
_LEAST_SHARE = 0.25  # of the strongest word's weight: weaker ones would not have changed the answer
_LONGEST_WORD = 30  # a text without blanks is one long word: it is marked in the text, but not repeated
_PUNCTUATION = " .,!?~…·\"'()"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the typed text; `mark`: "word" that spoke for a department, "flag", "denied", or "" for none."""

    text: str
    mark: str


def reasons(evidence: Iterable[Evidence], denied: Sequence[Span]) -> tuple[Span, ...]:
    """Returns the places of the words that spoke for a label, strongest first, without the symptoms in `denied`."""
    speaking = [item for item in evidence if item.weight > 0 and not _overlaps(item.span, denied)]
    least = max((item.weight for item in speaking), default=0.0) * _LEAST_SHARE
    return tuple(item.span for item in speaking if item.weight >= least)[:_MOST_REASONS]


def raised_by(text: str, notice: FlagNotice) -> tuple[Span, ...]:
    """Returns the places that raised a red flag, drawn out to the ends of words: it is heard in a stem (때려|요)."""
    return tuple(Span(span.start, _word_end(text, span.end)) for span in notice.flag.spans)


def quotes(text: str, spans: Iterable[Span]) -> tuple[str, ...]:
    """Returns the words at `spans`, each once, without the punctuation around them."""
    words = (text[span.start : span.end].strip(_PUNCTUATION) for span in spans)
    return tuple(dict.fromkeys(word for word in words if word and len(word) <= _LONGEST_WORD))


def pieces(text: str, spoke: Iterable[Span], diagnosis: Diagnosis) -> tuple[Piece, ...]:
    """Returns `text` in pieces, the words at `spoke` marked as reasons.

    Where marks overlap a red flag outweighs a denial, and a denial a reason.
    """
    marks = [""] * len(text)
    raised = [span for notice in diagnosis.flags for span in raised_by(text, notice)]
    for mark, spans in (("word", spoke), ("denied", diagnosis.prediction.triage.denied), ("flag", raised)):
        for span in spans:
            marks[span.start : span.end] = [mark] * len(text[span.start : span.end])
    return tuple(_runs(text, marks))


def _runs(text: str, marks: Sequence[str]) -> Iterator[Piece]:
    start = 0
    for mark, run in groupby(marks):
        end = start + len(list(run))
        yield Piece(text[start:end], mark)
        start = end


def _word_end(text: str, place: int) -> int:
    while place < len(text) and text[place].isalnum():
        place += 1
    return place


def _overlaps(one: Span, others: Iterable[Span]) -> bool:
    return any(other.start < one.end and one.start < other.end for other in others)
