"""Where deposits usually have their members, and what those found so far teach about the rest.

What belongs here: the places, what was counted, and what that makes of a guess. What does not:
looking for sums (`sums`). Only modules of this package import this.
"""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum

from scipy import sparse

from orchestration.core.matching.subsets import Floats, Members


class Place(StrEnum):
    """Where the members of a sum stand; the value completes `the only sum ...`."""

    SHARED = "under one reference"
    ALIKE = "of the same text"
    WHOLE_DAY = "of all of one day"
    ROW_OF_DAY = "in a row on one day"
    SOME_OF_DAY = "among those of one day"
    TWO_DAYS = "among those of two days"
    ROW = "in a row"
    SOME = "among those of the window"


# How often the members of a deposit stand there, before anything was learned.
HABIT = {
    Place.SHARED: 0.15,
    Place.ALIKE: 0.15,
    Place.WHOLE_DAY: 0.1,
    Place.ROW_OF_DAY: 0.25,
    Place.SOME_OF_DAY: 0.15,
    Place.TWO_DAYS: 0.05,
    Place.ROW: 0.1,
    Place.SOME: 0.05,
}
IMAGINED = 10.0
LEAST_TO_LEARN = 10
LEAST_BEARING = 3
# Bounds of what the text of a target may say for or against its being a sum.
LEAST_TEXT = -1.2
MOST_TEXT = 3.0


@dataclass(frozen=True, slots=True)
class Sum:
    """Members that add up to a target.

    Attributes:
        target: Index of the target on its side.
        members: Indexes of the members on the other side, ascending.
        place: Where they stand.
        probability: Of being the true one, against the other answers and against none.
        rivals: Other answers that are worth a look.
    """

    target: int
    members: Members
    place: Place
    probability: float
    rivals: tuple[Members, ...] = ()


@dataclass(slots=True)
class Habits:
    """What the sums found so far teach about the rest.

    Attributes:
        places: How many stood where.
        sizes: How many had how many members.
        features: How many targets of confirmed sums bore which part of a text.
        count: How many were confirmed.
    """

    places: dict[Place, float] = field(default_factory=lambda: defaultdict(float))
    sizes: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    features: dict[int, float] = field(default_factory=lambda: defaultdict(float))
    count: int = 0

    def learn(self, found: Sum, text: sparse.csr_matrix) -> None:
        """Count a sum that was confirmed, and the parts of its target's text."""
        self.count += 1
        self.places[found.place] += 1
        self.sizes[len(found.members)] += 1
        for feature in text.indices.tolist():
            self.features[feature] += 1

    def of_text(self, text: sparse.csr_matrix, share: Floats) -> float:
        """Log of how much likelier sums are among targets of such a text; share is of all."""
        if self.count < LEAST_TO_LEARN:
            return 0.0
        best = LEAST_TEXT
        for feature in text.indices.tolist():
            if self.features[feature] >= LEAST_BEARING:
                among = self.features[feature] / (self.count + 1.0)
                best = max(best, math.log(among / float(share[feature])))
        return min(best, MOST_TEXT)

    def of_place(self, place: Place) -> float:
        """Log of how often sums stand there."""
        total = sum(self.places.values())
        return math.log((HABIT[place] * IMAGINED + self.places[place]) / (IMAGINED + total))

    def of_size(self, size: int, most: int) -> float:
        """Log of how often a sum has this size, among the sizes that are possible."""
        even = IMAGINED / max(1, most - 1)
        total = IMAGINED + sum(count for one, count in self.sizes.items() if one <= most)
        near = sum(self.sizes.get(size + step, 0.0) for step in (-1, 0, 1)) / 3
        return math.log((even + near) / total)
