"""R-S3: the assignment of members without a key, against brute force and against disorder."""

import random
from datetime import date, timedelta
from itertools import combinations, permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.matching.block import block_of
from orchestration.core.matching.items import (
    UNITS_PER_MAJOR,
    CandidateRule,
    Item,
    Kind,
    Outcome,
    Side,
)
from orchestration.core.matching.pairing import UNIT, best_pairs
from orchestration.core.matching.solver import solve
from orchestration.core.matching.sums import Bounds, subsets_of
from tests.benchmarks.assignment import measure
from tests.benchmarks.ledger_bank import STYLES, write_books

DAY = date(2026, 1, 1)
RULE = CandidateRule(
    under_amount=500,
    over_amount=500,
    fee_amount=50 * UNITS_PER_MAJOR,
    fee_rate=0.05,
    allows_slips=True,
)
ITEMS = st.lists(
    st.tuples(
        st.integers(-40, 40).filter(bool),
        st.integers(0, 20),
        st.sampled_from(["", "A", "B"]),
        st.sampled_from(["", "INV 77 Acme", "ACME 77", "rent"]),
    ),
    max_size=9,
)
TABLES = st.integers(1, 5).flatmap(
    lambda rows: st.lists(
        st.lists(st.integers(-3, 9), min_size=5, max_size=5), min_size=rows, max_size=rows
    )
)


def items(rows, mark):
    return [
        Item(f"{mark}{at}", f"{mark}{at}", amount * 2_500, DAY + timedelta(days=day), party, text)
        for at, (amount, day, party, text) in enumerate(rows)
    ]


def best_total(table):
    rows, columns = len(table), len(table[0])
    return max(
        sum(max(0, table[row][column]) for row, column in enumerate(order[:rows]))
        for order in permutations(range(max(rows, columns)), rows)
        if all(column < columns for column in order)
    )


@given(TABLES)
def test_the_pairs_have_the_largest_total_that_there_is(table):
    rows, columns = np.nonzero(np.ones((len(table), 5), dtype=np.int64))
    weights = np.array(table, dtype=np.float64)[rows, columns]
    pairs = best_pairs(rows, columns, weights, 1.0)
    assert round(sum(pair.weight for pair in pairs)) == best_total(table)
    assert len({pair.row for pair in pairs}) == len({pair.column for pair in pairs}) == len(pairs)


@given(TABLES)
def test_the_margin_is_what_the_second_best_total_lacks(table):
    rows, columns = np.nonzero(np.ones((len(table), 5), dtype=np.int64))
    weights = np.array(table, dtype=np.float64)[rows, columns]
    best = best_total(table)
    for pair in best_pairs(rows, columns, weights, 1.0):
        without = [list(row) for row in table]
        without[pair.row][pair.column] = 0
        assert abs(pair.margin - (best - best_total(without))) < 2 / UNIT


@given(st.lists(st.integers(-30, 30), min_size=2, max_size=8), st.integers(-60, 60))
def test_every_subset_of_a_total_is_found(amounts, total):
    rows = [(amount or 1, 0, "", "") for amount in amounts]
    half = block_of(items(rows, "e"), [], RULE).expected
    bounds = Bounds(np.ones(1), 0, 8, 100_000)
    members = np.arange(len(half), dtype=np.int64)
    found = sorted(subsets_of(half, members, bounds).adding_up_to(total * 2_500))
    amounts = half.amount.tolist()
    assert found == sorted(
        some
        for size in range(2, len(amounts) + 1)
        for some in combinations(range(len(amounts)), size)
        if sum(amounts[one] for one in some) == total * 2_500
    )


@settings(max_examples=60, deadline=None)
@given(ITEMS, ITEMS, st.randoms(use_true_random=False))
def test_the_outcome_depends_on_the_members_alone(expected, actual, shuffle):
    ours, theirs = items(expected, "e"), items(actual, "a")
    one = solve(ours, theirs, RULE)
    shuffle.shuffle(ours)
    shuffle.shuffle(theirs)
    assert solve(ours, theirs, RULE) == one


@settings(max_examples=60, deadline=None)
@given(ITEMS, ITEMS)
def test_every_member_is_in_one_confirmed_group_or_open(expected, actual):
    ours, theirs = items(expected, "e"), items(actual, "a")
    solution = solve(ours, theirs, RULE)
    amounts = {one.key: one.amount for one in (*ours, *theirs)}
    parties = {one.key: one.party for one in (*ours, *theirs)}
    seen = []
    for group in solution.groups:
        if group.outcome is Outcome.CONFIRMED:
            seen += [*group.expected, *group.actual]
        left, right = (sum(amounts[one] for one in keys) for keys in (group.expected, group.actual))
        assert group.residual == left - right
        assert 0 <= group.margin <= group.score <= 1
        # What several parties paid may lie in one deposit, which then names none of them.
        sides = [{parties[one] for one in keys} - {""} for keys in (group.expected, group.actual)]
        assert not (sides[0] and sides[1]) or sides[0] == sides[1]
        if group.kind is not Kind.SUM:
            assert len(sides[0] | sides[1]) <= 1
    seen += [one.key for one in solution.open_items]
    assert sorted(seen) == sorted(amounts)
    assert all((one.key[0] == "e") is (one.side is Side.EXPECTED) for one in solution.open_items)


def test_labelled_books_are_matched_nearly_without_error():
    books = write_books(STYLES[0], 1, 1_200)
    result, _, _ = measure(books)
    shuffled, _, _ = measure(books, shuffle=random.Random(5).randrange(99))
    assert result.precision >= 0.995
    assert result.f1 >= 0.95
    assert (shuffled.precision, shuffled.recall) == (result.precision, result.recall)
