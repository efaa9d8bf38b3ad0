"""Alerts in Dagster: exceptions as assets by class, the look at deadlines and outages, and sending.

What belongs here: sensors, the job that sends, a check. What does not: alerts
(`orchestration.alerting`) and what is wrong (the published marts). Only
`orchestration.definitions` imports this.

Every sensor answers in well under a second: one look is one transaction of the ledger, one query of
what is published. Nothing is sent by a sensor; it asks for the job that does.
"""

import hashlib
import threading
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from orchestration.alerting import open_desk, read_status, sweep
from orchestration.core.alerts.records import Alert
from orchestration.defs.delivery import OUTBOX
from orchestration.defs.publish import PUBLICATION
from orchestration.defs.schedules import JOB_NAME
from orchestration.reading.feeds import class_figures
from orchestration.settings import Settings
from orchestration.warehouse.publisher import read_pointer
from orchestration.warehouse.reader import open_published
from orchestration.warehouse.run_records import RunStatus, last_run

ALERTS_JOB = "send_alerts"
ALERTS = dg.AssetKey(["alerts", "outbox"])
SECONDS_BETWEEN_LOOKS = 15
SECONDS_BETWEEN_PUBLICATIONS = 60
FOUND_BY_A_RUN = frozenset({RunStatus.FAILED, RunStatus.BLOCKED, RunStatus.INTERRUPTED})


def class_key(exception_code: str) -> dg.AssetKey:
    """Return the asset of a class of exceptions."""
    return dg.AssetKey(["exceptions_found", exception_code])


def exception_specs(codes: list[str]) -> list[dg.AssetSpec]:
    """Return one asset per class of exceptions, materialised by the sensor alone."""
    return [
        dg.AssetSpec(
            class_key(code),
            deps=[PUBLICATION],
            group_name="exceptions_found",
            owners=["team:platform"],
            description=f"What is open of {code} in the last publication.",
        )
        for code in codes
    ]


def alerts_asset(settings: Settings) -> dg.AssetsDefinition:
    """Return the asset that looks and sends; it needs no warehouse and no pool of it."""

    @dg.asset(
        key=ALERTS,
        deps=[OUTBOX],
        group_name="alerts",
        owners=["team:platform"],
        kinds={"python"},
        pool="alerts",
        description="Messages to people; what a channel does not take is sent again later.",
    )
    def alerts_outbox() -> dg.MaterializeResult:
        desk = open_desk(settings)
        try:
            swept = sweep(desk, threading.Event())
        finally:
            desk.ledger.close()
        return dg.MaterializeResult(
            metadata={
                "sent": swept.sent,
                "not_taken": [f"{channel}: {why}" for channel, why in swept.failed],
                "problems": swept.problems,
            }
        )

    return alerts_outbox


def alerts_check(settings: Settings) -> dg.AssetChecksDefinition:
    """Return the check that messages get through."""

    @dg.asset_check(asset=ALERTS, description="Every channel takes its messages.")
    def outbox__messages_get_through() -> dg.AssetCheckResult:
        status = read_status(settings, limit=20)
        return dg.AssetCheckResult(
            passed=not status.stuck,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={
                "stuck": {row["message_id"]: row["last_error"] or "" for row in status.stuck},
                "last_sent_at": status.last_sent_at or "never",
            },
        )

    return outbox__messages_get_through


def alerts_job() -> Any:
    """Return the job that sends."""
    return dg.define_asset_job(
        ALERTS_JOB,
        selection=dg.AssetSelection.assets(ALERTS),
        executor_def=dg.in_process_executor,
        description="Looks and sends. What `meshline alerts send` does.",
    )


def alerts_sensor(settings: Settings) -> dg.SensorDefinition:
    """Return the sensor that looks at deadlines, requests, targets, runs and feeds.

    It asks for the job only when a message may go now or the ledger's check is due; the run key is
    made of what may go, so that the same state asks once.
    """

    @dg.sensor(
        name="alerts_sensor",
        job_name=ALERTS_JOB,
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="The clock of deadlines, outages, late feeds, failed runs; asks for sending.",
    )
    def looked(_context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if read_pointer(settings) is None and last_run(settings, now=_now()) is None:
            return dg.SkipReason("Nothing has run in this home yet.")
        desk = open_desk(settings)
        try:
            seen = desk.look()
            ready = desk.ready()
            if desk.is_check_due():
                ready.append(f"check of the ledger, {_now():%Y-%m-%d %H}")
        finally:
            desk.ledger.close()
        if not ready:
            return dg.SkipReason(
                f"{seen.ticked.steps} steps of escalation, {seen.raised} other alerts; no message"
                " may go now."
            )
        key = hashlib.sha256("\n".join(ready).encode()).hexdigest()
        return dg.SensorResult(run_requests=[dg.RunRequest(run_key=f"alerts:{key}")])

    return looked


def exceptions_sensor(settings: Settings) -> dg.SensorDefinition:
    """Return the sensor that materialises the asset of each class after a publication."""

    @dg.sensor(
        name="exceptions_sensor",
        minimum_interval_seconds=SECONDS_BETWEEN_PUBLICATIONS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="After each publication: what is open of each class, in figures.",
    )
    def published(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        pointer = read_pointer(settings)
        if pointer is None:
            return dg.SkipReason("Nothing is published yet.")
        before = (context.cursor or "").split(" ")
        if before[0] == pointer.run_id:
            return dg.SkipReason(f"{pointer.run_id} is known.")
        with open_published(settings) as marts:
            found = class_figures(marts)
        events = [
            dg.AssetMaterialization(
                asset_key=class_key(code),
                metadata={
                    **figures,
                    "run": pointer.run_id,
                    "queue": dg.MetadataValue.url(
                        f"{settings.console_url}/exceptions?class={code}"
                    ),
                },
            )
            for code, figures in found.items()
        ]
        # A class of which nothing is open any more says so once.
        events += [
            dg.AssetMaterialization(
                asset_key=class_key(code), metadata={"open": 0, "run": pointer.run_id}
            )
            for code in before[1:]
            if code and code not in found
        ]
        return dg.SensorResult(
            asset_events=events, cursor=" ".join([pointer.run_id, *sorted(found)])
        )

    return published


def failure_sensor(settings: Settings) -> dg.SensorDefinition:
    """Return the sensor that raises an alert for a failed job which recorded nothing itself."""

    @dg.run_failure_sensor(
        name="failure_sensor",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
        description="A job of Dagster failed, also before it could write its own record.",
    )
    def failed(context: dg.RunFailureSensorContext) -> None:
        job, run_id = context.dagster_run.job_name, context.dagster_run.run_id
        record = last_run(settings, now=_now())
        if job == JOB_NAME and record is not None and record.status in FOUND_BY_A_RUN:
            return  # the record of the run is told
        desk = open_desk(settings)
        try:
            desk.tell([job_failed(job, run_id)])
        finally:
            desk.ledger.close()

    return failed


def job_failed(job: str, run_id: str) -> Alert:
    """Return the alert of a job of Dagster that failed."""
    return Alert(
        key=f"dagster/{run_id}",
        event="run_failed",
        severity=None,
        owner_role="platform",
        cause=job,
        subject_type="dagster_run",
        subject_id=run_id,
        due_since=_now(),
        facts={
            "what": f"The job {job} failed in Dagster: {run_id}.",
            "next": "open the run in Dagster; its log names the step that failed.",
            "link": "/runs",
        },
    )


def _now() -> datetime:
    return datetime.now(UTC)
