"""Exceptions, people and runs that the tests of tickets share."""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

from sqlalchemy import select

from orchestration.connectors.operating_model import load_operating_model
from orchestration.ledger.people import Person, find_actor, take_over
from orchestration.ledger.tables import ticket_notes, tickets
from orchestration.ledger.taxonomy import load_ticket_rules
from orchestration.ledger.ticket_sync import EngineRun, SyncReport, sync_tickets
from orchestration.ledger.ticket_work import Work
from orchestration.settings import PROJECT_ROOT
from tests.ledger.acting import ENGINE, NOON

SEEDS = PROJECT_ROOT / "seeds"
STAFF = (
    Person("P-ANA", "finance", "P-BEN", Decimal("5000.00"), "EUR", "Ana Lopez"),
    Person("P-BEN", "finance", None, Decimal(50000), "EUR", "Ben Roy"),
    Person("P-SAM", "sales", None, None, None, "Sam Ito"),
    Person("P-OPS", "operations", None, None, None, "Ola Pek"),
    Person("P-CTL", "control", None, None, None, "Cy Low"),
)


@cache
def model():
    return load_operating_model(SEEDS)


@cache
def rules():
    return load_ticket_rules(SEEDS)


def exception(number: int, **more) -> dict:
    """What a run says of one exception."""
    return {
        "exception_id": f"ex_{number:06}",
        "exception_code": "PAY_SHORT",
        "leg_code": "payment",
        "recon_key": f"rk_{number}",
        "native_ref": f"INV-{number}",
        "tenant": "main",
        "order_id": f"SO-{number}",
        "customer_id": "C-1",
        "severity_code": "medium",
        "leak_amount": Decimal("12.5000"),
        "leak_kind": "loss",
        "currency_code": "EUR",
        "owner_role": "finance",
        "approver_role": "finance",
        "opened_at": datetime(2026, 6, 1, 8),  # noqa: DTZ001, as the warehouse gives it
        "due_at": datetime(2026, 6, 2, 8),  # noqa: DTZ001
        "incident_id": None,
        "explanation": "received 87.50 of 100.00",
        "evidence": '{"expected_amount": "100.00"}',
        "preferred_id": None,
        **more,
    }


def engine_run(number: int = 1) -> EngineRun:
    return EngineRun(f"run_{number}", NOON + timedelta(hours=number), model(), rules())


def tell(ledger, found, gone=(), number: int = 1) -> SyncReport:
    """Let a run tell its exceptions."""
    with ledger.write() as connection:
        return sync_tickets(connection, engine_run(number), found, gone)


def staffed(ledger) -> None:
    with ledger.write() as connection:
        take_over(connection, STAFF, actor=ENGINE, at=NOON)


def act(ledger, who: str, what: str, *arguments, seen=None, reason="as agreed", at=None):
    """Let a person do something; a day after noon, or when it is said."""
    with ledger.write() as connection:
        work = Work(
            connection,
            find_actor(connection, who),
            at or NOON + timedelta(days=1),
            reason,
            model(),
            rules(),
            seen or {},
        )
        return getattr(work, what)(*arguments)


def all_tickets(ledger) -> list[dict]:
    with ledger.read() as connection:
        rows = connection.execute(select(tickets).order_by(tickets.c.ticket_id)).mappings()
        return [dict(row) for row in rows]


def ticket(ledger, number: int = 1) -> dict:
    (found,) = (one for one in all_tickets(ledger) if one["ticket_id"] == f"ex_{number:06}")
    return found


def all_notes(ledger) -> list[dict]:
    with ledger.read() as connection:
        rows = connection.execute(select(ticket_notes).order_by(ticket_notes.c.seq)).mappings()
        return [dict(row) for row in rows]
