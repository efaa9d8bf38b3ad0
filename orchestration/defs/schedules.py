"""The job and when it starts by the clock.

What belongs here: jobs and schedules. What does not: starts by what landed (`sensors`).
Only `orchestration.defs` and `orchestration.definitions` may import this.
"""

from typing import Any

import dagster as dg

JOB_NAME = "reconcile_orders"


def reconcile_job() -> Any:
    """Return the job of a run: all but delivery, in one process, so that its lock lives as long."""
    return dg.define_asset_job(
        JOB_NAME,
        selection=dg.AssetSelection.all() - dg.AssetSelection.groups("delivery", "alerts"),
        executor_def=dg.in_process_executor,
        description="Landing to publication. What `meshline run` runs, and the schedule as well.",
    )


def hourly_schedule() -> dg.ScheduleDefinition:
    """Return the schedule: deadlines pass also when nothing lands."""
    return dg.ScheduleDefinition(
        name=f"{JOB_NAME}_hourly",
        job_name=JOB_NAME,
        cron_schedule="0 * * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every hour; a run without news and without a passed deadline ends at once.",
    )
