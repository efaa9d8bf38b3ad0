"""Members of one side that add up to one member of the other: deposits and split payments.

What belongs here: where a sum is looked for, in which order, within which bounds, and when the only
one found may be trusted. What does not: what is done with it (`solver`).
Only modules of this package import this.

A sum is looked for where a deposit usually has its members: under a shared reference, on one day, in
a row without gaps, among few. Each place tries a known number of sums, so how many would agree by
chance can be told. A place that would bring too many by chance is not searched: what it found
would prove nothing. The first place with an answer decides; two answers in it decide nothing.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from orchestration.core.matching.block import Half, Ints

SIGNIFICANT_SPREAD = 1.0
MOST_SHARED = 400
LEAST_SHARED = 2
MOST_IN_ROW = 400
# So few members are searched through at once: any second answer anywhere counts.
MOST_EXHAUSTED = 12


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sum was looked for.

    Attributes:
        name: In words, such as `on one day`.
        rank: Order of the places; the first with an answer decides.
    """

    name: str
    rank: int


SHARED = Place("under one reference", 0)
ONE_DAY = Place("of one day", 1)
IN_A_ROW = Place("in one row without gaps", 2)
SOME_OF_DAY = Place("among those of one day", 3)
SOME = Place("among those of the window", 4)


@dataclass(frozen=True, slots=True)
class Sum:
    """Members that add up to a target.

    Attributes:
        target: Index of the target on its side.
        members: Indexes of the members on the other side, ascending.
        place: Where they were found.
        chance: How many sums would have agreed by chance in that place.
        rivals: Other answers found in the same place.
    """

    target: int
    members: tuple[int, ...]
    place: Place
    chance: float
    rivals: tuple[tuple[int, ...], ...] = ()


