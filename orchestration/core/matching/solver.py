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

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from orchestration.core.matching import wording
from orchestration.core.matching.block import Block, Half, Ints, block_of
from orchestration.core.matching.differences import (
    CODES,
    Candidates,
    candidates_by_amount,
    candidates_by_text,
    equal_pairs,
    relation,
)
from orchestration.core.matching.evidence import Evidence, Floats, blind_pairs, learn
from orchestration.core.matching.items import (
    CandidateRule,
    Group,
    Item,
    Kind,
    OpenItem,
    Outcome,
    Side,
    Solution,
)
from orchestration.core.matching.leftovers import nearest_misses
from orchestration.core.matching.many import search_many
from orchestration.core.matching.netting import net_pairs
from orchestration.core.matching.pairing import Pair, best_pairs
from orchestration.core.matching.sums import Bounds, Habits, Search, Sum, Wording
from orchestration.core.matching.texts import TextVectors, words_in

# Before anything is compared: how likely an item has a partner at all, and one that differs.
HAS_PARTNER = 0.7
HAS_NAMED_DIFFERENCE = {Kind.TOLERANCE: 0.5, Kind.FEE: 0.1, Kind.SLIP: 0.1}
LEAST_RATE = {Kind.TOLERANCE: 0.005, Kind.FEE: 0.002, Kind.SLIP: 0.002}
LEAST_CHANCE = 0.001
FEW = 10
MOST_SUGGESTED = 3
PASSES_OF_PAIRS = 6
MARGIN_OF_EQUALS = 0.3
PASSES_OF_SUMS = 6
STRICTER_FOR_SUMS = 0.15
WORTH_OFFERING = 0.2
# Unit vectors of one text have this much in common at least.
SAME_TEXT = 0.999


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


def log_odds(probability: float) -> float:
    """Natural logarithm of the odds."""
    return math.log(probability / (1.0 - probability))


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


def weigh_equals(work: Work) -> tuple[Ints, Ints, Floats]:
    """Open pairs of one amount with the log odds that they belong together."""
    open_rows, open_columns = work.rows(), work.columns()
    rows, columns = equal_pairs(work.block, open_rows, open_columns)
    evidence = work.evidence
    chance = evidence.of_amount(rows, columns, open_rows, open_columns)
    chance = np.maximum(chance, LEAST_CHANCE)
    weights = (
        math.log(HAS_PARTNER)
        - np.log(chance)
        + evidence.of_text(rows, columns)
        + evidence.of_days(rows, columns)
    )
    return rows, columns, weights


def pair_equals(work: Work) -> None:
    """Match pairs of one amount, for the best total; sets where members can be exchanged.

    What is matched leaves fewer that could be mistaken for a partner, so the rest is looked at
    again.
    """
    least = log_odds(work.block.rule.confirm_probability)
    for _ in range(PASSES_OF_PAIRS):
        rows, columns, weights = weigh_equals(work)
        pairs = best_pairs(rows, columns, weights, least)
        sure = [pair for pair in pairs if _is_sure(pair, least)]
        _confirm_pairs(work, sure, lambda _: Kind.PAIR)
        clusters: dict[int, list[Pair]] = {}
        for pair in pairs:
            clusters.setdefault(pair.cluster, []).append(pair)
        sets = [one for one in clusters.values() if len(one) > 1 and _is_set(work, one, least)]
        for cluster in sets:
            _confirm_set(work, cluster)
        if not sure and not sets:
            break


def _is_sure(pair: Pair, least: float) -> bool:
    """Whether a pair may be confirmed: likely by itself, and without a rival."""
    return _probability(pair) >= 1.0 / (1.0 + math.exp(-least)) and not pair.has_free_rival


def _probability(pair: Pair) -> float:
    """How likely a pair is, against standing alone and against the second best choice."""
    rival = math.exp(-pair.margin) if pair.margin < pair.weight else 0.0
    return 1.0 / (1.0 + math.exp(-pair.weight) + rival)


