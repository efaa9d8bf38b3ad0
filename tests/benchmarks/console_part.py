"""The console's part of the benchmark: a large publication is made, served and asked.

What belongs here: the steps and their order. What does not: making the publication
(`console_large`), measuring (`console_load`), and the other parts (`bench`).
"""

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from orchestration.settings import PROJECT_ROOT
from tests.benchmarks.console_large import enlarge
from tests.benchmarks.console_load import Load, measure
from tests.benchmarks.measure import run

PEOPLE, SECONDS = 20, 20.0


def bench_console(
    work: Path, orders: int, as_of: datetime, say: Callable[[str], None]
) -> tuple[str, Load | None]:
    """Return the section in Markdown, and what was measured; None when the run failed."""
    small, large = work / "console-small", work / "console-large"
    say("the samples, for the console")
    command = [sys.executable, "-m", "orchestration.cli", "run", "--home", str(small)]
    command += ["--landing", str(PROJECT_ROOT / "seeds" / "samples")]
    done = run([*command, "--as-of", as_of.isoformat(), "--json"], PROJECT_ROOT)
    if done.exit_code:
        last = (done.errors.strip() or "no message").splitlines()[-1]
        return f"The console was not measured: the run of the samples failed: {last[:160]}", None
    say(f"their marts, multiplied to {orders:,} orders")
    counts = enlarge(small, large, orders)
    say("the console over them")
    load = measure(large, PEOPLE, SECONDS)
    said = (
        f"The console over {counts['fct_orders']:,} orders with {counts['fct_exceptions']:,} open "
        f"exceptions, a ticket each, and {counts['fct_match_members']:,} members of matches:"
    )
    return f"{said}\n\n{load.report()}", load
