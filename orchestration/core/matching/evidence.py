"""What the agreement of amount, date and text is worth, learned from the block itself.

What belongs here: log-likelihood ratios. Pairs whose amount occurs once on either side are mostly
true; pairs drawn blindly are not: how the two differ in likeness and in days is what likeness and
days are worth here. Small blocks fall back on a cautious prior. What does not: decisions.
Only modules of this package import this.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from orchestration.core.matching.block import Block, Half, Ints

Floats = npt.NDArray[np.float64]

EDGES = np.array([0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
# What likeness looks like before anything was learned, as parts of a few imagined observations.
PRIOR_SAME = np.array([8, 4, 4, 4, 5, 5, 5, 8, 9, 10, 10, 9, 8, 11]) / 100
PRIOR_OTHER = np.array([60, 12, 10, 6, 4, 2.5, 2, 1.5, 0.9, 0.5, 0.3, 0.15, 0.1, 0.05]) / 100
IMAGINED_TEXTS = 20.0
IMAGINED_DAYS = 10.0
DAYS_OF_DECAY = 3.0
DRAWN_PAIRS = 200_000
LEAST_FOR_LEVELS = 200
LEVELS = (0.1, 0.25, 0.5)
# Chance that two amounts agree, by how round they are: cents, whole units, tens, hundreds.
CHANCE = np.array([0.001, 0.003, 0.006, 0.01])
IMAGINED_AMOUNTS = 50.0
LEAST_CHANCE = 1e-7
ROUND_STEPS = (10_000, 100_000, 1_000_000)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What this block says agreement is worth.

    Attributes:
        block: The members.
        levels: Bounds of how much the poorer text of a pair tells.
        text: Log-likelihood ratio by that level and by bin of likeness.
        days: Log-likelihood ratio by day of the window, from the earliest.
        expected_chance: Per expected amount the chance that a blind draw has it; by item.
        actual_chance: The same for actual items.
    """

    block: Block
    levels: Floats
    text: Floats
    days: Floats
    expected_chance: Floats
    actual_chance: Floats

    def of_text(self, rows: Ints, columns: Ints) -> Floats:
        """What the likeness of each pair is worth; 0 where a text is missing."""
        level = level_of(self.block, self.levels, rows, columns)
        likeness = np.digitize(self.block.texts.likeness(rows, columns), EDGES)
        worth = self.text[level, likeness]
        return np.where(self.block.texts.known(rows, columns), worth, 0.0)

    def of_days(self, rows: Ints, columns: Ints) -> Floats:
        """What the days between each pair are worth."""
        days = self.block.actual.day[columns] - self.block.expected.day[rows]
        return np.asarray(self.days[days + self.block.rule.days_before])

    def crowd(
        self, rows: Ints, columns: Ints, open_rows: Ints, open_columns: Ints
    ) -> tuple[Floats, Floats]:
        """How many open items of the other side lie in the window of each pair's two items."""
        block, rule = self.block, self.block.rule
        return (
            neighbours(
                part_of(block.actual, open_columns),
                block.expected,
                rows,
                rule.days_before,
                rule.days_after,
            ),
            neighbours(
                part_of(block.expected, open_rows),
                block.actual,
                columns,
                rule.days_after,
                rule.days_before,
            ),
        )

    def of_amount(self, rows: Ints, columns: Ints, open_rows: Ints, open_columns: Ints) -> Floats:
        """How many open partners of the same amount chance would bring, the larger of both views.

        What is matched already is nobody's partner any more.
        """
        seen_by_expected, seen_by_actual = self.crowd(rows, columns, open_rows, open_columns)
        return np.maximum(
            seen_by_expected * self.actual_chance[columns],
            seen_by_actual * self.expected_chance[rows],
        )


def part_of(half: Half, at: Ints) -> Half:
    """Some items of a side, without the items themselves."""
    return Half((), half.amount[at], half.day[at], half.party[at])


def neighbours(those: Half, ours: Half, at: Ints, before: int, after: int) -> Floats:
    """How many of those lie in the window of each of ours, of the same party where it is known."""
    days = np.sort(those.day)
    since, until = ours.day[at] - before, ours.day[at] + after
    counts = np.searchsorted(days, until, "right") - np.searchsorted(days, since, "left")
    if those.party.any() and ours.party.any():
        span = int(max(those.day.max(), ours.day.max())) + before + after + 2
        keyed = np.sort(those.party * span + those.day)

        def of_party(party: Ints) -> Ints:
            return np.asarray(
                np.searchsorted(keyed, party * span + until, "right")
                - np.searchsorted(keyed, party * span + since, "left")
            )

        # Those without a party are candidates of everybody.
        own = of_party(ours.party[at]) + of_party(np.zeros(len(at), dtype=np.int64))
        counts = np.where(ours.party[at] > 0, own, counts)
    return np.asarray(np.maximum(counts, 1.0))


def roundness(amounts: Ints) -> Ints:
    """0 for an amount with cents, 1 for whole units, 2 for tens, 3 for hundreds."""
    return np.asarray(sum((amounts % step == 0).astype(np.int64) for step in ROUND_STEPS))


