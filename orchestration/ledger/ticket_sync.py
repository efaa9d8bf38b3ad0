"""Tickets follow exceptions: what the engine opens, updates, closes and reopens after a run.

What belongs here: comparing what a run found with the tickets that there are. What does not: which
exceptions changed since the last run (`orchestration.warehouse`), and people's decisions
(`orchestration.ledger.ticket_work`). Whoever may import the ledger may import this.

Everything is idempotent: told the same twice, the second time makes no event. So a run that was
killed between the ledger and the warehouse does no harm; the next one tells it again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, func, select

from orchestration.core.policies.model import OperatingModel
from orchestration.core.tickets import TicketRules, TicketState, state_with
from orchestration.core.work.assignment import Assignment, Unassigned, assign
from orchestration.core.work.people import Person as Worker
from orchestration.core.work.people import Staff
from orchestration.ledger.events import Actor, Draft, moment_text
from orchestration.ledger.projections import KEYS_AT_ONCE, Row, record
from orchestration.ledger.tables import persons, tickets
from orchestration.ledger.ticket_times import Stopwatch
from orchestration.ledger.tickets import FACTS, TICKETS, decided_of

T = TypeVar("T")

ROWS_AT_ONCE = 5_000
# A change of these after a person has resolved it says that it was not dealt with.
MONEY = ("leak_amount", "currency_code")


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a run did to tickets.

    Attributes:
        opened: New ones.
        updated: Whose facts changed.
        reopened: Closed ones whose difference is back, resolved ones whose amount changed.
        closed: Whose difference is gone.
    """

    opened: int = 0
    updated: int = 0
    reopened: int = 0
    closed: int = 0

    def note(self) -> str:
        """A few words on it."""
        parts = {
            "opened": self.opened,
            "updated": self.updated,
            "reopened": self.reopened,
            "closed": self.closed,
        }
        said = ", ".join(f"{count:,} {word}" for word, count in parts.items() if count)
        return said or "no ticket changed"


@dataclass(frozen=True, slots=True)
class EngineRun:
    """What the engine knows while it tends tickets.

    Attributes:
        run_id: `run_<n>`; the actor is `engine:<run id>`.
        at: The run's moment, aware UTC.
        model: The policies: RACI, absences, playbooks.
        rules: Which state may follow which.
    """

    run_id: str
    at: datetime
    model: OperatingModel
    rules: TicketRules

    def draft(
        self, action: str, ticket_id: str, recon_key: str | None, reason: str, payload: Row
    ) -> Draft:
        """An event by the engine about a ticket."""
        return Draft(
            self.at, Actor.engine(self.run_id), action, "ticket", ticket_id, reason, payload,
            recon_key,
        )  # fmt: skip


def sync_tickets(
    connection: Connection,
    run: EngineRun,
    found: Iterable[Mapping[str, Any]],
    gone: Iterable[str] | None,
) -> SyncReport:
    """Make tickets agree with exceptions, inside the caller's transaction.

    Args:
        connection: From `Ledger.write`.
        run: The run that found them.
        found: Exceptions that are new or changed, or all that are open: `exception_id`, what
            `FACTS` names (amounts Decimal, moments in UTC), and `preferred_id`, who has them for
            preference. In the order of ids.
        gone: Ids of exceptions that are no longer there; None when `found` is all there are, and
            every other open ticket is to be closed.

    Raises:
        IllegalTransition: A ticket would take a step that is not allowed.
    """
    counts = dict.fromkeys(("opened", "updated", "reopened", "closed"), 0)
    staff, loads = _staff(connection, run), _loads(connection)
    is_first = connection.execute(select(tickets.c.ticket_id).limit(1)).first() is None
    seen: set[str] = set()
    for batch in _batches(found, ROWS_AT_ONCE):
        ids = [str(row["exception_id"]) for row in batch]
        if gone is None:
            seen.update(ids)
        known = {} if is_first else _tickets(connection, ids)
        drafts = _opened(
            run, [row for row in batch if row["exception_id"] not in known], staff, loads
        )
        counts["opened"] += len(drafts)
        for row in batch:
            ticket = known.get(str(row["exception_id"]))
            if ticket is not None:
                drafts += _changed(run, ticket, row, counts)
        record(connection, drafts, TICKETS)
    closing = _still_open(connection, seen) if gone is None else gone
    stopwatch = Stopwatch(run.model, run.at)
    for batch_ids in _batches(closing, ROWS_AT_ONCE):
        ending = {
            key: ticket
            for key, ticket in sorted(_tickets(connection, list(batch_ids)).items())
            if ticket["state_code"] != TicketState.CLOSED
        }
        said = stopwatch.endings(connection, ending)
        drafts = [_closed(run, ticket, said.get(key, {})) for key, ticket in ending.items()]
        counts["closed"] += len(drafts)
        record(connection, drafts, TICKETS)
    return SyncReport(**counts)


def facts_of(row: Mapping[str, Any], model: OperatingModel) -> dict[str, str | None]:
    """Return the facts of an exception as the texts that a ticket keeps."""
    facts = {name: _text(row.get(name)) for name in FACTS}
    playbook = model.playbooks.get(str(row["exception_code"]))
    return facts | {"playbook_version": playbook.version if playbook is not None else None}


