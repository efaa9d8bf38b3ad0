"""Synthetic orders by the clock.

What belongs here: the job that lands them and its schedule. What does not: the cases
(`orchestration.synthetic`), and the run that reads them, which the landing sensor asks for. Only
`orchestration.definitions` imports this.
"""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from orchestration.settings import Settings
from orchestration.synthetic import inject

JOB_NAME = "land_synthetic_orders"


def synthetic_job(settings: Settings) -> Any:
    """Return the job that lands the cases of the day; landing them twice changes nothing."""

    @dg.op(
        name="write_synthetic_orders",
        description="Writes orders with known outcomes into the landing folder.",
    )
    def write(context: dg.OpExecutionContext) -> None:
        landed = inject(settings, datetime.now(UTC).date())
        context.add_output_metadata(
            {"cases": landed.case_count, "files": len(landed.files), "new": landed.written_count}
        )

    @dg.job(
        name=JOB_NAME,
        executor_def=dg.in_process_executor,
        description="Lands the synthetic orders of the day. What `meshline synthetic land` does.",
    )
    def land() -> None:
        write()

    return land


def daily_schedule() -> dg.ScheduleDefinition:
    """Return the schedule: each day before people begin."""
    return dg.ScheduleDefinition(
        name=f"{JOB_NAME}_daily",
        job_name=JOB_NAME,
        cron_schedule="0 4 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every day at 4:00 UTC; the landing sensor then asks for a run.",
    )
