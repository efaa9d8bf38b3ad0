"""Matching many to one and many to many: sums that are confirmed, and sums that are offered.

What belongs here: when a sum that was found is taken for true. What does not: finding sums (`sums`,
`many`), and when a pass runs (`solver`). Only modules of this package import this.
"""

from collections.abc import Sequence

import numpy as np

from orchestration.core.matching import wording
from orchestration.core.matching.items import Kind, Outcome, Side
from orchestration.core.matching.many import search_many
from orchestration.core.matching.subsets import Bounds
from orchestration.core.matching.sums import Search, Texts
from orchestration.core.matching.texts import words_in
from orchestration.core.matching.work import MOST_SUGGESTED, Work

STRICTER_FOR_SUMS = 0.15
WORTH_OFFERING = 0.2


def add_up(work: Work, side: Side) -> None:
    """Match members of `side` that are the sum of several on the other."""
    other = Side.EXPECTED if side is Side.ACTUAL else Side.ACTUAL
    block, rule = work.block, work.block.rule
    open_targets = work.columns() if side is Side.ACTUAL else work.rows()
    open_parts = work.rows() if side is Side.ACTUAL else work.columns()
    if not len(open_targets) or len(open_parts) < 2:
        return
    lags = np.exp(work.evidence.days) / len(work.evidence.days)
    if side is Side.ACTUAL:
        bounds = Bounds(lags, -rule.days_before, rule.max_members, rule.max_subsets)
    else:
        bounds = Bounds(lags[::-1], -rule.days_after, rule.max_members, rule.max_subsets)
    vectors = block.texts.expected if other is Side.EXPECTED else block.texts.actual
    words = words_in(vectors, block.texts.is_word)
    habits = work.habits[side]
    own_vectors = block.texts.expected if side is Side.EXPECTED else block.texts.actual
    search = Search(
        work.half(side),
        (work.half(other), open_parts),
        Texts(words, own_vectors, vectors),
        bounds,
        habits,
    )
    found = [one for one in map(search.answers, open_targets.tolist()) if one is not None]
    work.given_up[side] = search.given_up
    least = 1.0 - (1.0 - rule.confirm_probability) * STRICTER_FOR_SUMS
    taken: set[int] = set()
    for one in sorted(found, key=lambda one: (-round(one.probability, 9), one.target)):
        if one.probability < least:
            if one.rivals:
                work.sums[side, one.target] = one
        elif not taken.intersection(one.members):
            taken.update(one.members)
            habits.learn(one, own_vectors[one.target])
            words_of_it = wording.of_sum(
                work.items(side, [one.target]), work.items(other, one.members), one.place
            )
            worth = (one.probability, one.probability)
            work.confirm(Kind.SUM, _sides(one.target, one.members, side), worth, words_of_it)


def offer_sums(work: Work) -> None:
    """Where several sums agree, a person decides."""
    for (side, target), found in sorted(work.sums.items()):
        choices = (found.members, *found.rivals)
        still_open = work.open_actual if side is Side.ACTUAL else work.open_expected
        parts = work.open_expected if side is Side.ACTUAL else work.open_actual
        choices = tuple(one for one in choices if all(parts[member] for member in one))
        if not still_open[target] or len(choices) < 2 or found.probability < WORTH_OFFERING:
            continue
        words = wording.of_sums(work.half(side).items[target], len(choices), found.place)
        work.choices[side, target] = words
        for members in choices[:MOST_SUGGESTED]:
            work.doubts.append(
                work.group(
                    Outcome.SUGGESTED,
                    Kind.SUM,
                    _sides(target, members, side),
                    (found.probability, 0.0),
                    words,
                    is_ambiguous=True,
                )
            )


def match_many(work: Work) -> None:
    """Match small sets on both sides that add up to each other."""
    rows, columns = work.rows(), work.columns()
    rule = work.block.rule
    for found in search_many(work.block, rows, columns, rule.max_coincidence):
        expected = work.items(Side.EXPECTED, found[0])
        actual = work.items(Side.ACTUAL, found[1])
        words = wording.of_sum(actual, expected, "of so few members")
        work.confirm(Kind.SUM, (found[0], found[1]), (0.99, 0.99), words)


def _sides(
    target: int, members: Sequence[int], side: Side
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Expected and actual members of a sum."""
    whole, parts = (target,), tuple(members)
    return (parts, whole) if side is Side.ACTUAL else (whole, parts)
