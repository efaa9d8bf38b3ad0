"""How long looking at deadlines takes with many tickets: `python -m tests.benchmarks.alerting`.

What belongs here: measuring the clocks of tickets and the making of messages on an own ledger.
What does not: judgement; docs/benchmarks.md holds what was measured. Nobody imports this.
"""

import os
import sys
import tempfile
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from tests.ledger.alert_bed import WHEN, open_bed
from tests.ledger.tending import exception, staffed, tell

TICKETS = 100_000
CODES = ("PAY_SHORT", "PAY_OVER", "BIL_PRICE", "BIL_MISSING", "FUL_SHORT", "TAX_AMOUNT")
SEVERITIES = ("high", "medium", "medium", "low", "critical")


def found(number: int) -> dict:
    """An exception whose due time lies somewhere in the last or the next ten days."""
    opened = WHEN.replace(tzinfo=None) - timedelta(days=number % 10, hours=number % 24)
    return exception(
        number,
        exception_id=f"ex_{number:07}",
        exception_code=CODES[number % len(CODES)],
        severity_code=SEVERITIES[number % len(SEVERITIES)],
        opened_at=opened,
        due_at=opened + timedelta(hours=72),
        leak_amount=Decimal(number % 997),
    )


def main(count: int) -> None:
    """Measure, and print a line for each figure."""
    for role in ("FINANCE", "CONTROL", "DATA", "PAGER"):
        os.environ[f"MESHLINE_CHANNEL_{role}"] = "json://127.0.0.1:9/nobody"
    with tempfile.TemporaryDirectory() as folder:
        desk, clock = open_bed(Path(folder))
        staffed(desk.ledger)
        begun = time.perf_counter()
        tell(desk.ledger, map(found, range(count)))
        sys.stdout.write(f"{count:,} tickets opened: {time.perf_counter() - begun:.1f} s\n")
        for name in ("first look", "look without news", "look a minute later", "look a day later"):
            begun = time.perf_counter()
            looked = desk.look()
            seconds = time.perf_counter() - begun
            sys.stdout.write(
                f"{name}: {seconds:.2f} s, {looked.ticked.steps:,} steps,"
                f" {looked.planned.messages:,} messages of {looked.planned.told:,} alerts\n"
            )
            later = {"look without news": {"minutes": 1}, "look a minute later": {"days": 1}}
            clock.pass_by(**later.get(name, {}))
        desk.ledger.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else TICKETS)
