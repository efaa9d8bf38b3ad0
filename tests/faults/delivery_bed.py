"""What the tests of delivery share: a ledger, a clock that is turned by hand, artifacts, a worker.

What belongs here: making and asking. What does not: judgement.
"""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from sqlalchemy import select

from orchestration.connectors.targets.courier import Delivered, deliver
from orchestration.connectors.targets.http import HttpTarget
from orchestration.core.chain import GENESIS, Event, hash_of
from orchestration.core.delivery.payloads import payload_hash
from orchestration.core.policies.documents import DeliveryTarget
from orchestration.ledger.events import Actor
from orchestration.ledger.outbox import enqueue
from orchestration.ledger.outbox_claims import Worker
from orchestration.ledger.outbox_clock import DeliveryClock, Instruments, open_clock
from orchestration.ledger.outbox_report import EnqueueReport
from orchestration.ledger.outbox_rows import ArtifactRow
from orchestration.ledger.outbox_tables import intents
from orchestration.ledger.store import Ledger, open_ledger
from orchestration.ledger.tables import events
from orchestration.settings import Settings

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)
ENGINE = Actor.engine("run_1")
NATIVE = {
    "mechanism": "native_key",
    "header": "Idempotency-Key",
    "key_hours": 24,
    "settle_seconds": 60,
}
UNIQUE = {"mechanism": "unique_field", "field": "external_id", "settle_seconds": 60}
NO_KEY = {"mechanism": "none", "lookup_field": "recon_key", "settle_seconds": 60}


def policy(**changes) -> DeliveryTarget:
    """A target that is quick to answer, to fail and to try again."""
    values = {
        "label": "Billing",
        "owner_role": "finance",
        "artifact_kinds": ["invoice"],
        "adapter": "http",
        "address_env": "MESHLINE_TARGET_BILLING",
        "rate_per_second": 100_000,
        "burst": 10_000,
        "bulk_size": 1,
        "max_in_flight": 4,
        "timeouts": {"connect_seconds": 2, "read_seconds": 5, "total_seconds": 10},
        "retries": {
            "most_attempts": 12,
            "base_seconds": 1,
            "cap_seconds": 60,
            "jitter": "full",
            "retry_after_cap_seconds": 3600,
        },
        "breaker": {
            "failures": 1000,
            "window_seconds": 60,
            "open_seconds": 30,
            "open_cap_seconds": 900,
            "probes": 1,
        },
        "idempotency": NATIVE,
        "most_answer_kb": 64,
        "acknowledge_hours": 4,
    }
    return DeliveryTarget.model_validate(values | changes)


def artifact(number: int, **changes) -> ArtifactRow:
    """One artifact; by default an invoice of its own order, ready to go."""
    version = changes.pop("version", 1)
    order = changes.pop("order", number)
    total = changes.pop("total", Decimal("100.00") + version)
    payload = changes.pop(
        "payload",
        json.dumps(
            {"currency": "EUR", "lines": [{"amount": str(total), "sku": "A"}], "no": number},
            separators=(",", ":"),
            sort_keys=True,
        ),
    )
    values = {
        "artifact_id": f"art_{number}_{version}",
        "artifact_kind": "invoice",
        "recon_key": f"rk_{order}",
        "tenant": "main",
        "order_key": f"ok_{order}",
        "order_version": version,
        "rule_id": "billing",
        "rule_version": "1",
        "target_code": "billing",
        "natural_key": f"INV-{number}",
        "artifact_version": version,
        "is_provisional": False,
        "content_hash": payload_hash(payload),
        "amount": total,
        "currency_code": "EUR",
        "status_code": "ready",
        "hold_reason": None,
        "payload": payload,
    }
    return ArtifactRow(**(values | changes))


@dataclass
class Dial:
    """A clock that is turned by hand."""

    moment: datetime = NOON
    up: float = 1000.0
    boot: str = "boot-1"

    def instruments(self) -> Instruments:
        return Instruments(lambda: self.moment, lambda: self.up, lambda: self.boot)

    def pass_(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)
        self.up += seconds


@dataclass
class Bed:
    """One outbox with one worker."""

    ledger: Ledger
    dial: Dial = field(default_factory=Dial)
    worker: Worker = field(default_factory=lambda: Worker("w1", Actor.engine("deliver:w1")))
    clock: DeliveryClock = None

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """What a new process would see of the clock."""
        with self.ledger.write() as connection:
            self.clock = open_clock(connection, self.dial.instruments())
            self.clock.keep(connection)

    def put(self, rows: Sequence[ArtifactRow], run: str = "run_1") -> EnqueueReport:
        with self.ledger.write() as connection:
            return enqueue(
                connection,
                rows,
                gate_run_id=run,
                actor=ENGINE,
                at=self.dial.moment,
                now=self.clock.now(),
            )

    def once(self, target, worker: Worker | None = None) -> Delivered:
        return deliver(self.ledger, self.clock, target, worker or self.worker, once=True)

    def until_quiet(self, target, *, step: float = 30, rounds: int = 200) -> int:
        """Deliver and let time pass until nothing waits; returns the rounds."""
        for number in range(rounds):
            self.once(target)
            if not self.states() & Counter({"ready": 1, "unknown": 1, "inflight": 1}):
                return number
            self.dial.pass_(step)
        return rounds

    def rows(self) -> dict[str, dict]:
        with self.ledger.read() as connection:
            found = connection.execute(select(intents)).mappings()
            return {f"{row['natural_key']}v{row['artifact_version']}": dict(row) for row in found}

    def row(self, number: int = 1, version: int = 1) -> dict:
        return self.rows()[f"INV-{number}v{version}"]

    def states(self) -> Counter:
        return Counter(row["state"] for row in self.rows().values())

    def actions(self) -> list[str]:
        with self.ledger.read() as connection:
            found = connection.execute(select(events.c.action).order_by(events.c.seq))
            return [row.action for row in found]


def assert_chain_holds(ledger: Ledger) -> int:
    """The chain of events is whole; returns how many there are."""
    before, count = GENESIS, 0
    with ledger.read() as connection:
        rows = connection.execute(select(events).order_by(events.c.seq)).mappings()
        for count, row in enumerate(rows, start=1):
            event = Event(**row)
            assert (event.seq, event.prev_hash, event.hash) == (count, before, hash_of(event))
            before = event.hash
    return count


@contextmanager
def http_target(address: str, row: DeliveryTarget | None = None) -> Iterator[HttpTarget]:
    """The target of a receiver."""
    with contextlib.closing(
        HttpTarget("billing", row or policy(), Settings(Path(), Path()), address)
    ) as target:
        yield target


@contextmanager
def bed_in(folder: Path) -> Iterator[Bed]:
    """An empty outbox in a folder."""
    with open_ledger(f"sqlite:///{folder / 'ledger.db'}") as ledger:
        yield Bed(ledger)
