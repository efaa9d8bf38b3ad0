"""One block solved: what is matched, what is suggested, what stays open, and why.

What belongs here: the order of the passes, each on what the last left open, and when a pass is
trusted. What does not: how each pass works. `orchestration.warehouse.assignments` and tests import
this. The outcome depends on the members and the rule alone: not on their order, nor on threads.

1. Members of one side that take each other back leave, where the other side knows neither.
2. Pairs of one amount, for the best total over the block.
3. Sums: several members of one side that make one of the other; then pairs again among the rest.
4. Pairs whose difference has a name: tolerance, fee, slip of the pen.
5. Small sets on both sides that add up to each other.
"""

from collections.abc import Sequence

import numpy as np

from orchestration.core.matching import wording
from orchestration.core.matching.block import block_of
from orchestration.core.matching.differences import equal_pairs
from orchestration.core.matching.evidence import learn
from orchestration.core.matching.items import CandidateRule, Item, Kind, Side, Solution
from orchestration.core.matching.netting import net_pairs
from orchestration.core.matching.pair_passes import pair_differences, pair_equals
from orchestration.core.matching.suggesting import open_items, suggest
from orchestration.core.matching.sum_passes import add_up, match_many, offer_sums
from orchestration.core.matching.work import Work

PASSES_OF_SUMS = 6


def solve(expected: Sequence[Item], actual: Sequence[Item], rule: CandidateRule) -> Solution:
    """Match the members of one block that have no key in common.

    Args:
        expected: What must exist and has no evidence; keys are unique.
        actual: What was reported and leads nowhere; keys are unique.
        rule: The version of the leg's rule.

    Returns:
        Confirmed and suggested groups, and every member left open with its nearest miss. No
        member is in two confirmed groups. An item without text matches by amount and date alone,
        and only where chance cannot explain that they agree.
    """
    block = block_of(expected, actual, rule)
    everything = (
        np.arange(len(block.expected), dtype=np.int64),
        np.arange(len(block.actual), dtype=np.int64),
    )
    work = Work(
        block,
        learn(block, *equal_pairs(block, *everything)),
        np.ones(len(block.expected), dtype=np.bool_),
        np.ones(len(block.actual), dtype=np.bool_),
    )
    net(work)
    pair_equals(work)
    for _ in range(PASSES_OF_SUMS):
        before = len(work.groups)
        work.sums.clear()
        add_up(work, Side.ACTUAL)
        add_up(work, Side.EXPECTED)
        if len(work.groups) == before:
            break
        pair_equals(work)
    pair_differences(work)
    pair_equals(work)
    match_many(work)
    offer_sums(work)
    suggest(work)
    return Solution(
        tuple(sorted((*work.groups, *work.doubts), key=lambda one: (one.outcome, one.key))),
        tuple(open_items(work)),
        sum(work.given_up.values()),
    )


def net(work: Work) -> None:
    """Take out members that take each other back."""
    block = work.block
    sides = (
        (Side.EXPECTED, block.expected, block.actual, block.texts.expected),
        (Side.ACTUAL, block.actual, block.expected, block.texts.actual),
    )
    for side, ours, others, vectors in sides:
        for first, second, likeness in net_pairs(ours, others, block.texts, vectors):
            members = ((first, second), ()) if side is Side.EXPECTED else ((), (first, second))
            words = wording.of_netted(ours.items[first], ours.items[second])
            work.confirm(Kind.NETTED, members, (0.99, min(0.99, likeness)), words)
