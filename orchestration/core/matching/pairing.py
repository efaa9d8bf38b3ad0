"""The best pairs among weighted candidates: the largest total, and how much the second best lacks.

What belongs here: assignment over a sparse graph, component by component, and the margin of each
pair. What does not: where weights come from (`evidence`). Only modules of this package import this.

Weights are log odds in millionths, so totals are whole numbers and compare exactly.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import connected_components

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

UNIT = 1_000_000
# Up to here each pair's second best is found by solving again without it; beyond, by exchanges.
SOLVED_AGAIN = 40
# A component with more cells than this is not solved as a whole: the bound is said, never silent.
MOST_CELLS = 16_000_000


@dataclass(frozen=True, slots=True)
class Pair:
    """One pair of the best assignment.

    Attributes:
        row: Expected item.
        column: Actual item.
        weight: Log odds that they belong together, against belonging to nobody.
        margin: What the best total loses when this pair is forbidden; at most the weight.
        cluster: Pairs of one number can be exchanged among each other at less than `least_margin`.
        has_free_rival: An item in no pair would do nearly as well.
    """

    row: int
    column: int
    weight: float
    margin: float
    cluster: int
    has_free_rival: bool


def best_pairs(rows: Ints, columns: Ints, weights: Floats, least_margin: float) -> list[Pair]:
    """Choose pairs of the largest total weight; only pairs of positive weight are chosen.

    Args:
        rows: Expected item of each candidate; a pair of items occurs once.
        columns: Actual item of each candidate.
        weights: Log odds of each candidate.
        least_margin: Below it a choice counts as exchangeable.

    Returns:
        The pairs, ordered by row.
    """
    kept = weights > 0
    rows, columns = rows[kept], columns[kept]
    units = np.round(weights[kept] * UNIT).astype(np.int64)
    chosen: list[Pair] = []
    for some_rows, some_columns, table in _components(rows, columns, units):
        chosen += _solve(some_rows, some_columns, table, round(least_margin * UNIT), len(chosen))
    return sorted(chosen, key=lambda pair: pair.row)


def _components(rows: Ints, columns: Ints, units: Ints) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Each connected part of the graph as a dense table of weights; 0 where there is no edge."""
    if not len(rows):
        return
    row_ids, row_at = np.unique(rows, return_inverse=True)
    column_ids, column_at = np.unique(columns, return_inverse=True)
    size = len(row_ids) + len(column_ids)
    graph = sparse.coo_matrix(
        (np.ones(len(rows), dtype=np.int8), (row_at, column_at + len(row_ids))), shape=(size, size)
    )
    _, label = connected_components(graph, directed=False)
    of_edge = label[row_at]
    order = np.lexsort((column_at, row_at, of_edge))
    row_at, column_at, units, of_edge = (
        row_at[order],
        column_at[order],
        units[order],
        of_edge[order],
    )
    bounds = np.flatnonzero(np.diff(of_edge)) + 1
    for start, end in zip([0, *bounds], [*bounds, len(of_edge)], strict=True):
        own_rows, row_place = np.unique(row_at[start:end], return_inverse=True)
        own_columns, column_place = np.unique(column_at[start:end], return_inverse=True)
        if len(own_rows) * len(own_columns) > MOST_CELLS:
            continue
        table = np.zeros((len(own_rows), len(own_columns)), dtype=np.int64)
        table[row_place, column_place] = units[start:end]
        yield row_ids[own_rows], column_ids[own_columns], table


def _solve(
    rows: Ints, columns: Ints, table: Ints, least_margin: int, cluster_base: int
) -> list[Pair]:
    """The best pairs of one component."""
    if table.shape == (1, 1):
        weight = int(table[0, 0])
        return [
            Pair(int(rows[0]), int(columns[0]), weight / UNIT, weight / UNIT, cluster_base, False)
        ]
    at, to = linear_sum_assignment(-table)
    real = table[at, to] > 0
    at, to = at[real], to[real]
    weight = table[at, to]
    exchange = _exchange_losses(table, at, to)
    free = _free_losses(table, at, to)
    margin = np.minimum(weight, np.minimum(exchange.min(axis=1, initial=weight.max()), free))
    if len(rows) + len(columns) <= SOLVED_AGAIN:
        margin = np.minimum(margin, _losses_solved_again(table, at, to))
    margin = np.maximum(margin, 0)
    close = sparse.coo_matrix(exchange < least_margin)
    _, cluster = connected_components(close, directed=False)
    return [
        Pair(
            int(rows[row]),
            int(columns[column]),
            int(weight[place]) / UNIT,
            int(margin[place]) / UNIT,
            cluster_base + int(cluster[place]),
            bool(free[place] < least_margin),
        )
        for place, (row, column) in enumerate(zip(at, to, strict=True))
    ]


def _exchange_losses(table: Ints, at: Ints, to: Ints) -> Ints:
    """What is lost when two pairs exchange partners; very much on the diagonal."""
    weight = table[at, to]
    crossed = table[np.ix_(at, to)]
    both = (crossed > 0) & (crossed.T > 0)
    loss = weight[:, None] + weight[None, :] - crossed - crossed.T
    never = np.int64(1) << 60
    loss = np.where(both, loss, never)
    np.fill_diagonal(loss, never)
    return np.asarray(loss)


def _free_losses(table: Ints, at: Ints, to: Ints) -> Ints:
    """What is lost when a pair takes the best item that is in no pair instead."""
    weight = table[at, to]
    free_rows = np.setdiff1d(np.arange(table.shape[0]), at)
    free_columns = np.setdiff1d(np.arange(table.shape[1]), to)
    best = np.zeros(len(at), dtype=np.int64)
    if len(free_columns):
        best = np.maximum(best, table[np.ix_(at, free_columns)].max(axis=1))
    if len(free_rows):
        best = np.maximum(best, table[np.ix_(free_rows, to)].max(axis=0))
    return np.asarray(weight - best)


def _losses_solved_again(table: Ints, at: Ints, to: Ints) -> Ints:
    """What the best total loses when each pair in turn is forbidden."""
    total = int(table[at, to].sum())
    losses = []
    for row, column in zip(at, to, strict=True):
        without = table.copy()
        without[row, column] = 0
        losses.append(total - int(without[linear_sum_assignment(-without)].sum()))
    return np.array(losses, dtype=np.int64)
