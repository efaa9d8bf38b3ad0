"""Members of one side that add up to one member of the other: deposits and split payments.

What belongs here: where a sum is looked for, and how likely one that was found is the true one.
What does not: what is done with it (`sum_passes`). Only modules of this package import this.

A sum is looked for where a deposit usually has its members: under a shared word, all of one day, in
a row without gaps, among those of one day, among those of the window. The likelier the place and
the fewer sums it holds, the more an agreement there proves; amounts that are rare prove more than
round ones. All answers for a target are weighed against each other and against none being true.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import sparse

from orchestration.core.matching.block import Half, Ints, natural
from orchestration.core.matching.habits import Habits, Place, Sum
from orchestration.core.matching.items import UNITS_PER_MAJOR
from orchestration.core.matching.subsets import Bounds, Members, Subsets, subsets_of

LEAST_LAG = 0.004
LEAST_BEARERS = 2
MOST_BEARERS = 400
MOST_IN_ROW = 600
# Half of the targets that are in no pair are taken for sums before anything was learned.
ODDS_OF_SUM = 1.0
NEAR = 1.5
# How fine totals are: what all amounts of an answer have in common, within these.
FINEST_GRAIN = UNITS_PER_MAJOR // 100
COARSEST_GRAIN = UNITS_PER_MAJOR
MOST_KEPT = 4
WORTH_A_LOOK = 0.02
LEAST_ALIKE = 0.25
MOST_ALIKE_TAKEN = 3
MOST_ALIKE = 10


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of both sides.

    Attributes:
        words: Of each part, the numbers of its whole words.
        targets: Vectors of the targets.
        parts: Vectors of the parts.
    """

    words: Sequence[Ints]
    targets: sparse.csr_matrix
    parts: sparse.csr_matrix


