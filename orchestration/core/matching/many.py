"""Small sets on both sides that add up to each other, negative members included.

What belongs here: an exhaustive search where few members are left. What does not: large blocks,
where such an agreement would prove nothing. Only modules of this package import this.
"""

import math
from collections import defaultdict
from itertools import combinations

import numpy as np

from orchestration.core.matching.block import Block, Half, Ints

MOST_LEFT = 14
MOST_OF_A_SIDE = 3
DAYS_APART = 7

Members = tuple[int, ...]


def search_many(
    block: Block, rows: Ints, columns: Ints, max_chance: float
) -> list[tuple[Members, Members]]:
    """Return the sets of several members on both sides with one sum, where it is the only one.

    Members of one party are looked at together; without parties all that is left is. Larger
    remainders are not searched.
    """
    found = []
    for some_rows, some_columns in _parts(block, rows, columns):
        if not len(some_rows) or not len(some_columns):
            continue
        if len(some_rows) + len(some_columns) > MOST_LEFT:
            continue
        answers, tried = _answers(block, some_rows, some_columns)
        if len(answers) == 1 and _chance(block, some_rows, some_columns, tried) <= max_chance:
            found.append(answers[0])
    return found


def _parts(block: Block, rows: Ints, columns: Ints) -> list[tuple[Ints, Ints]]:
    """The open members of each party; all of them where no party is known."""
    parties = sorted({*block.expected.party[rows].tolist(), *block.actual.party[columns].tolist()})
    return [
        (rows[block.expected.party[rows] == party], columns[block.actual.party[columns] == party])
        for party in parties
    ]


def _answers(block: Block, rows: Ints, columns: Ints) -> tuple[list[tuple[Members, Members]], int]:
    """Every pair of sets with one sum that holds no smaller one, and how many pairs there are."""
    ours, theirs = _sums(block.expected, rows), _sums(block.actual, columns)
    by_total: dict[int, list[Members]] = defaultdict(list)
    for total, members in theirs:
        by_total[total].append(members)
    answers = [
        (mine, yours)
        for total, mine in ours
        for yours in by_total.get(total, ())
        if len(mine) + len(yours) > 2 and _is_near(block, mine, yours)
    ]
    least = [
        one
        for one in answers
        if not any(
            other is not one and set(other[0]) <= set(one[0]) and set(other[1]) <= set(one[1])
            for other in answers
        )
    ]
    return least, len(ours) * len(theirs)


def _sums(half: Half, items: Ints) -> list[tuple[int, Members]]:
    """The sums of up to a few members."""
    amounts = half.amount
    return [
        (sum(int(amounts[one]) for one in members), members)
        for size in range(1, MOST_OF_A_SIDE + 1)
        for members in combinations(items.tolist(), size)
    ]


def _is_near(block: Block, mine: Members, yours: Members) -> bool:
    """Whether all members lie within a week."""
    days = [int(block.expected.day[one]) for one in mine]
    days += [int(block.actual.day[one]) for one in yours]
    return max(days) - min(days) <= DAYS_APART


def _chance(block: Block, rows: Ints, columns: Ints, tried: int) -> float:
    """How many of so many pairs of sets would agree by chance."""
    amounts = np.concatenate([block.expected.amount[rows], block.actual.amount[columns]])
    grain = int(np.gcd.reduce(amounts))
    spread = float(amounts.std()) * 2.0 + 1.0
    return tried * grain / (spread * math.sqrt(2 * math.pi))
