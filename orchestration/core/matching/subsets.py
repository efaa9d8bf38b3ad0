"""Every subset of a few members, by what it adds up to.

What belongs here: making them within a bound, and asking for a total. What does not: which members
are worth it (`sums`). Only modules of this package import this.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestration.core.matching.block import Half, Ints

Floats = npt.NDArray[np.float64]

Members = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a search goes.

    Attributes:
        lags: Chance of each number of days from member to target, from `first_lag` on.
        first_lag: The number of days that the first of `lags` stands for; may be negative.
        max_members: Members of a sum at most.
        max_subsets: Sums tried in one place at most.
    """

    lags: Floats
    first_lag: int
    max_members: int
    max_subsets: int

    def lag(self, days: int) -> float:
        """Chance that a member lies so many days before its target."""
        at = days - self.first_lag
        return float(self.lags[at]) if 0 <= at < len(self.lags) else 0.0


@dataclass(frozen=True, slots=True)
class Subsets:
    """Every subset of a few members up to some size, sorted by what it adds up to."""

    totals: Ints
    sizes: Ints
    codes: list[Ints]
    starts: Ints
    order: Ints
    members: Ints
    largest: int

    def adding_up_to(self, amount: int) -> Iterator[Members]:
        """The subsets of one total."""
        low = int(np.searchsorted(self.totals, amount, "left"))
        high = int(np.searchsorted(self.totals, amount, "right"))
        for place in self.order[low:high].tolist():
            level = int(np.searchsorted(self.starts, place, "right")) - 1
            row = self.codes[level][place - int(self.starts[level])]
            yield tuple(sorted(self.members[row].tolist()))


def subsets_of(half: Half, members: Ints, bounds: Bounds) -> Subsets:
    """All subsets of two and more members, as large as the bound on their number allows."""
    amounts = half.amount[members]
    count = len(members)
    chosen = np.arange(count, dtype=np.int64)[:, None]
    sums = amounts
    codes: list[Ints] = []
    totals: list[Ints] = []
    tried, largest = 0, 1
    for size in range(2, min(count, bounds.max_members) + 1):
        more = math.comb(count, size)
        if tried + more > bounds.max_subsets:
            break
        tried += more
        last = chosen[:, -1]
        room = count - 1 - last
        source = np.repeat(np.arange(len(chosen)), room)
        added = last[source] + 1 + np.arange(len(source)) - np.repeat(np.cumsum(room) - room, room)
        sums = sums[source] + amounts[added]
        chosen = np.concatenate([chosen[source], added[:, None]], axis=1)
        codes.append(chosen)
        totals.append(sums)
        largest = size
    joined = np.concatenate(totals) if totals else np.zeros(0, dtype=np.int64)
    order = np.argsort(joined, kind="stable").astype(np.int64)
    lengths = [len(one) for one in codes]
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]) if codes else np.zeros(0)
    sizes = np.repeat(np.arange(2, 2 + len(codes)), lengths) if codes else np.zeros(0)
    return Subsets(
        joined[order],
        sizes.astype(np.int64),
        codes,
        starts.astype(np.int64),
        order,
        members,
        largest,
    )