@dataclass(slots=True)
class Search:
    """What a search over all targets came to."""

    found: list[Sum] = field(default_factory=list)
    given_up: int = 0


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a search goes.

    Attributes:
        before: Days that a member may lie before its target; `after` after it.
        max_members: Members of a sum at most.
        max_subsets: Sums tried for one target at most.
        max_chance: Sums that may be expected to agree by chance at most.
    """

    before: int
    after: int
    max_members: int
    max_subsets: int
    max_chance: float


@dataclass(slots=True)
class Pool:
    """The open members of one side, and what they share.

    Attributes:
        half: The side.
        open: Indexes still open, ascending: the order of days and natural names.
        shared: For each feature of few members, who bears it.
    """

    half: Half
    open: Ints
    shared: dict[int, Ints]


def pool_of(half: Half, words: Sequence[Ints], open_items: Ints) -> Pool:
    """Lay out the open members of a side; words are those of all its items, as numbers."""
    bearers: dict[int, list[int]] = defaultdict(list)
    for item in open_items.tolist():
        for word in words[item].tolist():
            bearers[word].append(item)
    shared = {
        feature: np.array(items, dtype=np.int64)
        for feature, items in bearers.items()
        if LEAST_SHARED <= len(items) <= MOST_SHARED
    }
    return Pool(half, open_items, shared)


def search_sums(targets: Half, open_targets: Ints, pool: Pool, bounds: Bounds) -> Search:
    """Look for the members of each open target.

    Args:
        targets: The side of the targets.
        open_targets: Indexes of those that nothing has matched.
        pool: The open members of the other side.
        bounds: How far to look.

    Returns:
        At most one answer a target, with its rivals; and how many targets were given up.
    """
    search = Search()
    days = pool.half.day[pool.open]
    groups = _shared_sums(pool)
    group_count = sum(len(one) for one in groups.values())
    for target in open_targets.tolist():
        day, party = int(targets.day[target]), int(targets.party[target])
        low = int(np.searchsorted(days, day - bounds.before, "left"))
        high = int(np.searchsorted(days, day + bounds.after, "right"))
        members = pool.open[low:high]
        if party:
            own = pool.half.party[members]
            members = members[(own == party) | (own == 0)]
        if len(members) < 2:
            continue
        amount = int(targets.amount[target])
        part = len(members) / max(1, len(pool.open))
        answer, was_cut = _answer(
            pool.half, amount, day, members, (groups, group_count * part), bounds
        )
        if answer is not None:
            sets, place, chance = answer
            search.found.append(
                Sum(target, sets[0], place, chance, tuple(sets[1:4]))
            )
        elif was_cut:
            search.given_up += 1
    return search


Groups = dict[int, list[tuple[int, ...]]]
Answer = tuple[list[tuple[int, ...]], Place, float]


def _answer(
    half: Half,
    amount: int,
    day: int,
    members: Ints,
    shared: tuple[Groups, float],
    bounds: Bounds,
) -> tuple[Answer | None, bool]:
    """The first place with an answer; and whether a place was left out because of its size."""
    inside = set(members.tolist())
    if len(members) <= MOST_EXHAUSTED:
        return _exhausted(half, amount, members, bounds)
    groups, group_count = shared
    named = [one for one in groups.get(amount, ()) if inside.issuperset(one)]
    if named:
        chance = _chance(half, members, named[0], group_count)
        if chance <= bounds.max_chance:
            return (_unique(named), SHARED, chance), False
    whole = _whole_days(half, amount, members)
    if whole:
        chance = _chance(half, members, whole[0], float(len(np.unique(half.day[members]))))
        return (_unique(whole), ONE_DAY, chance), False
    rows, tried = _rows(half, amount, members, bounds.max_members)
    was_cut = False
    if rows:
        chance = _chance(half, members, rows[0], tried)
        if chance <= bounds.max_chance:
            return (_unique(rows), IN_A_ROW, chance), False
        was_cut = True
    nearest = np.unique(half.day[members])
    nearest = nearest[np.argsort(np.abs(nearest - day), kind="stable")]
    days = [members[half.day[members] == one] for one in nearest.tolist()]
    for place, pools in ((SOME_OF_DAY, days), (SOME, [members])):
        sets: list[tuple[int, ...]] = []
        tried = 0.0
        for some in pools:
            found, cost, cut = _subsets(half, amount, some, bounds)
            sets += found
            tried += cost
            was_cut = was_cut or cut
        if sets:
            chance = _chance(half, members, sets[0], tried)
            return (_unique(sets), place, chance), was_cut
    return None, was_cut


def _exhausted(
    half: Half, amount: int, members: Ints, bounds: Bounds
) -> tuple[Answer | None, bool]:
    """The answers among few members, wherever they stand."""
    some, tried, was_cut = _subsets(half, amount, members, bounds)
    rows, runs = _rows(half, amount, members, bounds.max_members)
    sets = _unique([*some, *rows, *_whole_days(half, amount, members)])
    if not sets:
        return None, was_cut
    return (sets, SOME, _chance(half, members, sets[0], max(tried, runs))), was_cut


def _unique(sets: Iterable[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Each set once, in a fixed order."""
    return sorted(set(sets), key=lambda one: (len(one), one))


def _shared_sums(pool: Pool) -> dict[int, list[tuple[int, ...]]]:
    """The members under each shared feature, all of them and day by day, by what they add up to."""
    found: dict[int, set[tuple[int, ...]]] = defaultdict(set)
    for items in pool.shared.values():
        days = pool.half.day[items]
        parts = [items] if int(np.ptp(days)) == 0 else [items, *_split(items, days)]
        for part in parts:
            if len(part) >= LEAST_SHARED:
                total = int(pool.half.amount[part].sum())
                found[total].add(tuple(part.tolist()))
    return {total: sorted(sets) for total, sets in found.items()}


def _split(items: Ints, by: Ints) -> list[Ints]:
    """Items by day; they come sorted by day."""
    return list(np.split(items, np.flatnonzero(np.diff(by)) + 1))


def _whole_days(half: Half, amount: int, members: Ints) -> list[tuple[int, ...]]:
    """Days whose open members add up to the target."""
    days = half.day[members]
    return [
        tuple(part.tolist())
        for part in _split(members, days)
        if len(part) >= 2 and int(half.amount[part].sum()) == amount
    ]


