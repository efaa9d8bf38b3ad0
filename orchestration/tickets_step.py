"""What a run does with the ledger: takes its events over, tells it what it found, has it signed.

What belongs here: putting warehouse and ledger together, which do not know each other. What does
not: either of them. `orchestration.runner`, `orchestration.definitions` and tests import this.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestration.core.chain import GENESIS, Event, hash_of
from orchestration.ledger.errors import LedgerDamaged
from orchestration.ledger.reading import LedgerReader, read_ledger
from orchestration.settings import Settings
from orchestration.warehouse.connection import reader, writer
from orchestration.warehouse.ledger_import import (
    NO_CHANGES,
    OUTCOMES,
    LedgerMark,
    exceptions_to_tell,
    ledger_mark,
    note_told,
    people_rows,
    publish_head,
    state_change_digests,
    take_over_events,
    told_mark,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from orchestration.core.policies.model import OperatingModel
    from orchestration.ledger.ticket_sync import SyncReport
    from orchestration.warehouse.runs import Run


def last_decision(settings: Settings) -> int:
    """Return the number of the last event that a person or a receiver caused; 0 for none.

    Takes nothing over, so that a run in which nothing is new pays for two questions only.

    Raises:
        LedgerDamaged: The ledger does not continue what was taken over before.
        LedgerUnreadable: The ledger cannot be read.
    """
    with reader(settings.warehouse) as connection:
        mark = ledger_mark(connection)
    with read_ledger(settings.ledger_database) as ledger:
        if ledger is None or not _has_news(ledger, mark):
            _refuse_lost(ledger, mark)
            return mark.decided_seq
        found = ledger.rows(
            "select max(seq) as last from events where seq > ? and (actor_role <> ? or action in "
            f"({', '.join('?' for _ in OUTCOMES)}))",
            [mark.seq, "engine", *OUTCOMES],
        )
        return max(mark.decided_seq, *(row["last"] or 0 for row in found))


def import_events(settings: Settings, as_of: datetime) -> LedgerMark:
    """Take over what the ledger has and the warehouse has not; needs no SQLAlchemy.

    Args:
        settings: The home.
        as_of: The moment of the run, aware UTC: since then the warehouse knows of the events.

    Returns:
        How far the warehouse is now.

    Raises:
        LedgerDamaged: The new events are not a continuation of those that were taken over before.
        LedgerUnreadable: The ledger cannot be read.
    """
    with writer(settings) as connection:
        mark = ledger_mark(connection)
        with read_ledger(settings.ledger_database) as ledger:
            if ledger is None or not _has_news(ledger, mark):
                _refuse_lost(ledger, mark)
                return mark
            take_over_events(connection, _continued(ledger, mark), as_of)
        return ledger_mark(connection)


def tend_tickets(settings: Settings, run: "Run", model: "OperatingModel") -> "SyncReport":
    """Tell the ledger what a run found, take the steps of tickets that are late, have it signed.

    The head goes among the marts. Idempotent: a run that was killed anywhere in it is told again
    by the next one.

    Args:
        settings: The home.
        run: The run, whose marts are built.
        model: The operating model.

    Raises:
        LedgerDamaged: The ledger is not a continuation of what was signed.
        LedgerBusy: Somebody else holds the ledger for too long.
        IllegalTransition: A ticket would take a step that is not allowed.
    """
    from orchestration.ledger.alerts import Watch
    from orchestration.ledger.events import Actor
    from orchestration.ledger.heads import sign_head
    from orchestration.ledger.samples import draw_due
    from orchestration.ledger.sla_clock import tick
    from orchestration.ledger.store import open_ledger
    from orchestration.ledger.taxonomy import load_ticket_rules
    from orchestration.ledger.ticket_sync import EngineRun, sync_tickets

    rules = load_ticket_rules(settings.seeds)
    engine = EngineRun(run.run_id, run.as_of, model, rules)
    with (
        writer(settings) as warehouse,
        open_ledger(settings.ledger_database) as ledger,
    ):
        with ledger.write() as connection:
            everything = not _knows(connection, told_mark(warehouse))
            _take_over_people(people_rows(warehouse), connection, run, model)
            found, gone = exceptions_to_tell(warehouse, everything=everything)
            report = sync_tickets(connection, engine, found, gone)
            draw_due(connection, model, Actor.engine(run.run_id), run.as_of)
            tick(Watch(connection, model, Actor.engine(run.run_id), run.as_of))
            digest = state_change_digests(warehouse).get(run.run_no, NO_CHANGES)
            last = _record_run(connection, run, report, digest)
        note_told(warehouse, *last)
        head = sign_head(
            ledger,
            settings.heads,
            settings.signing_key,
            at=run.as_of,
            signed_by=f"engine:{run.run_id}",
        )
        if head is not None:
            publish_head(warehouse, head.as_row())
    return report


def _refuse_lost(ledger: LedgerReader | None, mark: LedgerMark) -> None:
    """Refuse to go on without the ledger that was there.

    Raises:
        LedgerDamaged: It is gone.
    """
    if ledger is None and mark.seq:
        raise LedgerDamaged(
            f"The ledger is gone: the warehouse took {mark.seq} events over from it. Put it back, "
            "or name its place in MESHLINE_LEDGER_URL."
        )


def _has_news(ledger: LedgerReader, mark: LedgerMark) -> bool:
    """Whether there is something after what was taken over, and that is still there.

    Raises:
        LedgerDamaged: The last event that was taken over is another one, or gone.
    """
    found = {
        row["seq"]: row["hash"]
        for row in ledger.rows(
            "select seq, hash from events where seq >= ? order by seq limit 2", [mark.seq]
        )
    }
    if mark.seq and found.get(mark.seq) != mark.hash:
        raise LedgerDamaged(
            f"The ledger has not the event {mark.seq} that the warehouse took over from it: it was "
            "cut, rewritten, or restored from an old backup. `meshline audit verify` says more; "
            "put the right copy back."
        )
    return any(seq > mark.seq for seq in found)


def _continued(ledger: LedgerReader, mark: LedgerMark) -> Iterator[Event]:
    """The events after those that were taken over, each held to its chain.

    Raises:
        LedgerDamaged: One is not what it was when it was written.
    """
    before, expected = mark.hash or GENESIS, mark.seq + 1
    for event in ledger.events("seq > ?", [mark.seq]):
        if (event.seq, event.prev_hash, event.hash) != (expected, before, hash_of(event)):
            raise LedgerDamaged(
                f"The chain of the ledger is broken at event {expected}. Nothing was published; "
                "`meshline audit verify` lists what is wrong."
            )
        yield event
        before, expected = event.hash, expected + 1


def _knows(connection: "Connection", told: tuple[int, str] | None) -> bool:
    """Whether this is the ledger that was told before."""
    from sqlalchemy import select

    from orchestration.ledger.tables import events

    if told is None:
        return False
    found = connection.execute(select(events.c.hash).where(events.c.seq == told[0]))
    return found.scalar_one_or_none() == told[1]


def _take_over_people(
    rows: Sequence[Mapping[str, Any]],
    connection: "Connection",
    run: "Run",
    model: "OperatingModel",
) -> None:
    """Make the ledger know the people of the extracts, and their accounts of the policies."""
    from orchestration.ledger.events import Actor
    from orchestration.ledger.people import Person, sync_accounts, take_over

    people = [
        Person(
            row["person_id"],
            row["role_code"] or "none",
            row["manager_id"],
            row["approval_limit_amount"],
            row["currency_code"],
            row["person_name"],
            row["email"],
        )
        for row in rows
    ]
    engine = Actor.engine(run.run_id)
    take_over(connection, people, actor=engine, at=run.as_of)
    wanted = {
        one.account_id: one.person_id
        for one in model.identities.values()
        if one.is_enabled and one.person_id is not None
    }
    sync_accounts(connection, wanted, actor=engine, at=run.as_of)


def _record_run(
    connection: "Connection", run: "Run", report: "SyncReport", digest: tuple[int, str]
) -> tuple[int, str]:
    """Put a run on record with the digest of its changes of state; return the last event."""
    from orchestration.ledger.events import Actor, Draft, append

    payload = {
        "run_no": run.run_no,
        "state_changes": {"count": digest[0], "digest": digest[1]},
        "tickets": {
            "opened": report.opened,
            "updated": report.updated,
            "reopened": report.reopened,
            "closed": report.closed,
        },
    }
    reason = "A run reconciled what had landed."
    engine = Actor.engine(run.run_id)
    (event,) = append(
        connection,
        [Draft(run.as_of, engine, "run_recorded", "run", run.run_id, reason, payload)],
    )
    return event.seq, event.hash
