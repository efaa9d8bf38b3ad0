"""What a run found, held against what the generator says is there.

What belongs here: the comparison of the published exceptions with `truth/`.
What does not: speed (`bench`).
"""

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import duckdb

# A document of no order is known by its own id.
PUBLISHED = """
select
    exceptions.exception_code,
    coalesce(orders.order_id, '') as order_id,
    coalesce(exceptions.native_ref, '') as native_ref
from marts.fct_exceptions as exceptions
left join marts.fct_orders as orders on orders.recon_key = exceptions.recon_key
"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found of what is there.

    Attributes:
        expected: Number of exceptions in the truth.
        missed: Class to exceptions that were not found.
        false: Class to exceptions that are not in the truth.
    """

    expected: int
    missed: Counter[str]
    false: Counter[str]

    def sentence(self) -> str:
        """Return the result in words."""
        missed = ", ".join(f"{code} {n}" for code, n in sorted(self.missed.items())) or "none"
        false = ", ".join(f"{code} {n}" for code, n in sorted(self.false.items())) or "none"
        return f"{self.expected:,} exceptions expected; missed: {missed}; false: {false}."


def compare(home: Path, truth: Path) -> Comparison:
    """Compare the current publication of a home with `expected_exceptions.csv`.

    An order's exceptions are compared by class and order, once however many lines show them;
    documents of no order by class alone, as many as there are.
    """
    with truth.open(encoding="utf-8", newline="") as file:
        rows = [(row["exception_code"], row["order_id"]) for row in csv.DictReader(file)]
    published = home / "serving" / "current.duckdb"
    with duckdb.connect(str(published), read_only=True) as connection:
        found = [(code, order) for code, order, _ in connection.execute(PUBLISHED).fetchall()]
    expected_orders = {row for row in rows if row[1]}
    found_orders = {row for row in found if row[1]}
    missed = Counter(code for code, _ in expected_orders - found_orders)
    false = Counter(code for code, _ in found_orders - expected_orders)
    expected_strays = Counter(code for code, order in rows if not order)
    found_strays = Counter(code for code, order in found if not order)
    return Comparison(
        len(rows),
        missed + (expected_strays - found_strays),
        false + (found_strays - expected_strays),
    )
