"""Projections: tables that say how things stand now, made of events and of nothing else.

What belongs here: folding a batch of events into the rows of a table, in the transaction that
appends them; making all of them anew. What does not: what a row means
(`orchestration.ledger.people`, `orchestration.ledger.tickets`). The ledger package imports this.

A change costs what it touches: only rows of touched subjects are read, and those of subjects that
begin in the batch not even that.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from orchestration.core.chain import Event
from orchestration.ledger.events import ROWS_AT_ONCE, Draft, append
from orchestration.ledger.tables import events as events_table

Row = dict[str, Any]
Payload = Mapping[str, Any]
KEYS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Projection:
    """How events become the rows of a table.

    Attributes:
        table: Has one primary key column.
        actions: The events that it is made of.
        key: The row that an event is about.
        fold: The row after an event, given the row before, or None for a new one.
        begins: Whether an event makes a new row, so that none has to be looked for.
    """

    table: Table
    actions: frozenset[str]
    key: Callable[[Event, Payload], Any]
    fold: Callable[[Row | None, Event, Payload], Row]
    begins: Callable[[Event], bool]

    @property
    def key_column(self) -> Column[Any]:
        """The one column of the primary key."""
        (column,) = self.table.primary_key.columns
        return column


def record(
    connection: Connection, drafts: Sequence[Draft], projections: Sequence[Projection]
) -> tuple[Event, ...]:
    """Append events and bring projections up to them, in one transaction."""
    appended = append(connection, drafts)
    for projection in projections:
        apply(connection, projection, appended)
    return appended


def apply(connection: Connection, projection: Projection, batch: Sequence[Event]) -> None:
    """Fold events, in their order, into the rows of a projection."""
    wanted = [
        (event, json.loads(event.payload)) for event in batch if event.action in projection.actions
    ]
    keyed = [(projection.key(event, payload), event, payload) for event, payload in wanted]
    begun: set[Any] = set()
    sought: set[Any] = set()
    for key, event, _ in keyed:
        if projection.begins(event):
            begun.add(key)
        elif key not in begun:
            sought.add(key)
    rows = _rows(connection, projection, sorted(sought))
    for key, event, payload in keyed:
        rows[key] = projection.fold(rows.get(key), event, payload)
    upsert(connection, projection.table, list(rows.values()))


def rebuild(connection: Connection, projections: Sequence[Projection]) -> None:
    """Make projections anew from all events; the rows are the same as before."""
    for projection in projections:
        connection.execute(delete(projection.table))
    after = 0
    while True:
        batch = [
            Event(**row)
            for row in connection.execute(
                select(*events_table.c)
                .where(events_table.c.seq > after)
                .order_by(events_table.c.seq)
                .limit(ROWS_AT_ONCE)
            ).mappings()
        ]
        if not batch:
            return
        for projection in projections:
            apply(connection, projection, batch)
        after = batch[-1].seq


def upsert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, or put them in the place of those with their key."""
    if not rows:
        return
    maker = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = maker(table)
    key = [column.name for column in table.primary_key.columns]
    changed = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if column.name not in key
    }
    statement = statement.on_conflict_do_update(index_elements=key, set_=changed)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        connection.execute(statement, rows[start : start + ROWS_AT_ONCE])


def _rows(connection: Connection, projection: Projection, keys: Sequence[Any]) -> dict[Any, Row]:
    """The rows with these keys, by key."""
    column, found = projection.key_column, {}
    for start in range(0, len(keys), KEYS_AT_ONCE):
        chosen = select(projection.table).where(column.in_(keys[start : start + KEYS_AT_ONCE]))
        for row in connection.execute(chosen).mappings():
            found[row[column.name]] = dict(row)
    return found
