"""The ledger in the warehouse: its events as raw rows, what it was told, its signed heads.

What belongs here: taking over events and heads that are given, exceptions that changed since the
ledger was told, the digest of a run's changes of state. What does not: the ledger itself, which
this package does not know. `orchestration.tickets_step`, the
command line and tests import this.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from orchestration.core.chain import COLUMNS, Event

TOLD = """
    create table if not exists ops.told_exceptions (exception_id varchar, facts_hash varchar);
    create table if not exists ops.told_mark (last_seq bigint, last_hash varchar)
"""
HEADS = """
    create table if not exists marts.ledger_heads (
        size bigint, root varchar, last_hash varchar, signed_at varchar, signed_by varchar,
        key_id varchar, signature varchar
    )
"""
_FACTS = """
    create or replace temp table told_now as
    select
        *,
        md5(concat_ws(
            chr(31), exception_code, leg_code, recon_key, native_ref, tenant, order_id, customer_id,
            severity_code, leak_amount, leak_kind, currency_code, owner_role, approver_role,
            opened_at, due_at, incident_id, explanation, evidence
        )) as facts_hash
    from (
        select
            fct_exceptions.exception_id,
            fct_exceptions.exception_code,
            fct_exceptions.leg_code,
            fct_exceptions.recon_key,
            fct_exceptions.native_ref,
            fct_exceptions.tenant,
            fct_orders.order_id,
            fct_orders.customer_id,
            fct_exceptions.severity_code,
            fct_exceptions.leak_amount,
            fct_exceptions.leak_kind,
            fct_exceptions.currency_code,
            fct_exceptions.owner_role,
            fct_exceptions.approver_role,
            fct_exceptions.opened_at,
            fct_exceptions.due_at,
            fct_exceptions.incident_id,
            fct_exceptions.explanation,
            cast(fct_exceptions.evidence as varchar) as evidence,
            coalesce(
                int_exceptions.assignee_id,
                case when fct_exceptions.owner_role = 'sales' then fct_orders.sales_owner_id end
            ) as preferred_id
        from marts.fct_exceptions
        inner join exceptions.int_exceptions
            on fct_exceptions.exception_id = int_exceptions.exception_id
        left join marts.fct_orders
            on fct_exceptions.recon_key = fct_orders.recon_key
    )
"""
_NEW_OR_CHANGED = """
    select told_now.* exclude (facts_hash)
    from told_now
    left join ops.told_exceptions
        on told_now.exception_id = told_exceptions.exception_id
    where told_exceptions.facts_hash is distinct from told_now.facts_hash
    order by told_now.exception_id
"""
_GONE = """
    select told_exceptions.exception_id
    from ops.told_exceptions
    left join told_now
        on told_exceptions.exception_id = told_now.exception_id
    where told_now.exception_id is null
    order by told_exceptions.exception_id
"""
# Does not depend on the order of rows; a row that is there twice changes the sum.
_CHANGES = """
    select
        run_no,
        count(*),
        md5(concat_ws('|', count(*), bit_xor(row_hash), sum(cast(row_hash >> 64 as hugeint))))
    from (
        select
            run_no,
            md5_number(concat_ws(chr(31), subject, recon_key, leg_code, from_code, to_code))
                as row_hash
        from marts.fct_state_changes
    )
    group by run_no
"""
NO_CHANGES = (0, "")
PEOPLE = """
    select
        person_id,
        person_name,
        email,
        role_code,
        manager_id,
        approval_limit_amount,
        currency_code
    from entities.int_people__latest
    order by person_id