class Search:
    """Looks for the members of open targets among the open members of the other side."""

    def __init__(
        self,
        targets: Half,
        parts: tuple[Half, Ints],
        texts: Texts,
        bounds: Bounds,
        habits: Habits,
    ) -> None:
        self.targets = targets
        self.half, self.open = parts
        self.bounds = bounds
        self.habits = habits
        self.given_up = 0
        self.days = self.half.day[self.open]
        self.sizes = np.sort(np.log(np.abs(targets.amount).astype(np.float64)))
        self.groups, self.group_count = _shared(self.half, texts.words, self.open)
        self.texts = texts
        bearing = np.asarray((texts.targets > 0).sum(axis=0)).ravel()
        self.share = (bearing + 1.0) / (texts.targets.shape[0] + 2.0)
        names = [natural(self.half.items[one].name) for one in self.open.tolist()]
        rank = np.empty(len(self.half), dtype=np.int64)
        rank[self.open[sorted(range(len(names)), key=lambda at: names[at])]] = np.arange(len(names))
        self.rank = rank
        self.cache: dict[tuple[int, int, int], Subsets] = {}

    def answers(self, target: int) -> Sum | None:
        """The likeliest sum for a target with its rivals; None where nothing adds up to it."""
        amount, day = int(self.targets.amount[target]), int(self.targets.day[target])
        party = int(self.targets.party[target])
        found: dict[Members, dict[Place, float]] = defaultdict(dict)
        last_lag = self.bounds.first_lag + len(self.bounds.lags) - 1
        window = self._between(day - last_lag, day - self.bounds.first_lag, party)
        if len(window) < 2:
            return None
        self._in_groups(amount, day, window, found)
        self._alike(target, window, found)
        bounds = np.flatnonzero(np.diff(self.half.day[window])) + 1
        earlier = window[:0]
        for members in np.split(window, bounds):
            lag = self.bounds.lag(day - int(self.half.day[members[0]]))
            if lag >= LEAST_LAG:
                if len(members) >= 2:
                    self._on_day(amount, members, math.log(lag), found)
                if len(earlier):
                    self._on_two_days(amount, earlier, members, math.log(lag), found)
            earlier = members
        self._in_window(amount, day, window, found)
        return self._weigh(target, amount, found)

    def _between(self, since: int, until: int, party: int) -> Ints:
        """Open members of some days that are of the party or of none."""
        low = int(np.searchsorted(self.days, since, "left"))
        high = int(np.searchsorted(self.days, until, "right"))
        members = self.open[low:high]
        if party:
            own = self.half.party[members]
            members = members[(own == party) | (own == 0)]
        return members

    def _note(
        self, found: dict[Members, dict[Place, float]], members: Members, place: Place, worth: float
    ) -> None:
        """Remember an answer, in each place once."""
        places = found[members]
        places[place] = max(worth, places.get(place, -math.inf))

    def _in_groups(
        self, amount: int, day: int, window: Ints, found: dict[Members, dict[Place, float]]
    ) -> None:
        """Members that share a word."""
        some = self.groups.get(amount, ())
        if not some:
            return
        inside = set(window.tolist())
        among = max(1.0, self.group_count * len(window) / max(1, len(self.open)))
        for members in some:
            if inside.issuperset(members):
                lag = self.bounds.lag(day - int(self.half.day[members[-1]]))
                worth = self.habits.of_place(Place.SHARED) - math.log(among)
                self._note(found, members, Place.SHARED, worth + math.log(max(lag, LEAST_LAG)))

    def _alike(self, target: int, window: Ints, found: dict[Members, dict[Place, float]]) -> None:
        """Members whose texts are like the target's own."""
        row = self.texts.targets[target]
        if not row.nnz:
            return
        likeness = np.asarray((self.texts.parts[window] @ row.T).todense()).ravel()
        like = np.flatnonzero(likeness >= LEAST_ALIKE)
        if not len(like):
            return
        best = like[np.argsort(-np.round(likeness[like], 6), kind="stable")][:MOST_ALIKE]
        members = window[np.sort(best)]
        count = len(members)
        amount = int(self.targets.amount[target])
        place = self.habits.of_place(Place.ALIKE)
        for some in subsets_of(self.half, members, self.bounds).adding_up_to(amount):
            worth = place + self.habits.of_size(len(some), count)
            self._note(found, some, Place.ALIKE, worth - math.log(math.comb(count, len(some))))
        # A part whose text was lost may make up the rest.
        rest: dict[int, list[int]] = defaultdict(list)
        for member in np.setdiff1d(window, members).tolist():
            rest[int(self.half.amount[member])].append(member)
        for size in range(1, min(count, MOST_ALIKE_TAKEN) + 1):
            for some in combinations(members.tolist(), size):
                left = amount - sum(int(self.half.amount[one]) for one in some)
                for member in rest.get(left, ()):
                    worth = place + self.habits.of_size(size + 1, count + 1)
                    worth -= math.log(math.comb(count, size) * len(window))
                    self._note(found, tuple(sorted((*some, member))), Place.ALIKE, worth)

    def _on_day(
        self, amount: int, members: Ints, lag: float, found: dict[Members, dict[Place, float]]
    ) -> None:
        """All, some, or a row of the members of one day."""
        count = len(members)
        most = min(count, self.bounds.max_members)
        if int(self.half.amount[members].sum()) == amount:
            self._note(
                found,
                tuple(members.tolist()),
                Place.WHOLE_DAY,
                self.habits.of_place(Place.WHOLE_DAY) + lag,
            )
        for start, end in _rows(self.half.amount[members], amount, most):
            size = end - start
            worth = self.habits.of_place(Place.ROW_OF_DAY) + self.habits.of_size(size, most)
            self._note(
                found,
                tuple(members[start:end].tolist()),
                Place.ROW_OF_DAY,
                worth + lag - math.log(count - size + 1),
            )
        subsets = self._subsets(members)
        for some in subsets.adding_up_to(amount):
            worth = self.habits.of_place(Place.SOME_OF_DAY) + self.habits.of_size(len(some), most)
            self._note(
                found, some, Place.SOME_OF_DAY, worth + lag - math.log(math.comb(count, len(some)))
            )
        if subsets.largest < most and not found:
            self.given_up += 1

    def _on_two_days(
        self,
        amount: int,
        earlier: Ints,
        later: Ints,
        lag: float,
        found: dict[Members, dict[Place, float]],
    ) -> None:
        """Members of two neighbouring days."""
        members = np.concatenate([earlier, later])
        count = len(members)
        most = min(count, self.bounds.max_members)
        place = self.habits.of_place(Place.TWO_DAYS) + lag
        for some in self._subsets(members).adding_up_to(amount):
            worth = place + self.habits.of_size(len(some), most)
            self._note(found, some, Place.TWO_DAYS, worth - math.log(math.comb(count, len(some))))

    def _in_window(
        self, amount: int, day: int, window: Ints, found: dict[Members, dict[Place, float]]
    ) -> None:
        """Rows and small selections that reach over several days."""
        count = len(window)
        most = min(count, self.bounds.max_members)
        place = self.habits.of_place(Place.ROW) - math.log(2.0)
        # Rows that reach over several days are as many as there are members a day to end on.
        place -= math.log(max(1.0, count / len(np.unique(self.half.day[window]))))
        for ordered in (window, window[np.argsort(self.rank[window])]):
            if count > MOST_IN_ROW:
                break
            for start, end in _rows(self.half.amount[ordered], amount, most):
                members = np.sort(ordered[start:end])
                lag = self.bounds.lag(day - int(self.half.day[members[-1]]))
                worth = place + self.habits.of_size(end - start, most)
                self._note(
                    found,
                    tuple(members.tolist()),
                    Place.ROW,
                    worth + math.log(max(lag, LEAST_LAG)),
                )
        for some in self._subsets(window).adding_up_to(amount):
            worth = self.habits.of_place(Place.SOME) + self.habits.of_size(len(some), most)
            self._note(found, some, Place.SOME, worth - math.log(math.comb(count, len(some))))

    def _subsets(self, members: Ints) -> Subsets:
        """The subsets of some members, made once for all targets that look at them."""
        key = (int(members[0]), int(members[-1]), len(members))
        if key not in self.cache:
            self.cache[key] = subsets_of(self.half, members, self.bounds)
        return self.cache[key]

    def _weigh(
        self, target: int, amount: int, found: dict[Members, dict[Place, float]]
    ) -> Sum | None:
        """The likeliest answer, by the places it stands in and the rarity of such a total."""
        if not found:
            return None
        size = math.log(abs(amount))
        near = np.searchsorted(self.sizes, [size - math.log(NEAR), size + math.log(NEAR)])
        share = (int(near[1] - near[0]) + 1) / (len(self.sizes) + 1)
        density = share / (abs(amount) * (NEAR - 1 / NEAR))
        finest = min(int(np.gcd.reduce(self.half.amount[list(members)])) for members in found)
        grain = min(max(finest, FINEST_GRAIN), COARSEST_GRAIN)
        worth = math.log(ODDS_OF_SUM) - math.log(density * grain)
        worth += self.habits.of_text(self.texts.targets[target], self.share)
        weighed = []
        for members, places in found.items():
            weight = math.exp(min(600.0, worth + _log_sum(list(places.values()))))
            best = max(places.items(), key=lambda one: (one[1], one[0]))[0]
            weighed.append((weight, members, best))
        total = 1.0 + sum(weight for weight, _, _ in weighed)
        weighed.sort(key=lambda one: (-one[0], len(one[1]), one[1]))
        weight, members, place = weighed[0]
        rivals = tuple(
            some for its, some, _ in weighed[1 : 1 + MOST_KEPT] if its / total >= WORTH_A_LOOK
        )
        return Sum(target, members, place, weight / total, rivals)


