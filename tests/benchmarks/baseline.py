"""The baseline: what somebody would write by hand in DuckDB to reconcile the same files.

What belongs here: loading the generic extract with explicit types, and running the legs of
`baseline_legs`, with nothing kept for a second run: no versions, provenance, states, history or
publication. What does not: measuring (`measure`). Runs as its own process:
`python -m tests.benchmarks.baseline --landing DIR --database FILE`.
"""

import argparse
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import duckdb

from tests.benchmarks.baseline_legs import LEGS

TEXT, AMOUNT, RATE, QUANTITY = "varchar", "decimal(18,4)", "decimal(28,12)", "decimal(18,6)"
MOMENT, DAY, FLAG = "timestamptz", "date", "boolean"

# Every column in the order of the generated files; what is not named here is text.
TYPES: Mapping[str, str] = {
    **dict.fromkeys(
        ("total_amount", "discount_amount", "shipping_amount", "tax_amount", "tip_amount",
         "net_amount", "amount", "gross_amount", "commission_amount", "fee_amount",
         "fee_tax_amount", "withholding_amount", "credit_limit", "approval_limit"), AMOUNT),
    **dict.fromkeys(("unit_price", "rate"), RATE),
    **dict.fromkeys(("churn_risk", "commission_rate"), "decimal(9,6)"),
    "quantity": QUANTITY,
    **dict.fromkeys(
        ("ordered_at", "updated_at", "occurred_at", "issued_at", "shipped_at", "delivered_at",
         "closed_at", "posted_at", "paid_at"), MOMENT),
    **dict.fromkeys(
        ("effective_on", "ends_on", "due_on", "service_start_on", "service_end_on", "start_on",
         "end_on", "valid_from", "valid_to", "value_on", "payout_on", "rate_on"), DAY),
    **dict.fromkeys(
        ("tax_included", "is_test", "is_provisional", "is_return", "quantity_is_delta"), FLAG),
}  # fmt: skip


def header(path: Path) -> list[str]:
    """Return the column names of a CSV file."""
    with path.open(encoding="utf-8") as file:
        return file.readline().rstrip("\n").split(",")


def typed_scan(path: Path, *, keep_rejects: bool = True) -> str:
    """Return a `read_csv` of the file that guesses nothing; unreadable rows go beside or fail."""
    columns = ", ".join(f"'{name}': '{TYPES.get(name, TEXT)}'" for name in header(path))
    rejects = "store_rejects=true, " if keep_rejects else ""
    return (
        f"read_csv('{path}', header=true, auto_detect=false, delim=',', quote='\"', escape='\"', "
        f"new_line='\\n', nullstr='', {rejects}columns={{{columns}}})"
    )


def reconcile(landing: Path, database: Path, threads: int, memory_mb: int) -> dict[str, object]:
    """Load every stream and compute the legs into `database`; return seconds and row counts."""
    begun = time.perf_counter()
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"set threads = {threads}")
        connection.execute(f"set memory_limit = '{memory_mb}MiB'")
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set preserve_insertion_order = false")
        rows = 0
        for path in sorted((landing / "generic").glob("*.csv")):
            connection.execute(f"create table {path.stem} as select * from {typed_scan(path)}")
            counted = connection.execute(f"select count(*) from {path.stem}").fetchone()
            rows += counted[0] if counted else 0
        loaded = time.perf_counter()
        found: dict[str, dict[str, int]] = {}
        for leg, sql in LEGS.items():
            connection.execute(sql)
            found[leg] = dict(
                connection.execute(
                    f"select status, count(*) from {leg} group by status order by status"
                ).fetchall()
            )
    done = time.perf_counter()
    return {
        "rows": rows,
        "load_seconds": round(loaded - begun, 2),
        "legs_seconds": round(done - loaded, 2),
        "legs": found,
    }


def main() -> int:
    """Run once and print what was found as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--landing", type=Path, required=True)
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-mb", type=int, default=4096)
    wanted = parser.parse_args()
    found = reconcile(wanted.landing, wanted.database, wanted.threads, wanted.memory_mb)
    sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
