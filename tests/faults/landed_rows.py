"""Rows of the generic extract, and their text, for tests that land files.

What belongs here: valid rows whose cells a test overwrites, and writing them as CSV.
What does not: loading them (`loader_harness`).
"""

from collections.abc import Mapping, Sequence

ORDER_HEADER = ("order_id", "order_type", "customer_id", "currency", "ordered_at", "total_amount")
HEADER = ",".join(ORDER_HEADER) + "\n"


def order(
    order_id: str = "SO-1", total: str = "10.00", currency: str = "EUR", **others: str
) -> dict:
    """Return one valid order of the generic extract; arguments overwrite its cells."""
    return {
        "order_id": order_id,
        "order_type": "commerce",
        "customer_id": "C-1",
        "currency": currency,
        "ordered_at": "2026-02-01T10:00:00+00:00",
        "total_amount": total,
        **others,
    }


def payment(payment_id: str = "P-1", amount: str = "10.00", **others: str) -> dict:
    """Return one valid payment of the generic extract; arguments overwrite its cells."""
    return {
        "payment_id": payment_id,
        "kind": "capture",
        "amount": amount,
        "currency": "EUR",
        "occurred_at": "2026-02-01T10:00:00+00:00",
        **others,
    }


def orders(count: int, first: int = 1) -> list[dict]:
    """Return `count` valid orders of 10.00 EUR with ids SO-<first> and up."""
    return [order(f"SO-{number}") for number in range(first, first + count)]


def quoted(cell: str) -> str:
    """Return a cell as RFC 4180 writes it: quoted where it must be."""
    if any(mark in cell for mark in ',"\r\n'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


def csv_text(rows: Sequence[Mapping[str, str]], header: Sequence[str] | None = None) -> str:
    """Return the rows as CSV with header and final newline; a missing cell is empty."""
    columns = list(header or dict.fromkeys(name for row in rows for name in row))
    lines = [columns, *([row.get(name, "") for name in columns] for row in rows)]
    return "".join(",".join(quoted(cell) for cell in line) + "\n" for line in lines)


def declared(days: Sequence[tuple[object, int, str]]) -> list[dict]:
    """Return completeness rows of the orders stream: (business day, count, control amount)."""
    return [
        {
            "stream": "orders",
            "business_on": str(day),
            "row_count": str(count),
            "control_amount": amount,
            "currency": "EUR",
        }
        for day, count, amount in days
    ]
