"""A large home for the load on the console, made of a small one: no run of that size is needed.

What belongs here: multiplying the marts of a publication and opening their tickets. What does not:
measuring (`tests.benchmarks.console_load`). Run it by hand:

    .venv/bin/python -m tests.benchmarks.console_large HOME LARGE [--orders 1000000]

Every copy has keys of its own and moments of its own, so that no two pages of a list are alike.
Keys are hashed, as those of a run are, and rows lie as the publisher lays them.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from orchestration.warehouse.durable import replace_json
from orchestration.warehouse.knowledge import create_macros
from orchestration.warehouse.publisher import POINTER, laid_out
from tests.console.desks import open_desk

# Copied whole to every copy of an order; all other marts stay as they are.
KEYS = ("recon_key", "exception_id", "match_id", "order_id", "native_id", "native_ref", "line_key",
        "artifact_id", "batch_id", "bank_match_id", "bank_line_id", "payment_id")  # fmt: skip
PREFIXES = {"recon_key": "rk1_", "exception_id": "ex_", "match_id": "m_", "bank_match_id": "m_"}
MOMENTS = ("ordered_at", "opened_at", "due_at")
# Names that copies share, and the sums by them: a large book has more of each.
NAMES = ("customer_id", "sku", "seller_id")
NAMESAKES = 340
SUMS = ("fct_customer_metrics", "fct_product_metrics", "fct_product_daily_metrics",
        "fct_seller_daily_metrics")  # fmt: skip


def main() -> None:
    """Make the home, and say how long its parts took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("large", type=Path)
    parser.add_argument("--orders", type=int, default=1_000_000)
    given = parser.parse_args()
    enlarge(given.home, given.large, given.orders, tell)


def tell(line: str) -> None:
    """Say it at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def enlarge(
    home: Path, large: Path, orders: int, say: Callable[[str], None] = lambda _: None
) -> dict[str, int]:
    """Publish so many orders in another home and open its tickets; return rows by table."""
    begun = time.monotonic()
    tables = multiply(home, large, orders, say)
    described = home / "dbt" / "target" / "manifest.json"
    (large / described.relative_to(home)).parent.mkdir(parents=True)
    shutil.copy2(described, large / described.relative_to(home))
    say(f"published in {time.monotonic() - begun:.0f} s")
    begun = time.monotonic()
    open_desk(large).close()
    say(f"tickets opened in {time.monotonic() - begun:.0f} s")
    return tables


def multiply(home: Path, large: Path, orders: int, say: Callable[[str], None]) -> dict[str, int]:
    """Publish so many orders in another home; return rows by table."""
    serving = large / "serving"
    serving.mkdir(parents=True)
    target = serving / "run_1.duckdb"
    with duckdb.connect(str(target), config={"threads": "2", "memory_limit": "6GiB"}) as one:
        one.execute(f"attach '{home / 'serving' / 'current.duckdb'}' as small (read_only)")
        one.execute("create schema marts")
        copies = -(-orders // _count(one, "small.marts.fct_orders"))
        tables = {}
        for name in _names(one):
            columns = _columns(one, name)
            times = copies if {"recon_key", "match_id"} & set(columns) else 1
            times = NAMESAKES if name in SUMS else times
            chosen = ", ".join(_chosen(column, kind) for column, kind in columns.items())
            query = f"select {chosen} from small.marts.{name}, range({times}) as copies(k)"
            one.execute(f"create table marts.{name} as {laid_out(query, tuple(columns))}")
            tables[name] = _count(one, f"marts.{name}")
            say(f"{name}: {tables[name]:,}")
        create_macros(one, "run_1")
        as_of = one.execute("select max(as_of) from small.marts.run_fingerprints").fetchone()[0]
        one.execute("detach small")
        one.execute("checkpoint")
    pointer = {"file": target.name, "run_no": 1, "run_id": "run_1", "tables": tables}
    replace_json(serving / POINTER, pointer | {"as_of": f"{as_of:%Y-%m-%dT%H:%M:%S}+00:00"})
    return tables


def _chosen(column: str, kind: str) -> str:
    if column in KEYS and kind == "VARCHAR":
        prefix = PREFIXES.get(column)
        made = f"'{prefix}' || md5({column} || k)" if prefix else f"{column} || '-' || k"
        return f"case when {column} is null or {column} = '' then {column} else {made} end {column}"
    if column in NAMES:
        return f"{column} || '-' || (k % {NAMESAKES}) as {column}"
    if column in MOMENTS and kind.startswith("TIMESTAMP"):
        return f"{column} - to_minutes(k) as {column}"
    return column


def _names(one: duckdb.DuckDBPyConnection) -> list[str]:
    rows = one.execute(
        "select table_name from duckdb_tables() where database_name = 'small' "
        "and schema_name = 'marts' order by 1"
    ).fetchall()
    return [row[0] for row in rows]


def _columns(one: duckdb.DuckDBPyConnection, name: str) -> dict[str, str]:
    return dict(
        one.execute(
            "select column_name, data_type from duckdb_columns() where database_name = 'small' "
            "and schema_name = 'marts' and table_name = ? order by column_index",
            [name],
        ).fetchall()
    )


def _count(one: duckdb.DuckDBPyConnection, name: str) -> int:
    return one.execute(f"select count(*) from {name}").fetchone()[0]


if __name__ == "__main__":
    main()
