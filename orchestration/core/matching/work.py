"""One block at work: its members, what is open, what was decided so far.

What belongs here: the state that all passes share, and what a confirmed or suggested group is made
of. What does not: any pass. Only modules of this package import this.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from orchestration.core.matching.block import Block, Half, Ints
from orchestration.core.matching.evidence import Evidence
from orchestration.core.matching.habits import Habits, Sum
from orchestration.core.matching.items import Group, Item, Kind, Outcome, Side

# A person is offered so many answers to one question.
MOST_SUGGESTED = 3


@dataclass(slots=True)
class Work:
    """What is decided so far.

    Attributes:
        block: The members.
        evidence: What agreement is worth in this block.
        open_expected: Which expected items nothing has matched yet.
        open_actual: The same for actual items.
        groups: Confirmed groups.
        doubts: Suggested groups.
        choices: What a person has to choose, by side and index.
        given_up: Searches that met their bound in the last pass, by side of the target.
        habits: What the sums found so far teach, by side of the target.
        sums: Answers that were not beyond doubt, by side and index of the target.
    """

    block: Block
    evidence: Evidence
    open_expected: np.ndarray[tuple[int], np.dtype[np.bool_]]
    open_actual: np.ndarray[tuple[int], np.dtype[np.bool_]]
    groups: list[Group] = field(default_factory=list)
    doubts: list[Group] = field(default_factory=list)
    choices: dict[tuple[Side, int], str] = field(default_factory=dict)
    given_up: dict[Side, int] = field(default_factory=dict)
    habits: dict[Side, Habits] = field(
        default_factory=lambda: {Side.EXPECTED: Habits(), Side.ACTUAL: Habits()}
    )
    sums: dict[tuple[Side, int], Sum] = field(default_factory=dict)

    def rows(self) -> Ints:
        """Indexes of open expected items."""
        return np.flatnonzero(self.open_expected).astype(np.int64)

    def columns(self) -> Ints:
        """Indexes of open actual items."""
        return np.flatnonzero(self.open_actual).astype(np.int64)

    def half(self, side: Side) -> Half:
        """One side of the block."""
        return self.block.expected if side is Side.EXPECTED else self.block.actual

    def items(self, side: Side, at: Iterable[int]) -> list[Item]:
        """Items of a side."""
        half = self.half(side)
        return [half.items[one] for one in at]

    def confirm(
        self,
        kind: Kind,
        members: tuple[Sequence[int], Sequence[int]],
        worth: tuple[float, float],
        explanation: str,
    ) -> None:
        """Match members for good; they are open no more."""
        for one in members[0]:
            self.open_expected[one] = False
        for one in members[1]:
            self.open_actual[one] = False
        self.groups.append(self.group(Outcome.CONFIRMED, kind, members, worth, explanation))

    def group(
        self,
        outcome: Outcome,
        kind: Kind,
        members: tuple[Sequence[int], Sequence[int]],
        worth: tuple[float, float],
        explanation: str,
        *,
        is_ambiguous: bool = False,
    ) -> Group:
        """A group of members; worth is its score and margin."""
        expected = self.items(Side.EXPECTED, members[0])
        actual = self.items(Side.ACTUAL, members[1])
        return Group(
            outcome,
            kind,
            tuple(sorted(one.key for one in expected)),
            tuple(sorted(one.key for one in actual)),
            sum(one.amount for one in expected) - sum(one.amount for one in actual),
            worth[0],
            worth[1],
            explanation,
            is_exchangeable=kind is Kind.SET,
            is_ambiguous=is_ambiguous,
        )


def log_odds(probability: float) -> float:
    """Natural logarithm of the odds."""
    return math.log(probability / (1.0 - probability))
