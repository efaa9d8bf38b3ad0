"""Delivery in Dagster: a job of its own, what starts it, and how it stands as checks.

What belongs here: the asset, its checks, job and sensor, apart from the warehouse's job. What does
not: delivering (`orchestration.delivery`). Only `orchestration.definitions` imports this.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from orchestration.core.policies.documents import DeliveryTarget
from orchestration.defs.publish import PUBLICATION
from orchestration.delivery import Status, deliver_published, read_status, targets_of
from orchestration.reading.listings import late_listings, read_listings
from orchestration.settings import Settings
from orchestration.warehouse.publisher import read_pointer
from orchestration.warehouse.reader import NothingPublished, open_published

DELIVERY_JOB = "deliver_artifacts"
OUTBOX = dg.AssetKey(["delivery", "outbox"])
SECONDS_BETWEEN_LOOKS = 60


def delivery_asset(settings: Settings) -> dg.AssetsDefinition:
    """Return the asset that sends what was released; it needs no warehouse and no pool of it."""

    @dg.asset(
        key=OUTBOX,
        deps=[PUBLICATION],
        group_name="delivery",
        owners=["team:platform"],
        kinds={"python"},
        pool="delivery",
        description="Released artifacts, sent to their targets; what waits is sent the next time.",
    )
    def outbox() -> dg.MaterializeResult:
        report = deliver_published(settings)
        if report.problems:
            raise dg.Failure(
                "Delivery has problems", metadata={"problems": "\n".join(report.problems)}
            )
        return dg.MaterializeResult(
            metadata={
                "released": report.enqueued.released,
                "delivered": sum(one.states["done"] for one in report.delivered.values()),
            }
        )

    return outbox


def delivery_checks(settings: Settings) -> tuple[dg.AssetChecksDefinition, ...]:
    """Return the checks: no breaker is open, nothing is stuck, what was sent is acknowledged.

    And what targets hold is read back in time.
    """

    @dg.asset_check(asset=OUTBOX, description="Every target answers.")
    def outbox__breakers_are_closed() -> dg.AssetCheckResult:
        return breakers_result(read_status(settings))

    @dg.asset_check(asset=OUTBOX, description="Nothing is parked, and no outcome is unknown.")
    def outbox__nothing_is_stuck() -> dg.AssetCheckResult:
        return backlog_result(read_status(settings))

    @dg.asset_check(asset=OUTBOX, description="What was sent is acknowledged in time.")
    def outbox__acknowledgements_are_fresh() -> dg.AssetCheckResult:
        return freshness_result(read_status(settings), targets_of(settings), datetime.now(UTC))

    @dg.asset_check(asset=OUTBOX, description="What targets hold is read back in time.")
    def outbox__listings_are_fresh() -> dg.AssetCheckResult:
        try:
            with open_published(settings) as published:
                found = read_listings(published)
        except NothingPublished:
            found = ()
        return listings_result(found, datetime.now(UTC))

    return (
        outbox__breakers_are_closed,
        outbox__nothing_is_stuck,
        outbox__acknowledgements_are_fresh,
        outbox__listings_are_fresh,
    )


def delivery_job() -> Any:
    """Return the job of delivery alone."""
    return dg.define_asset_job(
        DELIVERY_JOB,
        selection=dg.AssetSelection.assets(OUTBOX),
        executor_def=dg.in_process_executor,
        description="What was released, to its targets. What `meshline deliver --once` does.",
    )


def delivery_sensor(settings: Settings) -> dg.SensorDefinition:
    """Return the sensor that asks for a delivery after a publication, and while something waits."""

    @dg.sensor(
        name="delivery_sensor",
        job_name=DELIVERY_JOB,
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Asks for a delivery per publication, and every minute while artifacts wait.",
    )
    def published(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        pointer = read_pointer(settings)
        if pointer is None:
            return dg.SkipReason("Nothing is published yet.")
        if pointer.run_id != context.cursor:
            requests = [dg.RunRequest(run_key=f"deliver:{pointer.run_id}")]
            return dg.SensorResult(run_requests=requests, cursor=pointer.run_id)
        waiting = sum(one.waiting for one in read_status(settings).targets)
        if not waiting:
            return dg.SkipReason("Nothing waits.")
        return dg.SensorResult(run_requests=[dg.RunRequest()], cursor=context.cursor)

    return published


def breakers_result(status: Status) -> dg.AssetCheckResult:
    """Return whether every target answers."""
    away = {one.target_code: one.last_error or "" for one in status.targets if one.incident_id}
    return dg.AssetCheckResult(
        passed=not away, severity=dg.AssetCheckSeverity.WARN, metadata={"away": away}
    )


def freshness_result(
    status: Status, policies: Mapping[str, DeliveryTarget], at: datetime
) -> dg.AssetCheckResult:
    """Return whether nothing that was sent waits for its acknowledgement for too long.

    Args:
        status: How delivery stands.
        policies: The targets; one that is in no policy any more is left alone.
        at: When, aware.
    """
    late = {}
    for one in status.targets:
        if one.unanswered_since is None or one.target_code not in policies:
            continue
        hours = policies[one.target_code].acknowledge_hours
        if datetime.fromisoformat(one.unanswered_since) + timedelta(hours=hours) <= at:
            late[one.target_code] = f"unanswered since {one.unanswered_since}"
    return dg.AssetCheckResult(
        passed=not late,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "late": late,
            "last_acknowledged_at": {
                one.target_code: one.last_acknowledged_at or "never" for one in status.targets
            },
        },
    )


def listings_result(listings: Sequence[Mapping[str, Any]], at: datetime) -> dg.AssetCheckResult:
    """Return whether each target that lists what it holds has done so in time, and whole."""
    return dg.AssetCheckResult(
        passed=not (late := late_listings(listings, at)),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "late": late,
            "last_whole_list_at": {
                row["target_code"]: str(row["last_complete_at"] or "never") for row in listings
            },
        },
    )


def backlog_result(status: Status) -> dg.AssetCheckResult:
    """Return whether everything goes by itself."""
    return dg.AssetCheckResult(
        passed=not status.stuck,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "waiting": {one.target_code: one.waiting for one in status.targets},
            "stuck": {one.intent_id: one.why for one in status.stuck},
        },
    )
