"""The members of one block as arrays, in an order that does not depend on how they arrived.

What belongs here: the arrays and questions about windows and parties. What does not: decisions.
Only modules of this package import this.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestration.core.matching.items import CandidateRule, Item
from orchestration.core.matching.texts import TextVectors, vectors_of

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Half:
    """One side of a block.

    Attributes:
        items: The members, sorted by day, name and key.
        amount: Signed, in item units.
        day: Days since the first of January of year one.
        party: Number of the party in the block; 0 where none is known.
    """

    items: tuple[Item, ...]
    amount: Ints
    day: Ints
    party: Ints

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class Block:
    """Both sides of one leg, tenant and currency, and the rule for them."""

    expected: Half
    actual: Half
    texts: TextVectors
    rule: CandidateRule

    def fits(self, rows: Ints, columns: Ints) -> Bools:
        """Whether each pair lies in the window and is not of two different parties."""
        days = self.actual.day[columns] - self.expected.day[rows]
        one, other = self.expected.party[rows], self.actual.party[columns]
        return np.asarray(
            (days >= -self.rule.days_before)
            & (days <= self.rule.days_after)
            & ((one == other) | (one == 0) | (other == 0))
        )


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key under which R2 stands before R10."""
    return tuple(
        (0, int(part), "") if part.isdigit() and part.isascii() else (1, 0, part)
        for part in DIGITS.split(name)
        if part
    )


def block_of(expected: Sequence[Item], actual: Sequence[Item], rule: CandidateRule) -> Block:
    """Sort the members of both sides and lay them out as arrays."""
    parties = sorted({one.party for one in (*expected, *actual) if one.party})
    number = {party: at for at, party in enumerate(parties, start=1)}
    halves = []
    for items in (expected, actual):
        ordered = tuple(sorted(items, key=lambda one: (one.on, natural(one.name), one.key)))
        halves.append(
            Half(
                ordered,
                np.array([one.amount for one in ordered], dtype=np.int64),
                np.array([one.on.toordinal() for one in ordered], dtype=np.int64),
                np.array([number.get(one.party, 0) for one in ordered], dtype=np.int64),
            )
        )
    texts = vectors_of([one.text for one in halves[0].items], [one.text for one in halves[1].items])
    return Block(halves[0], halves[1], texts, rule)
