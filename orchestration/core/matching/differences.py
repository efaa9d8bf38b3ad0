"""Candidates whose amounts differ, but by no more than a tolerance, a fee or a slip of the pen.

What belongs here: which differences have a name, and where such candidates are found. What does
not: whether one is trusted (`solver`). Only modules of this package import this.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from orchestration.core.matching.block import Block, Half, Ints
from orchestration.core.matching.items import CandidateRule, Kind

Kinds = npt.NDArray[np.int64]

# Codes in arrays; 0 is no relation.
CODES = {1: Kind.TOLERANCE, 2: Kind.FEE, 3: Kind.SLIP}
RARE = 60
MOST_CANDIDATES = 4_000_000
LEAST_SHARE_OF_TEXT = 0.05
MINOR_UNIT = 100


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs of items whose amounts differ by something that has a name.

    Attributes:
        rows: Expected items.
        columns: Actual items.
        codes: Kind of each difference, by `CODES`.
    """

    rows: Ints
    columns: Ints
    codes: Kinds


def relation(expected: Ints, actual: Ints, rule: CandidateRule) -> Kinds:
    """Return what each pair of amounts differs by; tolerance before fee before slip."""
    gap = expected - actual
    size = np.abs(expected)
    under = np.maximum(rule.under_amount, np.floor(size * rule.under_rate))
    over = np.maximum(rule.over_amount, np.floor(size * rule.over_rate))
    same_sign = (expected > 0) == (actual > 0)
    short = np.where(expected > 0, gap, -gap)
    tolerated = same_sign & np.where(short > 0, short <= under, -short <= over) & (gap != 0)
    # A fee lessens what comes in and adds to what goes out.
    fee = (gap > 0) & (gap <= np.minimum(rule.fee_amount, np.ceil(size * rule.fee_rate)))
    fee &= same_sign & ~tolerated
    found = np.where(tolerated, 1, np.where(fee, 2, 0)).astype(np.int64)
    if rule.allows_slips:
        rest = np.flatnonzero((found == 0) & same_sign & (gap != 0))
        found[rest] = np.where(is_slip(expected[rest], actual[rest]), 3, 0)
    return found


def is_slip(one: Ints, other: Ints) -> npt.NDArray[np.bool_]:
    """Whether two amounts are one mistyped as the other.

    Two neighbouring digits changed places, one digit was typed wrongly, or the decimal point
    stands one or two places off. Amounts finer than a cent are no slips.
    """
    whole = (one % MINOR_UNIT == 0) & (other % MINOR_UNIT == 0)
    a, b = np.abs(one) // MINOR_UNIT, np.abs(other) // MINOR_UNIT
    gap = np.abs(a - b)
    found = (a == b * 10) | (b == a * 10) | (a == b * 100) | (b == a * 100)
    power = np.int64(1)
    while power <= 10**12:
        # One digit of this place differs: the rest is the same.
        found |= (a // (power * 10) == b // (power * 10)) & (a % power == b % power) & (gap > 0)
        high_a, low_a = a // power % 10, a // (power * 10) % 10
        swapped = (
            (a // (power * 100) == b // (power * 100))
            & (a % power == b % power)
            & (b // power % 10 == low_a)
            & (b // (power * 10) % 10 == high_a)
            & (gap > 0)
        )
        found |= swapped
        power *= np.int64(10)
    return np.asarray(found & whole & (np.minimum(a, b) > 0))


def candidates_by_amount(block: Block, rows: Ints, columns: Ints) -> Candidates:
    """Pairs within the tolerance, found by their sorted amounts."""
    rule = block.rule
    order = np.argsort(block.actual.amount[columns], kind="stable")
    amounts = block.actual.amount[columns][order]
    expected = block.expected.amount[rows]
    size = np.abs(expected)
    reach = np.maximum(
        np.maximum(rule.under_amount, rule.over_amount),
        np.floor(size * max(rule.under_rate, rule.over_rate)),
    ).astype(np.int64)
    low = np.searchsorted(amounts, expected - reach, "left")
    high = np.searchsorted(amounts, expected + reach, "right")
    some_rows, some_columns = expand(rows, columns[order], low, high)
    return _named(block, some_rows, some_columns)


def candidates_by_text(block: Block, rows: Ints, columns: Ints) -> Candidates:
    """Pairs that share a rare part of their texts."""
    left, right = block.texts.expected[rows], block.texts.actual[columns]
    rare = np.flatnonzero(
        (np.asarray((left != 0).sum(axis=0)).ravel() <= RARE)
        & (np.asarray((right != 0).sum(axis=0)).ravel() <= RARE)
    )
    if not len(rare):
        empty = np.zeros(0, dtype=np.int64)
        return Candidates(empty, empty, empty)
    product = sparse.coo_matrix(left[:, rare] @ right[:, rare].T)
    strong = product.data >= LEAST_SHARE_OF_TEXT
    return _named(block, rows[product.row[strong]], columns[product.col[strong]])


def expand(rows: Ints, sorted_columns: Ints, low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """Pairs of each row with its slice of the sorted columns."""
    counts = np.maximum(high - low, 0)
    total = int(counts.sum())
    offset = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(rows, counts), sorted_columns[np.repeat(low, counts) + offset]


def equal_pairs(block: Block, rows: Ints, columns: Ints) -> tuple[Ints, Ints]:
    """Pairs of one amount, in the window, not of two parties."""
    order = np.lexsort((block.actual.day[columns], block.actual.amount[columns]))
    ordered = columns[order]
    span = _span(block.expected, block.actual)
    rule = block.rule
    low_day = int(min(block.expected.day.min(initial=0), block.actual.day.min(initial=0)))
    amounts, amount_of = np.unique(
        np.concatenate([block.actual.amount[ordered], block.expected.amount[rows]]),
        return_inverse=True,
    )
    del amounts
    theirs = amount_of[: len(ordered)] * span + (block.actual.day[ordered] - low_day)
    ours = amount_of[len(ordered) :] * span + (block.expected.day[rows] - low_day)
    low = np.searchsorted(theirs, ours - rule.days_before, "left")
    high = np.searchsorted(theirs, ours + rule.days_after, "right")
    some_rows, some_columns = expand(rows, ordered, low, high)
    fits = block.fits(some_rows, some_columns)
    return some_rows[fits], some_columns[fits]


def _span(one: Half, other: Half) -> int:
    """More days than any window can reach over, so that amounts never mix."""
    days = np.concatenate([one.day, other.day])
    return int(np.ptp(days)) * 3 + 10_000 if len(days) else 1


def _named(block: Block, rows: Ints, columns: Ints) -> Candidates:
    """Those of the pairs that fit and whose difference has a name, each once."""
    fits = block.fits(rows, columns)
    rows, columns = rows[fits], columns[fits]
    if len(rows):
        both = np.unique(rows * len(block.actual) + columns)
        rows, columns = np.divmod(both, len(block.actual))
    codes = relation(block.expected.amount[rows], block.actual.amount[columns], block.rule)
    named = codes > 0
    return Candidates(rows[named], columns[named], codes[named])