def chances(half: Half) -> Floats:
    """For each item the chance that a blind draw from its side has the same amount.

    An amount seen once is about as likely as Good and Turing say: twice the number of amounts seen
    twice over those seen once. Rounder amounts are counted apart, for they meet more often.
    """
    found = np.zeros(len(half))
    if not len(half):
        return found
    values, where, counts = np.unique(half.amount, return_inverse=True, return_counts=True)
    levels = roundness(values)
    total = len(half)
    for level in range(len(CHANCE)):
        of_level = levels == level
        once = int((counts[of_level] == 1).sum())
        twice = int((counts[of_level] == 2).sum())
        single = min(1.0, 2.0 * (twice + 0.1) / (once + 1.0)) / total
        rate = np.where(counts == 1, single, np.maximum(counts - 1.0, single * total) / total)
        blended = (rate * total + CHANCE[level] * IMAGINED_AMOUNTS) / (total + IMAGINED_AMOUNTS)
        shrunk = np.where(total > 10 * IMAGINED_AMOUNTS, rate, blended)
        found = np.where(levels[where] == level, shrunk[where], found)
    return np.maximum(found, LEAST_CHANCE)


def learn(block: Block, rows: Ints, columns: Ints) -> Evidence:
    """Learn from pairs of equal amount in the window: those that are the only choice of both."""
    row_counts = np.bincount(rows, minlength=len(block.expected))
    column_counts = np.bincount(columns, minlength=len(block.actual))
    sure = (row_counts[rows] == 1) & (column_counts[columns] == 1)
    levels = _levels(block, rows[sure], columns[sure])
    return Evidence(
        block,
        levels,
        _text_worth(block, levels, rows[sure], columns[sure]),
        _days_worth(block, rows[sure], columns[sure]),
        chances(block.expected),
        chances(block.actual),
    )


def blind_pairs(block: Block) -> tuple[Ints, Ints]:
    """Pairs drawn without looking, always the same for the same block, of different amounts."""
    expected, actual = len(block.expected), len(block.actual)
    if not expected or not actual:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty
    count = min(DRAWN_PAIRS, expected * actual)
    if count == expected * actual:
        rows, columns = np.divmod(np.arange(count, dtype=np.int64), actual)
    else:
        draw = np.arange(count, dtype=np.int64)
        rows = draw % expected
        columns = (draw * 2_654_435_761 + (draw // expected) * 40_503) % actual
    other = block.expected.amount[rows] != block.actual.amount[columns]
    return rows[other], columns[other]


def level_of(block: Block, levels: Floats, rows: Ints, columns: Ints) -> Ints:
    """How much the poorer text of each pair tells, as a level."""
    poorer = np.minimum(block.texts.told_expected[rows], block.texts.told_actual[columns])
    return np.asarray(np.digitize(poorer, levels))


def _levels(block: Block, rows: Ints, columns: Ints) -> Floats:
    """Bounds between texts that tell little and much; none where there are few true pairs."""
    known = block.texts.known(rows, columns)
    if int(known.sum()) < LEAST_FOR_LEVELS:
        return np.zeros(0)
    poorer = np.minimum(
        block.texts.told_expected[rows[known]], block.texts.told_actual[columns[known]]
    )
    return np.unique(np.quantile(poorer, LEVELS))


def _text_worth(block: Block, levels: Floats, rows: Ints, columns: Ints) -> Floats:
    """Log of how much likelier each bin of likeness is among true pairs, never falling.

    A text that tells little is rarely alike even in a true pair, so each level is learned apart.
    """
    bins = len(EDGES) + 1

    def spread(some: Ints, others: Ints, prior: Floats) -> Floats:
        known = block.texts.known(some, others)
        some, others = some[known], others[known]
        place = level_of(block, levels, some, others) * bins
        place = place + np.digitize(block.texts.likeness(some, others), EDGES)
        counts = np.bincount(place, minlength=bins * (len(levels) + 1)).reshape(-1, bins)
        return np.asarray(
            (counts + IMAGINED_TEXTS * prior) / (counts.sum(axis=1, keepdims=True) + IMAGINED_TEXTS)
        )

    same = spread(rows, columns, PRIOR_SAME)
    other = spread(*blind_pairs(block), PRIOR_OTHER)
    return np.stack(
        [_never_falling(np.log(one / two), one + two) for one, two in zip(same, other, strict=True)]
    )


def _days_worth(block: Block, rows: Ints, columns: Ints) -> Floats:
    """Log of how much likelier each number of days is among true pairs than in an even spread."""
    before, after = block.rule.days_before, block.rule.days_after
    days = np.arange(-before, after + 1)
    prior = np.exp(-np.abs(days) / DAYS_OF_DECAY)
    prior = 0.9 * prior / prior.sum() + 0.1 / len(days)
    found = np.bincount(
        block.actual.day[columns] - block.expected.day[rows] + before, minlength=len(days)
    )
    same = (found + IMAGINED_DAYS * prior) / (found.sum() + IMAGINED_DAYS)
    # A little of the neighbouring days, so that a day that happened not to occur is no bar.
    padded = np.pad(same, 1, mode="edge")
    smooth = 0.8 * same + 0.1 * padded[:-2] + 0.1 * padded[2:]
    return np.asarray(np.log(smooth * len(days)))


def _never_falling(values: Floats, weights: Floats) -> Floats:
    """The nearest sequence that never falls (pool adjacent violators)."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        pools.append((value, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (one, its, size), (two, other, more) = pools[-2], pools[-1]
            pools[-2:] = [((one * its + two * other) / (its + other), its + other, size + more)]
    return np.concatenate([np.full(size, value) for value, _, size in pools])
