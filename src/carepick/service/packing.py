"""Which of the waiting windows go through the model together."""

from __future__ import annotations

from collections.abc import Sequence

# What starting a pass costs, in tokens: measured 4 to 5 on processors without VNNI, about 12 with it. A window joins a
# pass only where the padding it brings costs less than a pass of its own.
PASS_COST = 8


def choose(lengths: Sequence[int], limit: int) -> list[int]:
    """Returns the places in `lengths` of the windows for the next pass, 0 first: nothing overtakes the oldest for ever.

    `lengths`: tokens of the waiting windows, oldest first, at least one; `limit`: tokens of a pass, padding counted. A
    window longer than `limit` goes alone.
    """
    chosen, longest = [0], lengths[0]
    for place in sorted(range(1, len(lengths)), key=lambda place: abs(lengths[place] - lengths[0])):
        grown = max(longest, lengths[place])
        padding = (grown - longest) * len(chosen) + grown - lengths[place]
        if padding < PASS_COST and grown * (len(chosen) + 1) <= limit:
            chosen.append(place)
            longest = grown
    return chosen