def _opened(
    run: EngineRun, rows: Sequence[Mapping[str, Any]], staff: Staff, loads: dict[str, int]
) -> list[Draft]:
    """Events that open tickets, each with who has it."""
    wanted = [
        Unassigned(
            exception_id=str(row["exception_id"]),
            exception_code=str(row["exception_code"]),
            sort_key=_text(row.get("due_at")) or "",
            preferred_id=row.get("preferred_id"),
        )
        for row in rows
    ]
    served = {
        one.exception_id: one
        for one in assign(wanted, staff, loads, run.model, run.at.astimezone(UTC).date())
    }
    drafts = []
    for row in rows:
        ticket_id = str(row["exception_id"])
        facts, choice = facts_of(row, run.model), served[ticket_id]
        decided = _decided(choice)
        if choice.person_id is not None:
            loads[choice.person_id] = loads.get(choice.person_id, 0) + 1
        run.rules.check(ticket_id, None, str(decided["state_code"]))
        drafts.append(
            run.draft(
                "ticket_opened",
                ticket_id,
                facts["recon_key"],
                f"{facts['exception_code']} was found.",
                {"facts": facts, "decided": decided},
            )
        )
    return drafts


def _changed(
    run: EngineRun, ticket: Row, row: Mapping[str, Any], counts: dict[str, int]
) -> Iterator[Draft]:
    """The event that brings a known ticket up to its exception, if one is needed."""
    facts = facts_of(row, run.model)
    news = {name: value for name, value in facts.items() if ticket[name] != value}
    before = ticket["state_code"]
    is_back = before == TicketState.CLOSED
    if is_back or (before == TicketState.RESOLVED and any(name in news for name in MONEY)):
        after = state_with(ticket["assignee_id"]).value
        run.rules.check(ticket["ticket_id"], before, after)
        counts["reopened"] += 1
        yield run.draft(
            "ticket_reopened",
            ticket["ticket_id"],
            facts["recon_key"],
            "The difference is back." if is_back else "The amount changed after it was resolved.",
            {
                "facts": news,
                "decided": {"state_code": after, "reason_code": None},
                "before": decided_of(ticket),
            },
        )
    elif news:
        counts["updated"] += 1
        yield run.draft(
            "ticket_updated",
            ticket["ticket_id"],
            facts["recon_key"],
            "The facts changed: " + ", ".join(sorted(news)) + ".",
            {"facts": news, "decided": {}},
        )


def _closed(run: EngineRun, ticket: Row, took: Row) -> Draft:
    """The event that closes a ticket whose difference is gone; it says how long that took."""
    after = TicketState.CLOSED.value
    run.rules.check(ticket["ticket_id"], ticket["state_code"], after)
    return run.draft(
        "ticket_closed",
        ticket["ticket_id"],
        ticket["recon_key"],
        "The difference is gone.",
        {"decided": {"state_code": after}, "before": decided_of(ticket), **took},
    )


def _decided(choice: Assignment) -> dict[str, object]:
    """What an assignment by the engine decides."""
    return {
        "state_code": state_with(choice.person_id).value,
        "assignee_id": choice.person_id,
        "assigned_role": choice.role,
        "assigned_because": choice.because,
    }


def staff_of(connection: Connection, model: OperatingModel) -> Staff:
    """Return everybody that the ledger knows, with the absences of the operating model."""
    rows = connection.execute(select(persons)).mappings()
    return Staff.of(
        (
            Worker(
                row["person_id"],
                row["role"],
                row["manager_id"],
                Decimal(row["approval_limit"]) if row["approval_limit"] is not None else None,
                row["currency_code"],
                row["is_active"],
            )
            for row in rows
        ),
        model.absences,
    )


def _staff(connection: Connection, run: EngineRun) -> Staff:
    return staff_of(connection, run.model)


def _loads(connection: Connection) -> dict[str, int]:
    """How many unfinished tickets each person has."""
    rows = connection.execute(
        select(tickets.c.assignee_id, func.count())
        .where(
            tickets.c.assignee_id.is_not(None), tickets.c.state_code == TicketState.ASSIGNED.value
        )
        .group_by(tickets.c.assignee_id)
    )
    return {row[0]: row[1] for row in rows}


def _tickets(connection: Connection, ids: Sequence[str]) -> dict[str, Row]:
    """Tickets by id; those that are not there are left out."""
    found = {}
    for start in range(0, len(ids), KEYS_AT_ONCE):
        chosen = select(tickets).where(tickets.c.ticket_id.in_(ids[start : start + KEYS_AT_ONCE]))
        for row in connection.execute(chosen).mappings():
            found[row["ticket_id"]] = dict(row)
    return found


def _still_open(connection: Connection, seen: set[str]) -> list[str]:
    """Ids of tickets that are not closed and were not told of."""
    rows = connection.execute(
        select(tickets.c.ticket_id)
        .where(tickets.c.state_code != TicketState.CLOSED.value)
        .order_by(tickets.c.ticket_id)
    )
    return [row.ticket_id for row in rows if row.ticket_id not in seen]


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _text(value: Any) -> str | None:
    """A fact as text: amounts plain, moments as the ledger writes them."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return moment_text(value if value.tzinfo is not None else value.replace(tzinfo=UTC))
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
