"""What a perfect reconciliation of the generated extract would say.

What belongs here: the expected exceptions and the totals, and their files under `truth/`.
What does not: making defects (`defects`). Only the generator imports this.
"""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from orchestration.generator import world as w

HEADER = (
    "order_id", "exception_code", "leg_code", "amount", "currency", "note", "stream", "native_ref",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExpectedException:
    """One exception that must be found.

    Attributes:
        order_id: The order it concerns; None when the document belongs to no order.
        exception_code: Class of the exception.
        leg_code: Leg on which it shows; None when it shows before any leg.
        minor: Size of the difference in minor units, never negative.
        currency: Position in CURRENCIES.
        note: What was done to the data.
        stream: Stream of the document that carries the defect, or of the one that lacks evidence.
        native_ref: Id of that document.
    """

    order_id: str | None
    exception_code: str
    leg_code: str | None
    minor: int
    currency: int
    note: str
    stream: str
    native_ref: str

    def row(self) -> tuple[str, ...]:
        """Return the values of HEADER."""
        return (
            self.order_id or "",
            self.exception_code,
            self.leg_code or "",
            major(self.minor, self.currency),
            w.CURRENCIES[self.currency],
            self.note,
            self.stream,
            self.native_ref,
        )


def major(minor: int, currency: int) -> str:
    """Return minor units as an amount with the decimals of its currency."""
    return str(Decimal(minor).scaleb(-int(w.EXPONENTS[currency])))


def write_truth(
    folder: Path,
    expected: list[ExpectedException],
    rows: Mapping[str, int],
    sums: Mapping[str, Mapping[int, int]],
) -> None:
    """Write `expected_exceptions.csv` and `totals.json`; safe to call twice.

    Args:
        folder: Made if it is not there.
        expected: In the order in which they are to be written.
        rows: Rows per stream.
        sums: Stream to currency to minor units.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "expected_exceptions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(one.row() for one in expected)
    totals = {
        stream: {
            "rows": count,
            "amounts": {
                w.CURRENCIES[currency]: major(minor, currency)
                for currency, minor in sorted(sums.get(stream, {}).items())
            },
        }
        for stream, count in sorted(rows.items())
    }
    text = json.dumps(totals, indent=2, sort_keys=True)
    (folder / "totals.json").write_text(text + "\n", encoding="utf-8")
