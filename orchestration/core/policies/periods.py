"""Rows that hold for days and for amounts: where two overlap, where none holds.

What belongs here: overlaps and gaps of half-open intervals. What does not: which rows belong
together (`core.policies.checks`). Only `core.policies` imports this.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal

from orchestration.core.policies.rows import BandRow, DatedRow

FIRST_DAY = date(2000, 1, 1)
_LAST_DAY = date.max


def overlaps(rows: Sequence[DatedRow], what: str) -> Iterator[str]:
    """Yield each pair of rows of one subject that hold on one day."""
    for index, row in enumerate(rows):
        for other in rows[index + 1 :]:
            if _meet(row, other):
                yield (
                    f"{other.at}: {what} holds from {other.effective_from} on while line "
                    f"{row.line} holds as well; end one the day the other begins"
                )


def gaps(rows: Iterable[DatedRow], what: str, at: str) -> Iterator[str]:
    """Yield the first day from 2000 on for which no row of a subject holds."""
    day = FIRST_DAY
    for row in sorted(rows, key=lambda row: row.effective_from):
        if row.effective_from > day:
            break
        day = max(day, row.effective_to or _LAST_DAY)
    if day < _LAST_DAY:
        yield f"{at}: {what} has nothing from {day} on"


def band_problems(rows: Sequence[BandRow], what: str) -> Iterator[str]:
    """Yield overlaps and gaps of bands that hold on one day; rows are of one subject.

    Every day on which a row begins or ends is looked at, which covers all days.
    """
    days = sorted({row.effective_from for row in rows} | {FIRST_DAY})
    days += sorted({row.effective_to for row in rows if row.effective_to is not None})
    said: set[str] = set()
    for day in sorted(set(days)):
        for problem in _bands_on(day, [row for row in rows if row.holds_on(day)], what, rows[0].at):
            key = problem.split(" on ")[0]
            if key not in said:
                said.add(key)
                yield problem


def _bands_on(day: date, rows: list[BandRow], what: str, at: str) -> Iterator[str]:
    if not rows:
        yield f"{at}: {what} has no band on {day}"
        return
    reached: Decimal | None = Decimal(0)
    for row in sorted(rows, key=lambda row: row.from_amount):
        if reached is None or row.from_amount < reached:
            yield f"{row.at}: {what} has another band for {row.from_amount} on {day}; keep one"
        elif row.from_amount > reached:
            yield f"{row.at}: {what} has no band from {reached} to {row.from_amount} on {day}"
        reached = row.to_amount
    if reached is not None:
        yield f"{at}: {what} has no band from {reached} upwards on {day}"


def _meet(one: DatedRow, other: DatedRow) -> bool:
    return one.effective_from < (other.effective_to or _LAST_DAY) and other.effective_from < (
        one.effective_to or _LAST_DAY
    )