def _is_set(work: Work, cluster: Sequence[Pair], least: float) -> bool:
    """Whether a cluster is certain as a set: each fits, one amount, and nobody is left over.

    Only where nothing could tell its members apart: where both sides have texts that differ among
    themselves, or a little speaks for one of them, a person chooses.
    """
    amounts = {int(work.block.expected.amount[pair.row]) for pair in cluster}
    rows = np.array([pair.row for pair in cluster], dtype=np.int64)
    columns = np.array([pair.column for pair in cluster], dtype=np.int64)
    texts = work.block.texts
    if texts.known(rows, columns).any() and not (
        _is_one_text(texts, texts.actual, columns) or _is_one_text(texts, texts.expected, rows)
    ):
        return False
    return len(amounts) == 1 and all(
        pair.weight >= least
        and pair.margin <= MARGIN_OF_EQUALS
        and not pair.has_free_rival
        and work.open_expected[pair.row]
        and work.open_actual[pair.column]
        for pair in cluster
    )


def _is_one_text(texts: TextVectors, side: sparse.csr_matrix, members: Ints) -> bool:
    """Whether the members of one side all say the same, so that it tells nothing of any."""
    alike = texts.likeness_within(side, members[:-1], members[1:])
    return bool((alike >= SAME_TEXT).all())


def _confirm_pairs(work: Work, pairs: Sequence[Pair], kind_of: Callable[[Pair], Kind]) -> None:
    """Match pairs of items."""
    if not pairs:
        return
    texts = work.block.texts
    rows = np.array([pair.row for pair in pairs], dtype=np.int64)
    columns = np.array([pair.column for pair in pairs], dtype=np.int64)
    likeness, known = texts.likeness(rows, columns), texts.known(rows, columns)
    for place, pair in enumerate(pairs):
        one, other = work.block.expected.items[pair.row], work.block.actual.items[pair.column]
        probability = _probability(pair)
        worth = (probability, probability * -math.expm1(-pair.margin))
        text = wording.of_likeness(float(likeness[place]), has_texts=bool(known[place]))
        kind = kind_of(pair)
        words = wording.of_pair(one, other, kind, text)
        work.confirm(kind, ((pair.row,), (pair.column,)), worth, words)


def _confirm_set(work: Work, cluster: Sequence[Pair]) -> None:
    """Match two sets whose members can be exchanged."""
    rows = sorted(pair.row for pair in cluster)
    columns = sorted(pair.column for pair in cluster)
    words = wording.of_set(work.items(Side.EXPECTED, rows), work.items(Side.ACTUAL, columns))
    score = min(1.0 / (1.0 + math.exp(-pair.weight)) for pair in cluster)
    work.confirm(Kind.SET, (rows, columns), (score, 0.0), words)


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
        Wording(words, own_vectors, vectors),
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


