"""Matching without a key, measured against labels: `python -m tests.benchmarks.assignment`.

What belongs here: precision, recall and time by style and seed, beside plain amount and date.
"""

import argparse
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass

from orchestration.core.matching.items import UNITS_PER_MAJOR, CandidateRule, Kind, Outcome
from orchestration.core.matching.solver import solve
from tests.benchmarks.ledger_bank import STYLES, Books, write_books

RULE = CandidateRule(
    rule_id="CAND-BANK",
    days_before=12,
    days_after=12,
    under_amount=UNITS_PER_MAJOR // 20,
    over_amount=UNITS_PER_MAJOR // 20,
    fee_amount=50 * UNITS_PER_MAJOR,
    fee_rate=0.05,
    allows_slips=True,
    max_members=40,
    max_coincidence=0.1,
    max_subsets=20_000,
)
Pairs = set[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Measured:
    """What a solution is worth.

    Attributes:
        precision: Part of the automatic pairs that are true.
        recall: Part of the true pairs that were found.
        batches: Part of the groups of several members that were found exactly.
        seconds: Wall time.
    """

    precision: float
    recall: float
    batches: float
    seconds: float

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.precision * self.recall / (self.precision + self.recall)


def pairs_of(groups: list[tuple[frozenset[str], frozenset[str]]]) -> Pairs:
    """Every ledger row with every bank row of its group."""
    return {(one, other) for ledger, bank in groups for one in ledger for other in bank}


def by_amount_and_date(books: Books) -> Pairs:
    """Plain matching: the nearest open row of the same amount within three days."""
    open_bank: dict[int, list[tuple[int, str]]] = {}
    for item in books.bank:
        open_bank.setdefault(item.amount, []).append((item.on.toordinal(), item.key))
    found = set()
    for item in sorted(books.ledger, key=lambda one: (one.on, one.key)):
        near = [
            one for one in open_bank.get(item.amount, ()) if abs(one[0] - item.on.toordinal()) <= 3
        ]
        if near:
            best = min(near, key=lambda one: (abs(one[0] - item.on.toordinal()), one[1]))
            open_bank[item.amount].remove(best)
            found.add((item.key, best[1]))
    return found


def measure(
    books: Books, rule: CandidateRule = RULE, *, shuffle: int | None = None
) -> tuple[Measured, Counter[str], Counter[str]]:
    """Solve and compare with the labels; also what was missed and what is wrong, by kind."""
    ledger, bank = list(books.ledger), list(books.bank)
    if shuffle is not None:
        random.Random(shuffle).shuffle(ledger)
        random.Random(shuffle + 1).shuffle(bank)
    begun = time.perf_counter()
    solution = solve(ledger, bank, rule)
    seconds = time.perf_counter() - begun
    found = [
        (frozenset(one.expected), frozenset(one.actual), one.kind)
        for one in solution.groups
        if one.outcome is Outcome.CONFIRMED and one.kind is not Kind.NETTED
    ]
    predicted, truth = pairs_of([one[:2] for one in found]), pairs_of(books.groups)
    several = {one for one in books.groups if len(one[0]) + len(one[1]) > 2}
    exact = {one[:2] for one in found}
    missed = Counter(
        kind
        for group, kind in zip(books.groups, books.kinds, strict=True)
        if not pairs_of([group]) <= predicted
    )
    wrong: Counter[str] = Counter()
    for one in found:
        false = len(pairs_of([one[:2]]) - truth)
        if false:
            wrong[one[2].value] += false
    hits = len(predicted & truth)
    return (
        Measured(
            hits / max(1, len(predicted)),
            hits / len(truth),
            len(several & exact) / max(1, len(several)),
            seconds,
        ),
        missed,
        wrong,
    )


def main() -> int:
    """Print one line for each style and seed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.assignment")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--style", default="")
    arguments = parser.parse_args()
    out = sys.stdout
    for style in STYLES:
        if arguments.style not in style.name:
            continue
        for seed in range(1, arguments.seeds + 1):
            books = write_books(style, seed, arguments.rows)
            result, missed, wrong = measure(books)
            plain, truth = by_amount_and_date(books), pairs_of(books.groups)
            hits = len(plain & truth)
            plain_f1 = 2 * hits / (len(plain) + len(truth))
            out.write(
                f"{style.name:16} seed {seed}: {len(books.ledger):,} x {len(books.bank):,} rows "
                f"in {result.seconds:.1f} s, precision {result.precision:.4f}, "
                f"recall {result.recall:.4f}, F1 {result.f1:.4f} "
                f"(amount and date {plain_f1:.4f}), groups {result.batches:.4f}\n"
                f"{'':17}of {dict(Counter(books.kinds))}\n"
                f"{'':17}missed {dict(missed)}, wrong {dict(wrong)}\n"
            )
            out.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
