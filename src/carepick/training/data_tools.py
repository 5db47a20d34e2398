"""Cleans, splits and masks the rows of a data file; every other column stays as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from carepick.errors import DataError
from carepick.evaluation.tables import Row
from carepick.text.masking import NameMasker
from carepick.text.normalize import normalize
from carepick.training.near_duplicates import SIMILARITY, near_duplicates
from carepick.training.scrub import scrub
from carepick.training.time_split import cut_for_share, day_key


@dataclass(frozen=True)
class Cleaned:
    """The rows that are left, how many texts were scrubbed, and how many rows were dropped as blank or repeated."""

    rows: list[Row]
    scrubbed: int
    blank: int
    repeated: int


@dataclass(frozen=True)
class Split:
    """Rows before and from `first_day` (2024-11-01) on, and how many later ones were dropped as repeats."""

    train: list[Row]
    validation: list[Row]
    first_day: str
    repeated: int


def clean(
    rows: Sequence[Row], text_column: str, similarity: float | None, progress: Callable[[int], None] | None = None
) -> Cleaned:
    """Returns `rows` with scrubbed texts, without blank texts and near-duplicates.

    `similarity` (0..1): from which on a text repeats an earlier one; None keeps repeats; `progress` is told how many
    rows were compared. Raises `DataError` when nothing is left.
    """
    filled = [row for row in rows if isinstance(row[text_column], str) and normalize(row[text_column])]
    scrubbed: list[Row] = [{**row, text_column: scrub(row[text_column])} for row in filled]
    texts = [row[text_column] for row in scrubbed]
    repeated = near_duplicates(texts, similarity, progress=progress) if similarity is not None else {}
    if not scrubbed:
        raise DataError(f"column {text_column} holds no text in any row")
    return Cleaned(
        rows=[row for position, row in enumerate(scrubbed) if position not in repeated],
        scrubbed=sum(new != old[text_column] for new, old in zip(texts, filled, strict=True)),
        blank=len(rows) - len(filled),
        repeated=len(repeated),
    )


def split(
    rows: Sequence[Row], text_column: str, date_column: str, first_day: str | None, share: float,
    progress: Callable[[int], None] | None = None,
) -> Split:  # fmt: skip
    """Returns `rows` divided by their date: those from `first_day` on are held out.

    Without `first_day` (2024-11-01) about the latest `share` (0..1) of the rows. Held-out rows that repeat a
    training row are dropped. Raises `DataError` for a missing date, or when either part would be empty.
    """
    days = _days(rows, date_column)
    cut = first_day or cut_for_share(days, share)
    train = [row for row, day in zip(rows, days, strict=True) if day < cut]
    later = [row for row, day in zip(rows, days, strict=True) if day >= cut]
    if not train or not later:
        raise DataError(f"no rows lie {'from ' + cut + ' on' if train else 'before ' + cut}: choose another day")
    texts = [str(row[text_column]) for row in (*train, *later)]
    found = near_duplicates(texts, SIMILARITY, kept_first=len(train), progress=progress)
    repeated = {position - len(train) for position, earlier in found.items() if earlier < len(train)}
    held = [row for position, row in enumerate(later) if position not in repeated]
    if not held:
        raise DataError(f"every row from {cut} on repeats an earlier one: nothing is left to validate on")
    return Split(train, held, cut, len(repeated))


def mask(rows: Sequence[Row], text_column: str, names: Iterable[str], replacement: str) -> tuple[list[Row], int, int]:
    """Returns `rows` with `names` masked, and how many names in how many texts were; raises `DataError`."""
    masker = NameMasker(names, replacement)
    masked: list[Row] = []
    counts = []
    for number, row in enumerate(rows, 1):
        if not isinstance(row[text_column], str):
            raise DataError(f"row {number}, column {text_column}: expected a text")
        text, found = masker.mask(row[text_column])
        counts.append(found)
        masked.append({**row, text_column: text})
    return masked, sum(counts), sum(count > 0 for count in counts)


def _days(rows: Sequence[Row], column: str) -> list[str]:
    days = []
    for number, row in enumerate(rows, 1):
        day = day_key(row[column])
        if day is None:
            raise DataError(f"row {number}, column {column}: expected a date such as 2024-11-03")
        days.append(day)
    return days