def _sides(
    target: int, members: Sequence[int], side: Side
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Expected and actual members of a sum."""
    whole, parts = (target,), tuple(members)
    return (parts, whole) if side is Side.ACTUAL else (whole, parts)


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


def pair_differences(work: Work) -> None:
    """Match pairs whose amounts differ by something that has a name."""
    least = log_odds(work.block.rule.confirm_probability)
    rows, columns, codes, weights = weigh_differences(work)
    kind_of = {
        (row, column): CODES[code]
        for row, column, code in zip(rows.tolist(), columns.tolist(), codes.tolist(), strict=True)
    }
    sure = [pair for pair in best_pairs(rows, columns, weights, least) if _is_sure(pair, least)]
    _confirm_pairs(work, sure, lambda pair: kind_of[pair.row, pair.column])


def weigh_differences(work: Work) -> tuple[Ints, Ints, Ints, Floats]:
    """Open pairs whose difference has a name, with its code and their log odds."""
    rows, columns = work.rows(), work.columns()
    parts = [
        candidates_by_amount(work.block, rows, columns),
        candidates_by_text(work.block, rows, columns),
    ]
    found = Candidates(
        *(
            np.concatenate([getattr(one, name) for one in parts])
            for name in ("rows", "columns", "codes")
        )
    )
    both, first = np.unique(found.rows * len(work.block.actual) + found.columns, return_index=True)
    del both
    some_rows, some_columns, codes = found.rows[first], found.columns[first], found.codes[first]
    drawn_rows, drawn_columns = blind_pairs(work.block)
    blind = relation(
        work.block.expected.amount[drawn_rows],
        work.block.actual.amount[drawn_columns],
        work.block.rule,
    )
    weights = work.evidence.of_text(some_rows, some_columns)
    weights = weights + work.evidence.of_days(some_rows, some_columns)
    crowd = np.maximum(*work.evidence.crowd(some_rows, some_columns, rows, columns))
    for code, kind in CODES.items():
        rate = max(LEAST_RATE[kind], float((blind == code).mean()) if len(blind) > FEW**2 else 0.0)
        prior = math.log(HAS_NAMED_DIFFERENCE[kind] / rate)
        weights = np.where(codes == code, weights + prior - np.log(np.maximum(crowd, 1.0)), weights)
    return some_rows, some_columns, codes, weights


def match_many(work: Work) -> None:
    """Match small sets on both sides that add up to each other."""
    rows, columns = work.rows(), work.columns()
    rule = work.block.rule
    for found in search_many(work.block, rows, columns, rule.max_coincidence):
        expected = work.items(Side.EXPECTED, found[0])
        actual = work.items(Side.ACTUAL, found[1])
        words = wording.of_sum(actual, expected, "of so few members")
        work.confirm(Kind.SUM, (found[0], found[1]), (0.99, 0.99), words)


def suggest(work: Work) -> None:
    """Offer what is likely but not beyond doubt, and say where a person has to choose."""
    floor = log_odds(work.block.rule.suggest_probability)
    equal_rows, equal_columns, equal_weights = weigh_equals(work)
    other_rows, other_columns, _, other_weights = weigh_differences(work)
    rows = np.concatenate([equal_rows, other_rows])
    columns = np.concatenate([equal_columns, other_columns])
    weights = np.concatenate([equal_weights, other_weights])
    likely = weights >= floor
    rows, columns, weights = rows[likely], columns[likely], weights[likely]
    order = np.lexsort((rows, -np.round(weights, 6), columns))
    chosen = {one.key for one in work.doubts}
    by_column: dict[int, list[tuple[int, float]]] = {}
    for at in order.tolist():
        by_column.setdefault(int(columns[at]), []).append((int(rows[at]), float(weights[at])))
    least = log_odds(work.block.rule.confirm_probability)
    rivals_of_row: dict[int, int] = {}
    for choices in by_column.values():
        for row, _ in choices:
            rivals_of_row[row] = rivals_of_row.get(row, 0) + 1
    for column, choices in sorted(by_column.items()):
        if (Side.ACTUAL, column) in work.choices:
            continue
        top = choices[0][1]
        close = [row for row, weight in choices if top - weight < least]
        is_ambiguous = len(close) > 1 or rivals_of_row[choices[0][0]] > 1
        item = work.block.actual.items[column]
        if len(close) > 1:
            words = wording.of_choice(item, work.items(Side.EXPECTED, close))
            work.choices[Side.ACTUAL, column] = words
        total = sum(math.exp(min(weight, 50.0)) for _, weight in choices) + 1.0
        for place, (row, weight) in enumerate(choices[:MOST_SUGGESTED]):
            expected = work.block.expected.items[row]
            score = math.exp(min(weight, 50.0)) / total
            following = choices[place + 1][1] if place + 1 < len(choices) else -math.inf
            margin = max(0.0, score - math.exp(min(following, 50.0)) / total)
            words = work.choices.get((Side.ACTUAL, column)) or wording.of_doubt(expected, item)
            group = work.group(
                Outcome.SUGGESTED,
                Kind.PAIR,
                ((row,), (column,)),
                (score, margin if len(close) == 1 else 0.0),
                words,
                is_ambiguous=is_ambiguous,
            )
            if group.key not in chosen:
                chosen.add(group.key)
                work.doubts.append(group)


def open_items(work: Work) -> list[OpenItem]:
    """Every member in no confirmed group, with the choice to be made or the nearest miss."""
    work.doubts = [one for one in work.doubts if _is_open(work, one)]
    found = []
    for side, misses in nearest_misses(work.block, work.rows(), work.columns()):
        half = work.half(side)
        for at, words in misses:
            choice = work.choices.get((side, at))
            found.append(OpenItem(side, half.items[at].key, choice is not None, choice or words))
    return found


def _is_open(work: Work, group: Group) -> bool:
    """Whether all members of a suggestion are still open."""
    expected = {work.block.expected.items[at].key for at in work.rows().tolist()}
    actual = {work.block.actual.items[at].key for at in work.columns().tolist()}
    return expected.issuperset(group.expected) and actual.issuperset(group.actual)
