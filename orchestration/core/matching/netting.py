"""Members of one side that take each other back: a payment and its void, a deposit and its return.

What belongs here: finding such pairs where the other side shows neither of the two. What does not:
what is done with them (`solver`). Only modules of this package import this.
"""

from collections import defaultdict

import numpy as np
from scipy import sparse

from orchestration.core.matching.block import Half
from orchestration.core.matching.texts import TextVectors

LEAST_LIKENESS = 0.3
DAYS_APART = 45
MOST_OF_ONE_AMOUNT = 200


def net_pairs(
    ours: Half, others: Half, texts: TextVectors, vectors: sparse.csr_matrix
) -> list[tuple[int, int, float]]:
    """Return pairs of opposite members of one side that the other side knows nothing of.

    Where the other side shows a reversal as well, both movements took place, and neither is
    netted. Texts or the party must say that the two belong together.

    Args:
        ours: The side that is looked at.
        others: The other side.
        texts: Texts of both sides.
        vectors: Those of our side.

    Returns:
        Index of the first, index of what takes it back, and their likeness.
    """
    by_amount: dict[int, list[int]] = defaultdict(list)
    for place, amount in enumerate(ours.amount.tolist()):
        by_amount[amount].append(place)
    there: dict[int, list[int]] = defaultdict(list)
    for place, amount in enumerate(others.amount.tolist()):
        there[amount].append(place)
    found: list[tuple[int, int, float]] = []
    for amount in sorted(one for one in by_amount if one > 0 and -one in by_amount):
        plus, minus = by_amount[amount], by_amount[-amount]
        if len(plus) * len(minus) > MOST_OF_ONE_AMOUNT:
            continue
        found += _of_amount(
            ours, others, texts, vectors, (plus, minus), (there[amount], there[-amount])
        )
    return found


def _of_amount(
    ours: Half,
    others: Half,
    texts: TextVectors,
    vectors: sparse.csr_matrix,
    own: tuple[list[int], list[int]],
    their: tuple[list[int], list[int]],
) -> list[tuple[int, int, float]]:
    """The pairs of one amount, the likest first."""
    pairs = [(one, other) for one in own[0] for other in own[1]]
    firsts = np.array([one for one, _ in pairs], dtype=np.int64)
    seconds = np.array([other for _, other in pairs], dtype=np.int64)
    likeness = texts.likeness_within(vectors, firsts, seconds)
    gaps = np.abs(ours.day[firsts] - ours.day[seconds])
    same_party = (ours.party[firsts] == ours.party[seconds]) & (ours.party[firsts] > 0)
    no_party = (ours.party[firsts] == 0) | (ours.party[seconds] == 0)
    fits = (gaps <= DAYS_APART) & (same_party | (no_party & (likeness >= LEAST_LIKENESS)))
    order = sorted(
        np.flatnonzero(fits).tolist(),
        key=lambda at: (
            -round(float(likeness[at]), 3),
            int(gaps[at]),
            int(firsts[at]),
            int(seconds[at]),
        ),
    )
    taken: set[int] = set()
    found = []
    for at in order:
        one, other = pairs[at]
        if one in taken or other in taken:
            continue
        centre = int(ours.day[one])
        spare = [
            _near(ours, mine, centre, taken) - _near(others, yours, centre, set())
            for mine, yours in zip(own, their, strict=True)
        ]
        if min(spare) <= 0:
            continue
        taken |= {one, other}
        first, second = (one, other) if ours.day[one] <= ours.day[other] else (other, one)
        found.append((first, second, float(likeness[at])))
    return found


def _near(half: Half, places: list[int], centre: int, taken: set[int]) -> int:
    """How many of these lie near a day."""
    return sum(
        1
        for place in places
        if place not in taken and abs(int(half.day[place]) - centre) <= DAYS_APART
    )
