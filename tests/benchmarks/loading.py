"""Loading one large file: the loader against a bare `create table as`, each in its own process.

What belongs here: the two sides of that comparison. What does not: measuring (`measure`).
`python -m tests.benchmarks.loading bare|loader --landing DIR --home DIR`.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.connectors.contracts import load_contracts
from orchestration.settings import Settings
from orchestration.warehouse.loader import load_landing
from tests.benchmarks.baseline import typed_scan

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)


def load_bare(settings: Settings) -> int:
    """Load every file with nothing but types; return the rows."""
    settings.home.mkdir(parents=True)
    rows = 0
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(f"set threads = {settings.threads}")
        connection.execute(f"set memory_limit = '{settings.memory_limit_mb}MiB'")
        connection.execute("set TimeZone = 'UTC'")
        for path in sorted((settings.landing / "generic").glob("*.csv")):
            scan = typed_scan(path, keep_rejects=False)
            connection.execute(f"create table {path.stem} as select * from {scan}")
            counted = connection.execute(f"select count(*) from {path.stem}").fetchone()
            rows += counted[0] if counted else 0
    return rows


def load_with_loader(settings: Settings) -> int:
    """Load every file as a run does; return the rows."""
    report = load_landing(settings, load_contracts(settings.seeds), settings.landing, AS_OF, 1)
    return sum(one.rows_loaded for one in report.files)


def main() -> int:
    """Run one side and print the rows it loaded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("side", choices=("bare", "loader"))
    parser.add_argument("--landing", type=Path, required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-mb", type=int, default=4096)
    wanted = parser.parse_args()
    settings = Settings(
        home=wanted.home,
        landing=wanted.landing,
        threads=wanted.threads,
        memory_limit_mb=wanted.memory_mb,
    )
    load = load_bare if wanted.side == "bare" else load_with_loader
    sys.stdout.write(json.dumps({"rows": load(settings)}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