def _rows(
    half: Half, amount: int, members: Ints, most: int
) -> tuple[list[tuple[int, ...]], float]:
    """Runs without gaps that add up to the target, and how many runs there are."""
    if len(members) > MOST_IN_ROW:
        return [], 0.0
    before = np.concatenate([[0], np.cumsum(half.amount[members])])
    found = []
    ends: dict[int, list[int]] = defaultdict(list)
    for place, total in enumerate(before.tolist()):
        for start in ends.get(total - amount, ()):
            if 2 <= place - start <= most:
                found.append(tuple(members[start:place].tolist()))
        ends[total].append(place)
    count = len(members)
    return found, float(count * min(count, most))


def _chance(half: Half, members: Ints, found: Sequence[int], tried: float) -> float:
    """How many of so many sums would agree by chance: amounts spread, and how fine they are."""
    amounts = half.amount[list(found)]
    grain = int(np.gcd.reduce(amounts))
    spread = float(half.amount[members].std()) * math.sqrt(len(found)) + SIGNIFICANT_SPREAD
    return min(1e9, tried * grain / (spread * math.sqrt(2 * math.pi)))


def _subsets(
    half: Half, amount: int, members: Ints, bounds: Bounds
) -> tuple[list[tuple[int, ...]], float, bool]:
    """All subsets that add up to the target, of the sizes that the bounds allow.

    Returns:
        The subsets, how many were tried, and whether larger ones were left out.
    """
    amounts = half.amount[members]
    count = len(members)
    if count < 2:
        return [], 0.0, False
    if (amounts > 0).all() and amount > 0:
        members, amounts = members[amounts < amount], amounts[amounts < amount]
    elif (amounts < 0).all() and amount < 0:
        members, amounts = members[amounts > amount], amounts[amounts > amount]
    count = len(members)
    largest, tried = _largest_size(amounts, amount, bounds)
    found = [
        tuple(members[list(one)].tolist())
        for size_found in _levels(amounts, amount, largest)
        for one in size_found
    ]
    return found, tried, largest < min(count, bounds.max_members)


def _largest_size(amounts: Ints, amount: int, bounds: Bounds) -> tuple[int, float]:
    """Up to which size all subsets can be tried and still prove something."""
    count = len(amounts)
    spread = float(amounts.std()) + SIGNIFICANT_SPREAD if count else 1.0
    grain = int(np.gcd.reduce(np.append(amounts, amount))) if count else 1
    tried, expected, largest = 0.0, 0.0, 1
    for size in range(2, min(count, bounds.max_members) + 1):
        more = float(math.comb(count, size))
        expected += more * grain / (spread * math.sqrt(2 * math.pi * size))
        if tried + more > bounds.max_subsets or expected > bounds.max_chance:
            break
        tried += more
        largest = size
    return largest, tried


def _levels(amounts: Ints, amount: int, largest: int) -> Iterator[list[tuple[int, ...]]]:
    """Subsets of size 2, 3, ... that add up to the amount, each size in order."""
    count = len(amounts)
    chosen = np.arange(count, dtype=np.int64)[:, None]
    sums = amounts.copy()
    for size in range(2, largest + 1):
        last = chosen[:, -1]
        room = count - 1 - last
        source = np.repeat(np.arange(len(chosen)), room)
        offset = np.arange(len(source)) - np.repeat(np.cumsum(room) - room, room)
        added = last[source] + 1 + offset
        sums = sums[source] + amounts[added]
        if size < largest:
            chosen = np.concatenate([chosen[source], added[:, None]], axis=1)
            hits = np.flatnonzero(sums == amount)
            yield [tuple(one) for one in chosen[hits].tolist()]
        else:
            hits = np.flatnonzero(sums == amount)
            last_chosen = np.concatenate([chosen[source[hits]], added[hits][:, None]], axis=1)
            yield [tuple(one) for one in last_chosen.tolist()]
