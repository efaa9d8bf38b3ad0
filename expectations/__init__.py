"""Great Expectations on DuckDB: engine, suites, gates. Knows nothing of Dagster.

What belongs here: judging data at the border (`run_source_gate`), the orders that are about to go
downstream (`run_validation_gate`) and what is about to be published (`run_published_gate`). What
does not: proving our own SQL (dbt tests do that). Imports core, settings and the warehouse's
connection; imported by `orchestration.defs`, and `results` by readers.

Importing this package is cheap. Great Expectations itself takes seconds to import: a gate imports
it when there is something to judge, and `warm` does it ahead of time in a thread.
"""

from expectations.results import GateCheck, GateReport, read_results
from expectations.runner import run_published_gate, run_source_gate, run_validation_gate

__all__ = [
    "GateCheck",
    "GateReport",
    "read_results",
    "run_published_gate",
    "run_source_gate",
    "run_validation_gate",
    "warm",
]


def warm() -> None:
    """Import Great Expectations; meant for a thread while the loader or dbt works.

    A gate that is called meanwhile waits for the import to end. Safe to call twice.
    """
    import expectations.engine  # the point of this function
    import expectations.gx_checks  # noqa: F401
