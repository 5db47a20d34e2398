"""Which of the waiting windows go through the model together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

# What starting a pass costs, in tokens: measured 4 to 5 on processors without VNNI, about 12 with it. A window joins a
# pass only where the padding it brings costs less than a pass of its own.
PASS_COST = 8

# Windows beyond the tokens of so many passes overtake none of those within: what fits better from farther off saves a
# pass now and then, and makes whoever is passed over wait for all that came later.
REACH = 4


def choose(lengths: Sequence[int], limit: int) -> list[int]:
    """Returns the places in `lengths` of the windows for the next pass, 0 first: nothing overtakes the oldest for ever.

    `lengths`: tokens of the waiting windows, oldest first, at least one; `limit`: tokens of a pass, padding counted. A
    window longer than `limit` goes alone. Only those among the oldest `REACH` * `limit` tokens are looked at.
    """
    chosen, longest = [0], lengths[0]
    near = sum(tokens <= REACH * limit for tokens in accumulate(lengths))
    for place in sorted(range(1, near), key=lambda place: abs(lengths[place] - lengths[0])):
        grown = max(longest, lengths[place])
        padding = (grown - longest) * len(chosen) + grown - lengths[place]
        if padding < PASS_COST and grown * (len(chosen) + 1) <= limit:
            chosen.append(place)
            longest = grown
    return chosen
