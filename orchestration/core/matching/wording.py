"""Sentences about matches that a person in finance understands.

What belongs here: words. What does not: decisions. Only modules of this package import this.
"""

from collections.abc import Sequence
from decimal import Decimal

from orchestration.core.matching.items import UNITS_PER_MAJOR, Item, Kind

MOST_NAMED = 3
ALIKE = 0.5
A_LITTLE_ALIKE = 0.2


def money(units: int) -> str:
    """An amount with two decimals, or more where it has them."""
    value = Decimal(units) / UNITS_PER_MAJOR
    text = f"{value:.4f}"
    return text.removesuffix("00")


def names(items: Sequence[Item]) -> str:
    """The names of a few items, and how many more there are."""
    listed = ", ".join(one.name for one in items[:MOST_NAMED])
    more = len(items) - MOST_NAMED
    return f"{listed} and {more} more" if more > 0 else listed


def apart(expected: Item, actual: Item) -> str:
    """How the dates of two items lie to each other."""
    days = (actual.on - expected.on).days
    if days == 0:
        return "on the same day"
    unit = "day" if abs(days) == 1 else "days"
    return f"{abs(days)} {unit} {'later' if days > 0 else 'earlier'}"


def of_likeness(likeness: float, *, has_texts: bool) -> str:
    """What the texts say, in a few words."""
    if not has_texts:
        return "there is no text to compare"
    if likeness >= ALIKE:
        return "the texts agree"
    return "the texts agree in part" if likeness >= A_LITTLE_ALIKE else "the texts say little"


def of_pair(expected: Item, actual: Item, kind: Kind, text: str) -> str:
    """Why one item answers another."""
    gap = expected.amount - actual.amount
    start = f"{actual.name} answers {expected.name}: "
    if kind is Kind.PAIR:
        return (
            f"{start}the same amount of {money(actual.amount)} {apart(expected, actual)}, and "
            f"{text}; nothing else fits as well."
        )
    less = f"{money(abs(gap))} {'less' if gap > 0 else 'more'}, "
    why = {
        Kind.TOLERANCE: "within the tolerance",
        Kind.FEE: "a fee that was kept back",
        Kind.SLIP: "one amount is the other mistyped",
    }[kind]
    return f"{start}{less}{why}, {apart(expected, actual)}, and {text}."


def of_set(expected: Sequence[Item], actual: Sequence[Item]) -> str:
    """Why a set answers a set although nothing tells which member belongs to which."""
    total = sum(one.amount for one in actual)
    return (
        f"{names(actual)} answer {names(expected)} together: {money(total)} on either side; their "
        "amounts are equal and nothing tells which belongs to which, so they are matched as a set."
    )


def of_sum(whole: Sequence[Item], parts: Sequence[Item], where: str) -> str:
    """Why several members add up to what stands on the other side."""
    total = sum(one.amount for one in whole)
    return (
        f"{names(parts)} add up to {money(total)}, exactly what {names(whole)} "
        f"{'shows' if len(whole) == 1 else 'show'}; it is the only sum {where} that does."
    )


def of_netted(first: Item, second: Item) -> str:
    """Why two members of one side need nothing from the other."""
    return (
        f"{second.name} takes {first.name} of {money(first.amount)} back, and the other side shows "
        "neither: together they come to nothing."
    )


def of_choice(item: Item, rivals: Sequence[Item]) -> str:
    """What a person has to choose between."""
    return (
        f"{item.name} of {money(item.amount)} fits {names(rivals)} equally well: say which one is "
        "meant."
    )


def of_sums(item: Item, count: int, where: str) -> str:
    """Several sums agree."""
    return (
        f"{item.name} of {money(item.amount)} is the sum of {count} different selections {where}: "
        "say which one is meant."
    )


def of_doubt(expected: Item, actual: Item) -> str:
    """A pair that is likely, but not beyond doubt."""
    gap = expected.amount - actual.amount
    amount = "the same amount" if gap == 0 else f"{money(abs(gap))} {'less' if gap > 0 else 'more'}"
    return (
        f"{actual.name} may answer {expected.name}: {amount}, {apart(expected, actual)}, but not "
        "beyond doubt."
    )


def of_nearest(item: Item, nearest: Item | None, gap: int, days: int) -> str:
    """The nearest miss of an item that stays open; gap is how much larger the other one is."""
    if nearest is None:
        return f"Nothing near {money(item.amount)} was found within the window."
    when = "the same day" if days == 0 else f"{abs(days)} days {'later' if days > 0 else 'earlier'}"
    if gap == 0:
        return (
            f"The nearest is {nearest.name} of the same amount, {when}, but that is outside the "
            "window, taken, or not beyond doubt."
        )
    more = "more" if gap > 0 else "less"
    amount = money(nearest.amount)
    return f"The nearest is {nearest.name} of {amount}, {money(abs(gap))} {more}, {when}."
