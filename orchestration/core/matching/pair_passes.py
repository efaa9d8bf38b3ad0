"""Matching one to one: pairs of one amount, sets that can be exchanged, differences with a name.

What belongs here: what makes a pair likely, and when it is confirmed. What does not: the best total
over rivals (`pairing`), and when a pass runs (`solver`). Only modules of this package import this.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy import sparse

from orchestration.core.matching import wording
from orchestration.core.matching.block import Ints
from orchestration.core.matching.differences import (
    CODES,
    Candidates,
    candidates_by_amount,
    candidates_by_text,
    equal_pairs,
    relation,
)
from orchestration.core.matching.evidence import Floats, blind_pairs
from orchestration.core.matching.items import Kind, Side
from orchestration.core.matching.pairing import Pair, best_pairs
from orchestration.core.matching.texts import TextVectors
from orchestration.core.matching.work import Work, log_odds

# Before anything is compared: how likely an item has a partner at all, and one that differs.
HAS_PARTNER = 0.7
HAS_NAMED_DIFFERENCE = {Kind.TOLERANCE: 0.5, Kind.FEE: 0.1, Kind.SLIP: 0.1}
LEAST_RATE = {Kind.TOLERANCE: 0.005, Kind.FEE: 0.002, Kind.SLIP: 0.002}
LEAST_CHANCE = 0.001
FEW = 10
PASSES_OF_PAIRS = 6
MARGIN_OF_EQUALS = 0.3
# Unit vectors of one text have this much in common at least.
SAME_TEXT = 0.999


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


def _is_sure(pair: Pair, least: float) -> bool:
    """Whether a pair may be confirmed: likely by itself, and without a rival."""
    return _probability(pair) >= 1.0 / (1.0 + math.exp(-least)) and not pair.has_free_rival


def _probability(pair: Pair) -> float:
    """How likely a pair is, against standing alone and against the second best choice."""
    rival = math.exp(-pair.margin) if pair.margin < pair.weight else 0.0
    return 1.0 / (1.0 + math.exp(-pair.weight) + rival)


def _is_set(work: Work, cluster: Sequence[Pair], least: float) -> bool:
    """Whether a cluster is certain as a set: each fits each, one amount, and nobody is left over.

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
    parties = {
        *work.block.expected.party[rows].tolist(),
        *work.block.actual.party[columns].tolist(),
    }
    if len(amounts) > 1 or len(parties - {0}) > 1:
        return False
    return all(
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
