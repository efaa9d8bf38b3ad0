"""What the solver is given and what it gives back.

What belongs here: the shapes. What does not: how anything is decided.
Every module of `orchestration.core.matching`, and whoever calls the solver, may import this.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

UNITS_PER_MAJOR = 10_000


class Side(StrEnum):
    """Which side of a leg a member stands on."""

    EXPECTED = "expected"
    ACTUAL = "actual"


class Outcome(StrEnum):
    """What became of a group or of an item."""

    CONFIRMED = "confirmed"
    SUGGESTED = "suggested"
    OPEN = "open"


class Kind(StrEnum):
    """How the members of a group belong together."""

    PAIR = "pair"
    SET = "set"
    SUM = "sum"
    NETTED = "netted"
    TOLERANCE = "tolerance"
    FEE = "fee"
    SLIP = "slip"


@dataclass(frozen=True, slots=True)
class Item:
    """One member that no key has matched.

    Attributes:
        key: Unique on its side of the block.
        name: What people call it: its id in its own system.
        amount: Signed, in ten-thousandths of the currency's major unit.
        on: Business date.
        party: Customer or other party; empty where none is known. Members of two sides never match
            where theirs differ; a deposit that names nobody may bundle what several parties paid.
        text: References and names by which it might be recognised; empty where there are none.
    """

    key: str
    name: str
    amount: int
    on: date
    party: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class CandidateRule:
    """One version of the rule of a leg: what may be matched without a key.

    Attributes:
        rule_id: Its name.
        rule_version: Its version.
        days_before: How many days the actual may lie before the expected.
        days_after: How many days it may lie after.
        under_amount: Tolerance when too little came, in item units; `over_amount` when too much.
        under_rate: The same as a part of the expected amount, 0 to 1; `over_rate` likewise.
        fee_amount: The most that a fee may keep back, in item units; 0 allows none.
        fee_rate: The most that a fee may keep back, as a part of the expected amount.
        allows_slips: Whether typing slips in amounts are looked for.
        confirm_probability: From which probability a match is confirmed.
        suggest_probability: From which probability it is suggested.
        max_members: Members of a sum at most.
        max_subsets: Sums tried for one member at most, before its search is given up and said so.
        max_coincidence: Sums that may be expected to agree by chance where one is accepted.
    """

    rule_id: str = "CAND"
    rule_version: int = 1
    days_before: int = 12
    days_after: int = 12
    under_amount: int = 0
    over_amount: int = 0
    under_rate: float = 0.0
    over_rate: float = 0.0
    fee_amount: int = 0
    fee_rate: float = 0.0
    allows_slips: bool = False
    confirm_probability: float = 0.95
    suggest_probability: float = 0.30
    max_members: int = 12
    max_subsets: int = 200_000
    max_coincidence: float = 0.1


@dataclass(frozen=True, slots=True)
class Group:
    """Members that belong together, or may.

    Attributes:
        outcome: Confirmed or suggested.
        kind: How they belong together.
        expected: Keys of the expected members, sorted.
        actual: Keys of the actual members, sorted.
        residual: Sum expected less sum actual, in item units.
        score: Probability of the match, 0 to 1.
        margin: Score less that of the second best choice.
        explanation: Why, in one sentence.
        is_exchangeable: The members agree as a set; nothing tells which belongs to which.
        is_ambiguous: Another choice is as good, or nearly so.
    """

    outcome: Outcome
    kind: Kind
    expected: tuple[str, ...]
    actual: tuple[str, ...]
    residual: int
    score: float
    margin: float
    explanation: str
    is_exchangeable: bool = False
    is_ambiguous: bool = False

    @property
    def key(self) -> str:
        """Deterministic id of the group: the same members make the same id."""
        return group_key(self.expected, self.actual)


@dataclass(frozen=True, slots=True)
class OpenItem:
    """A member that stays open.

    Attributes:
        side: Which side it stands on.
        key: Its key.
        is_ambiguous: Several partners fit equally well.
        explanation: The nearest miss, or the choice that a person has to make, in one sentence.
    """

    side: Side
    key: str
    is_ambiguous: bool
    explanation: str


@dataclass(frozen=True, slots=True)
class Solution:
    """The outcome for one block.

    Attributes:
        groups: Confirmed and suggested groups, ordered by their keys.
        open_items: Every member that is in no confirmed group.
        given_up: Members whose search for a sum met its bound before its end.
    """

    groups: tuple[Group, ...]
    open_items: tuple[OpenItem, ...]
    given_up: int = 0


def group_key(expected: Iterable[str], actual: Iterable[str]) -> str:
    """Return the id of a group of members, whatever their order."""
    digest = hashlib.sha256()
    for mark, keys in (("e", expected), ("a", actual)):
        for key in sorted(keys):
            digest.update(f"{mark}\x1f{key}\x1e".encode())
    return "as_" + digest.hexdigest()[:32]
