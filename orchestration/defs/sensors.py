"""Starts by what landed.

What belongs here: sensors. What does not: reading the landing folder (`orchestration.warehouse`).
Only `orchestration.defs` and `orchestration.definitions` may import this.
"""

import hashlib
from collections.abc import Mapping

import dagster as dg

from orchestration.core.contracts import SourceContract
from orchestration.defs.schedules import JOB_NAME
from orchestration.settings import Settings
from orchestration.warehouse.landing import scan

SECONDS_BETWEEN_LOOKS = 60


def landing_sensor(
    settings: Settings, contracts: Mapping[str, SourceContract]
) -> dg.SensorDefinition:
    """Return the sensor that asks for a run once per state of the landing folder.

    The run key is the hash of the listing: the same files asked for twice, also after the cursor
    was lost, make one run. What a run then does is decided by the loader, never here.
    """

    @dg.sensor(
        name="landing_sensor",
        job_name=JOB_NAME,
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Asks for a run when the files in the landing folder are not those of before.",
    )
    def landed(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        listing = listing_hash(settings, contracts)
        if listing is None:
            return dg.SkipReason(f"No file of a known stream in {settings.landing}.")
        if listing == context.cursor:
            return dg.SkipReason("The files are those of the last look.")
        return dg.SensorResult(
            run_requests=[dg.RunRequest(run_key=listing, tags={"meshline/landing": listing})],
            cursor=listing,
        )

    return landed


def listing_hash(settings: Settings, contracts: Mapping[str, SourceContract]) -> str | None:
    """Hash names, sizes and times of the files that a run would look at; None without files."""
    if not settings.landing.is_dir():
        return None
    candidates = scan(settings.landing, contracts).candidates
    lines = sorted(
        f"{one.source}/{one.file_name}|{one.size_bytes}|{one.modified_ns}" for one in candidates
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest() if lines else None
