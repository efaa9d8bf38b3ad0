"""The nearest miss of each member that stays open.

What belongs here: finding it. What does not: deciding anything. Only modules of this package
import this.
"""

from collections.abc import Iterator

import numpy as np

from orchestration.core.matching import wording
from orchestration.core.matching.block import Block, Half, Ints
from orchestration.core.matching.items import Item, Side

LOOKED_AT = 8


def nearest_misses(
    block: Block, rows: Ints, columns: Ints
) -> Iterator[tuple[Side, list[tuple[int, str]]]]:
    """For each side its open items, each with a sentence on the nearest of the other side."""
    yield Side.EXPECTED, _of_side(block.expected, rows, block.actual, columns)
    yield Side.ACTUAL, _of_side(block.actual, columns, block.expected, rows)


def _of_side(ours: Half, open_ours: Ints, theirs: Half, open_theirs: Ints) -> list[tuple[int, str]]:
    """The nearest by amount, then by day, among the open items of the other side."""
    order = open_theirs[np.argsort(theirs.amount[open_theirs], kind="stable")]
    amounts = theirs.amount[order]
    found = []
    for at in open_ours.tolist():
        amount, day, party = int(ours.amount[at]), int(ours.day[at]), int(ours.party[at])
        place = int(np.searchsorted(amounts, amount))
        near = order[max(0, place - LOOKED_AT) : place + LOOKED_AT]
        if party:
            own = theirs.party[near]
            near = near[(own == party) | (own == 0)]
        nearest: Item | None = None
        gap = days = 0
        if len(near):
            key = np.lexsort(
                (near, np.abs(theirs.day[near] - day), np.abs(theirs.amount[near] - amount))
            )
            best = int(near[key[0]])
            nearest = theirs.items[best]
            gap, days = int(theirs.amount[best]) - amount, int(theirs.day[best]) - day
        found.append((at, wording.of_nearest(ours.items[at], nearest, gap, days)))
    return found
