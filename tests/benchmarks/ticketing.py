"""What tickets for very many open exceptions add to a full run.

What belongs here: the step of a run that tells the ledger, over a warehouse whose exceptions are
multiplied. What does not: judging; docs/benchmarks.md holds what was measured. By hand, over a home
that `meshline run` made of the samples and that stays as it is:

    .venv/bin/python -m tests.benchmarks.ticketing HOME [--exceptions 100000]
"""

import argparse
import shutil
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from orchestration.connectors.operating_model import load_operating_model
from orchestration.settings import Settings, load_settings
from orchestration.tickets_step import import_events, tend_tickets
from orchestration.warehouse.connection import reader, writer
from orchestration.warehouse.run_records import last_published
from orchestration.warehouse.runs import Run

# Of a copy, so that each has a ticket of its own; copy 0 is the original.
_COPIED = {"exception_id": "ex_", "recon_key": "rk1_", "match_id": "m_"}
_TABLES = (("marts", "fct_exceptions"), ("marts", "fct_orders"), ("exceptions", "int_exceptions"))


def main() -> None:
    """Measure, and print a line for each figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("--exceptions", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        shutil.copy2(given.home / "warehouse.duckdb", home / "warehouse.duckdb")
        settings = load_settings(home=home)
        record = last_published(settings)
        count = multiply(settings, given.exceptions)
        model = load_operating_model(settings.seeds)
        for number, name in enumerate(("first run", "run without news of them"), 1):
            at = record.as_of + timedelta(hours=number)
            run = Run(record.run_no + number, f"run_{record.run_no + number}", at, at)
            begun, used = time.perf_counter(), time.process_time()
            report = tend_tickets(settings, run, model)
            tended, tended_cpu = time.perf_counter() - begun, time.process_time() - used
            begun, used = time.perf_counter(), time.process_time()
            import_events(settings, at)
            taken, taken_cpu = time.perf_counter() - begun, time.process_time() - used
            sys.stdout.write(
                f"{name}, {count:,} exceptions ({report.note()}): the step {tended:.1f} s, "
                f"{tended_cpu:.1f} s of the processor; taking its events over in the next run "
                f"{taken:.1f} s, {taken_cpu:.1f} s\n"
            )
            sys.stdout.flush()


def multiply(settings: Settings, exceptions: int) -> int:
    """Give the warehouse so many open exceptions, each of an order of its own copy."""
    with reader(settings.warehouse) as connection:
        one = connection.execute("select count(*) from marts.fct_exceptions").fetchone()[0]
        columns = {
            f"{schema}.{table}": connection.execute(
                "select column_name from duckdb_columns() where schema_name = ? "
                "and table_name = ? order by column_index",
                [schema, table],
            ).fetchall()
            for schema, table in _TABLES
        }
    copies = -(-exceptions // one)
    with writer(settings) as connection:
        for table, names in columns.items():
            chosen = ", ".join(
                f"case when k = 0 or {name} is null then {name} "
                f"else '{_COPIED[name]}' || md5({name} || k) end as {name}"
                if name in _COPIED
                else name
                for (name,) in names
            )
            connection.execute(
                f"create or replace table {table} as "
                f"select {chosen} from {table}, range({copies}) as copies(k)"
            )
    return one * copies


if __name__ == "__main__":
    main()
