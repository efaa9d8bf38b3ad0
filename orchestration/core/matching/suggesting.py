"""What a person is offered, and what is said of every member that stays open.

What belongs here: likely pairs that are not beyond doubt, and the last word on open members. What
does not: confirming anything. Only modules of this package import this.
"""

import math

import numpy as np

from orchestration.core.matching import wording
from orchestration.core.matching.items import Group, Kind, OpenItem, Outcome, Side
from orchestration.core.matching.leftovers import nearest_misses
from orchestration.core.matching.pair_passes import weigh_differences, weigh_equals
from orchestration.core.matching.work import MOST_SUGGESTED, Work, log_odds


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