def _log_sum(values: list[float]) -> float:
    """Logarithm of the sum of exponentials."""
    top = max(values)
    return top + math.log(sum(math.exp(value - top) for value in values))


def _rows(amounts: Ints, amount: int, most: int) -> Iterator[tuple[int, int]]:
    """Bounds of the runs without gaps that add up to the amount."""
    starts: dict[int, list[int]] = defaultdict(list)
    for place, total in enumerate([0, *np.cumsum(amounts).tolist()]):
        for start in starts.get(total - amount, ()):
            if 2 <= place - start <= most:
                yield start, place
        starts[total].append(place)


def _shared(
    half: Half, words: Sequence[Ints], open_items: Ints
) -> tuple[dict[int, list[Members]], int]:
    """Members under each word, all of them and day by day, by total; and how many groups."""
    bearers: dict[int, list[int]] = defaultdict(list)
    for item in open_items.tolist():
        for word in words[item].tolist():
            bearers[word].append(item)
    groups: set[Members] = set()
    for items in bearers.values():
        if not LEAST_BEARERS <= len(items) <= MOST_BEARERS:
            continue
        group = np.array(items, dtype=np.int64)
        groups.add(tuple(items))
        for part in np.split(group, np.flatnonzero(np.diff(half.day[group])) + 1):
            if len(part) >= LEAST_BEARERS:
                groups.add(tuple(part.tolist()))
    by_total: dict[int, list[Members]] = defaultdict(list)
    for members in sorted(groups):
        by_total[int(half.amount[list(members)].sum())].append(members)
    return by_total, len(groups)
