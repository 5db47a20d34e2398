"""Divides rows by their date: what comes later is held out, as a served model meets questions later than its own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from carepick.errors import DataError

_DATE = re.compile(r"(\d{4})[-./년]\s*(\d{1,2})(?:[-./월]\s*(\d{1,2}))?(?:[일.T\s].*)?")


def day_key(value: object) -> str | None:
    """Returns a date such as 2024.11.3, 2024-11-03T09:00 or 2024-11 as 2024-11-03, which sorts; None when it is none.

    A month without a day counts as its first day.
    """
    if hasattr(value, "isoformat"):  # Parquet's dates and timestamps
        value = value.isoformat()
    found = _DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    year, month, day = int(found[1]), int(found[2]), int(found[3] or 1)
    return f"{year:04}-{month:02}-{day:02}" if 1 <= month <= 12 and 1 <= day <= 31 else None


def cut_for_share(keys: Sequence[str], share: float) -> str:
    """Returns the day from which on about `share` (0..1) of the rows lie; a day is never divided.

    Raises `DataError` when all rows are of one day.
    """
    ordered = sorted(keys)
    cut = ordered[min(len(ordered) - 1, max(0, round(len(ordered) * (1 - share))))]
    if cut == ordered[0]:
        later = [key for key in ordered if key > cut]
        if not later:
            raise DataError("all rows are of one day: they cannot be divided by time")
        cut = later[0]
    return cut