"""
ROWS_AT_ONCE = 5_000
# What receivers made of documents: not decided by anybody, and shown by the marts all the same.
OUTCOMES = (
    "external_system_failure",
    "external_system_recovered",
    "intent_delivered",
    "intent_found_delivered",
    "intent_parked",
    "intent_refused",
    "intent_reopened",
    "intent_unknown",
)
_NO_EVENT = Event(0, "1970-01-01", "", "", "", "", "", "", None, "", "{}", "", "")


@dataclass(frozen=True, slots=True)
class LedgerMark:
    """How far the warehouse has taken over the ledger.

    Attributes:
        seq: The last event; 0 for none.
        hash: Its hash; empty for none.
        decided_seq: The last event that is not the engine's; or is about an approval, which the
            engine puts in force and ends; or is what a receiver made of a document; 0 for none.
    """

    seq: int
    hash: str
    decided_seq: int


def ledger_mark(connection: duckdb.DuckDBPyConnection) -> LedgerMark:
    """Return how far events were taken over; the loader has made the table."""
    row = connection.execute(
        "select coalesce(max(seq), 0), coalesce(arg_max(hash, seq), ''), "
        "coalesce(max(seq) filter (where actor_role <> 'engine' or subject_type = 'approval' "
        "or list_contains(?, action)), 0) from raw.ledger_events",
        [list(OUTCOMES)],
    ).fetchone()
    return LedgerMark(*row) if row is not None else LedgerMark(0, "", 0)


def take_over_events(
    connection: duckdb.DuckDBPyConnection, events: Iterable[Event], observed_at: datetime
) -> int:
    """Append events to `raw.ledger_events`, all or none; return how many.

    Args:
        connection: A writer of the warehouse.
        events: By `seq`, each greater than any that is there.
        observed_at: The moment of the run that takes them over, aware UTC.
    """
    import pyarrow as pa

    moment = observed_at.astimezone(UTC).replace(tzinfo=None)
    names = (*_raw_row(_NO_EVENT), "observed_at")
    count, batch = 0, []
    connection.execute("begin transaction")
    try:
        for event in events:
            batch.append(_raw_row(event) | {"observed_at": moment})
            if len(batch) == ROWS_AT_ONCE:
                count += _insert(connection, pa.Table.from_pylist(batch), names)
                batch = []
        if batch:
            count += _insert(connection, pa.Table.from_pylist(batch), names)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return count


def told_mark(connection: duckdb.DuckDBPyConnection) -> tuple[int, str] | None:
    """Return the last event of the ledger when it was told last: seq and hash; None if never."""
    connection.execute(TOLD)
    row = connection.execute("select last_seq, last_hash from ops.told_mark").fetchone()
    return (int(row[0]), str(row[1])) if row is not None else None


def exceptions_to_tell(
    connection: duckdb.DuckDBPyConnection, *, everything: bool
) -> tuple[Iterator[dict[str, Any]], Sequence[str] | None]:
    """Return the exceptions that are new or changed since the ledger was told, and ids that went.

    Args:
        connection: A writer of the warehouse, after the marts were built. Nothing else may be asked
            of it until the exceptions were read.
        everything: Whether all exceptions are to be told: then the ids are None.

    Returns:
        Rows of one exception each, by id: the columns of `ticket_sync.FACTS`, `exception_id`,
        `preferred_id`; amounts Decimal, moments naive UTC.
    """
    connection.execute(TOLD)
    if everything:
        connection.execute("delete from ops.told_exceptions")
    connection.execute(_FACTS)
    gone = None if everything else [row[0] for row in connection.execute(_GONE).fetchall()]
    return _rows(connection, _NEW_OR_CHANGED), gone


def note_told(connection: duckdb.DuckDBPyConnection, last_seq: int, last_hash: str) -> None:
    """Note that the ledger was told what `exceptions_to_tell` returned."""
    connection.execute("begin transaction")
    try:
        connection.execute(
            "create or replace table ops.told_exceptions as "
            "select exception_id, facts_hash from told_now"
        )
        connection.execute("delete from ops.told_mark")
        connection.execute("insert into ops.told_mark values (?, ?)", [last_seq, last_hash])
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise


def people_rows(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, Any], ...]:
    """Return the people of the extracts as they are now."""
    return tuple(_rows(connection, PEOPLE))


def state_change_digests(
    connection: duckdb.DuckDBPyConnection,
) -> Mapping[int, tuple[int, str]]:
    """Return number and digest of the changes of state by run, of the warehouse or a publication.

    A run without changes is left out; its answer is `NO_CHANGES`.
    """
    rows = connection.execute(_CHANGES).fetchall()
    return {int(row[0]): (int(row[1]), str(row[2])) for row in rows}


def published_digests(
    connection: duckdb.DuckDBPyConnection,
) -> Mapping[int, tuple[int, str]]:
    """Return the same for every run that a publication knows as published."""
    found = state_change_digests(connection)
    runs = connection.execute("select distinct run_no from marts.run_fingerprints").fetchall()
    return {int(row[0]): found.get(int(row[0]), NO_CHANGES) for row in runs}


def publish_head(connection: duckdb.DuckDBPyConnection, head: Mapping[str, Any]) -> None:
    """Put a signed head among the marts, so that every publication is a witness; safe to repeat."""
    connection.execute(HEADS)
    connection.execute(
        "insert into marts.ledger_heads select $size, $root, $last_hash, $at, $signed_by, $key_id, "
        "$signature where not exists "
        "(select 1 from marts.ledger_heads where signature = $signature)",
        dict(head),
    )


def published_heads(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, Any], ...]:
    """Return the signed heads in a publication, as rows of `orchestration.core.heads.Head`."""
    known = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = 'marts' "
        "and table_name = 'ledger_heads'"
    ).fetchone()
    if known is None or not known[0]:
        return ()
    listed = (
        'select size, root, last_hash, signed_at as "at", signed_by, key_id, signature '
        "from marts.ledger_heads order by size"
    )
    return tuple(_rows(connection, listed))


def _raw_row(event: Event) -> dict[str, Any]:
    """An event as a row of raw."""
    decided: Mapping[str, Any] = {}
    if event.subject_type == "ticket":
        decided = json.loads(event.payload).get("decided", {})
    row = {name: getattr(event, name) for name in COLUMNS if name != "at"}
    return row | {
        "occurred_at": datetime.fromisoformat(event.at).replace(tzinfo=None),
        "ticket_state_code": decided.get("state_code"),
        "ticket_assignee_id": decided.get("assignee_id"),
        "sets_assignee": "assignee_id" in decided,
    }


def _insert(connection: duckdb.DuckDBPyConnection, table: Any, names: Sequence[str]) -> int:
    """Append one batch."""
    connection.register("events_given", table)
    try:
        listed = ", ".join(names)
        connection.execute(
            f"insert into raw.ledger_events ({listed}) select {listed} from events_given"
        )
    finally:
        connection.unregister("events_given")
    return int(table.num_rows)


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> Iterator[dict[str, Any]]:
    """The rows of a query, a few thousand at a time, on a cursor of their own tables."""
    result = connection.execute(sql)
    names = [column[0] for column in result.description]
    while chunk := result.fetchmany(ROWS_AT_ONCE):
        for row in chunk:
            yield dict(zip(names, row, strict=True))
