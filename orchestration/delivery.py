"""Delivering what is published: from the marts into the outbox, from there to the targets.

What belongs here: which steps a delivery has, and its summary. What does not: any step
(`orchestration.ledger.outbox*`, `orchestration.connectors.targets`). The command line and
`orchestration.defs` import this. A run of the warehouse is not needed and not disturbed.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

from orchestration.connectors.operating_model import load_operating_model
from orchestration.connectors.targets.adoption import adopt_holdings
from orchestration.connectors.targets.base import CallFailed
from orchestration.connectors.targets.courier import Delivered, deliver, new_worker
from orchestration.connectors.targets.holdings import (
    Comparison,
    compare_holdings,
    write_acknowledgements,
)
from orchestration.connectors.targets.notices import Noticed, take_notice
from orchestration.connectors.targets.registry import open_target
from orchestration.core.errors import ReconError, UsageRefused
from orchestration.core.policies.documents import DeliveryTarget
from orchestration.ledger.outbox import enqueue
from orchestration.ledger.outbox_claims import Worker
from orchestration.ledger.outbox_clock import DeliveryClock, open_clock
from orchestration.ledger.outbox_report import EnqueueReport
from orchestration.ledger.outbox_status import (
    Stuck,
    TargetStatus,
    held_reasons,
    read_stuck,
    read_targets,
)
from orchestration.ledger.store import Ledger, open_ledger
from orchestration.reading.artifacts import read_artifacts
from orchestration.settings import Settings, read_secret
from orchestration.warehouse.reader import NothingPublished, open_published

Progress = Callable[[str, Delivered], None]


@dataclass(frozen=True, slots=True)
class Status:
    """How delivery stands.

    Attributes:
        targets: One per target of the policy, in its order.
        stuck: What does not go by itself, or whose outcome is unknown; the first of them.
        held: Target, reason, how many.
    """

    targets: tuple[TargetStatus, ...]
    stuck: tuple[Stuck, ...]
    held: tuple[tuple[str, str, int], ...]


@dataclass(slots=True)
class DeliveryReport:
    """What one delivery did.

    Attributes:
        enqueued: What became of the published artifacts.
        delivered: By target.
        problems: Sentences: conflicts, defects, targets that cannot be opened.
        compared: What targets hold, where it was asked for.
        adopted: By target, how much was there already, where it was asked for.
    """

    enqueued: EnqueueReport = field(default_factory=EnqueueReport)
    delivered: dict[str, Delivered] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    compared: list[Comparison] = field(default_factory=list)
    adopted: dict[str, int] = field(default_factory=dict)


@contextmanager
def open_outbox(settings: Settings) -> Iterator[tuple[Ledger, DeliveryClock]]:
    """Open the ledger of a home and the clock of its outbox."""
    with open_ledger(settings.ledger_database) as ledger:
        with ledger.write() as connection:
            clock = open_clock(connection)
        yield ledger, clock


def targets_of(settings: Settings, code: str | None = None) -> dict[str, DeliveryTarget]:
    """Return the targets of the policy, or the one of a code.

    Raises:
        UsageRefused: There is no target of that code.
    """
    targets = dict(load_operating_model(settings.seeds).targets.targets)
    if code is None:
        return targets
    if code not in targets:
        raise UsageRefused(f"There is no target {code}; there are {', '.join(targets)}.")
    return {code: targets[code]}


def roles_that_resume(settings: Settings, code: str, on: date) -> frozenset[str]:
    """Return the roles that may let go on what is parked for a target.

    Who owns the target, and who is responsible or accountable for what is parked by RACI.
    """
    model = load_operating_model(settings.seeds)
    raci = model.raci_of_class("SYS_PARKED", on)
    owners = {one.owner_role for name, one in model.targets.targets.items() if name == code}
    return frozenset(owners | {raci.responsible, raci.accountable})


def enqueue_published(
    settings: Settings, ledger: Ledger, clock: DeliveryClock, worker: Worker
) -> EnqueueReport:
    """Make the outbox know what is published; safe to repeat, in the same memory for any number.

    Artifacts for a target that the policy lacks are conflicts of the report.
    """
    model = load_operating_model(settings.seeds)
    known = model.targets.targets
    report = EnqueueReport()
    try:
        published = open_published(settings)
    except NothingPublished:
        return report
    with published:
        for rows in read_artifacts(published, model.automation_blocks):
            lost = {row.target_code for row in rows} - set(known)
            report.conflicts += [
                f"target {code} is not in seeds/policies/delivery_targets.yml" for code in lost
            ]
            chosen = [row for row in rows if row.target_code in known]
            with ledger.write() as connection:
                report.add(
                    enqueue(
                        connection,
                        chosen,
                        gate_run_id=published.run_id,
                        actor=worker.actor,
                        at=clock.wall(),
                        now=clock.keep(connection),
                    )
                )
    return report


def deliver_published(
    settings: Settings,
    *,
    code: str | None = None,
    once: bool = True,
    compare: bool = False,
    adopt: bool = False,
    stop: threading.Event | None = None,
    progress: Progress | None = None,
) -> DeliveryReport:
    """Enqueue what is published and deliver what may go, each target in a thread of its own.

    Safe to run beside itself and beside a run. A target that fails does not keep others waiting.

    Args:
        settings: The home.
        code: One target; None is all of them.
        once: Stop when nothing more may be sent now.
        compare: Ask each target afterwards what it holds, and record what differs.
        adopt: Ask each target first what it holds, and send nothing of that: for a home that
            begins anew in front of receivers that do not.
        stop: Ends a delivery that is not `once`.
        progress: Told the target and how far it is.
    """
    chosen, worker, report = targets_of(settings, code), new_worker(), DeliveryReport()
    stop = stop or threading.Event()
    folder = settings.home / "outbound" / "acknowledgements"
    extracts = settings.home / "outbound" / "targets"
    with open_outbox(settings) as (ledger, clock):
        report.enqueued = enqueue_published(settings, ledger, clock, worker)
        report.problems += report.enqueued.conflicts

        def carry(name: str) -> None:
            with open_target(name, chosen[name], settings) as target:
                if adopt:
                    report.adopted[name] = adopt_holdings(ledger, clock, target, worker, folder)
                report.delivered[name] = deliver(
                    ledger,
                    clock,
                    target,
                    worker,
                    once=once,
                    stop=stop,
                    progress=lambda done: progress(name, done) if progress is not None else None,
                )
                if compare:
                    report.compared.append(
                        compare_holdings(ledger, clock, target, worker, extracts)
                    )

        with ThreadPoolExecutor(len(chosen)) as pool:
            futures = {name: pool.submit(carry, name) for name in chosen}
            for name, future in futures.items():
                try:
                    future.result()
                except CallFailed as failed:
                    report.problems.append(f"{name}: what it holds is not known: {failed}")
                except ReconError as error:
                    report.problems.append(f"{name}: {error}")
        write_acknowledgements(ledger, folder, clock.wall())
    return report


def hear_notice(settings: Settings, code: str, body: bytes, signature: str) -> Noticed:
    """Take what a receiver told unasked; see `orchestration.connectors.targets.notices`.

    Raises:
        UsageRefused: It is not genuine, or names nothing that was sent.
        CallFailed: The receiver could not be asked; the notice may come again.
    """
    policy = targets_of(settings, code)[code]
    secret = read_secret(f"{policy.address_env}_NOTICE_SECRET")
    with open_outbox(settings) as (ledger, clock), open_target(code, policy, settings) as target:
        return take_notice(ledger, clock, target, new_worker(), body, signature, secret)


def read_status(settings: Settings, code: str | None = None) -> Status:
    """Return how delivery stands, without touching anything."""
    chosen = targets_of(settings, code)
    with open_ledger(settings.ledger_database) as ledger, ledger.read() as connection:
        targets = read_targets(connection, tuple(chosen))
        return Status(
            tuple(one for one in targets if code is None or one.target_code == code),
            read_stuck(connection, code),
            tuple(one for one in held_reasons(connection) if code in (None, one[0])),
        )
