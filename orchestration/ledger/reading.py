"""The door through which the ledger is read: without SQLAlchemy, and unable to write.

What belongs here: opening it read-only and asking. What does not: any table's meaning. Commands
that only read pay neither for SQLAlchemy nor for Alembic here, and the verifier does not share the
code that wrote what it verifies. Whoever may import the ledger may import this.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.core.chain import COLUMNS, Event
from orchestration.core.errors import ReconError, UsageRefused

ROWS_AT_ONCE = 5_000
CONNECT_SECONDS = 10
BUSY_SECONDS = 10.0
_SQLITE = "sqlite:///"


class LedgerUnreadable(ReconError):
    """The ledger is there and cannot be read."""


@dataclass(frozen=True, slots=True)
class LedgerReader:
    """One moment of a ledger.

    Attributes:
        connection: A DB-API connection in a transaction that only reads.
        is_sqlite: Which of the two databases it is.
    """

    connection: Any
    is_sqlite: bool

    def rows(self, sql: str, values: Sequence[Any] = ()) -> Iterator[dict[str, Any]]:
        """Yield the rows of a query, one mapping of column names each, never all at once.

        Args:
            sql: With `?` for each value.
            values: Bound, never written into the text.
        """
        for chunk in self.chunks(sql, values):
            yield from chunk

    def chunks(self, sql: str, values: Sequence[Any] = ()) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of a query a few thousand at a time."""
        names: list[str] = []
        for chunk in self.tuples(sql, values, names):
            yield [dict(zip(names, row, strict=True)) for row in chunk]

    def tuples(
        self, sql: str, values: Sequence[Any] = (), names: list[str] | None = None
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Yield rows a few thousand at a time, as they come; `names` gets the columns."""
        if self.is_sqlite:
            cursor = self.connection.execute(sql, list(values))
        else:
            cursor = self.connection.cursor(name="meshline_reading")
            cursor.itersize = ROWS_AT_ONCE
            cursor.execute(sql.replace("%", "%%").replace("?", "%s"), list(values))
        try:
            if names is not None:
                names += [column[0] for column in cursor.description]
            while chunk := cursor.fetchmany(ROWS_AT_ONCE):
                yield chunk
        finally:
            cursor.close()

    def events(self, where: str = "true", values: Sequence[Any] = ()) -> Iterator[Event]:
        """Yield events by `seq`; `where` is a constant of the caller, never a value."""
        sql = f"select {', '.join(COLUMNS)} from events where {where} order by seq"
        for chunk in self.tuples(sql, values):
            for row in chunk:
                yield Event(*row)

    def has_table(self, name: str) -> bool:
        """Whether there is such a table."""
        sql = (
            "select 1 from sqlite_master where type = 'table' and name = ?"
            if self.is_sqlite
            else "select 1 from pg_tables where schemaname = current_schema() and tablename = ?"
        )
        return any(True for _ in self.rows(sql, [name]))


@contextmanager
def read_ledger(url: str, *, shows_damage: bool = False) -> Iterator[LedgerReader | None]:
    """Open a ledger for reading; None when nobody has made it yet.

    Args:
        url: As in `Settings.ledger_database`.
        shows_damage: Whether a text that is no text any more is shown as it is, so that its event
            can be found, instead of being refused.

    Raises:
        LedgerUnreadable: It is there and cannot be read, or the server does not answer.
    """
    is_sqlite = url.startswith(_SQLITE)
    if is_sqlite and not Path(url.removeprefix(_SQLITE)).exists():
        yield None
        return
    if is_sqlite:
        connection: Any = _sqlite(url.removeprefix(_SQLITE), shows_damage=shows_damage)
    else:
        connection = _postgresql(url)
    try:
        reader = LedgerReader(connection, is_sqlite)
        yield reader if reader.has_table("events") else None
    except sqlite3.DatabaseError as error:
        raise LedgerUnreadable(
            f"The ledger {url.removeprefix(_SQLITE)} cannot be read: {error}. Put the right file "
            "back, with its -wal if there is one."
        ) from error
    finally:
        connection.close()


def _sqlite(path: str, *, shows_damage: bool) -> sqlite3.Connection:
    """A file, opened so that no statement can change it."""
    address = Path(path).absolute().as_uri() + "?mode=ro"
    try:
        connection = sqlite3.connect(
            address, uri=True, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None
        )
        if shows_damage:
            connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        connection.execute("pragma query_only = on")
        connection.execute("begin")
    except sqlite3.Error as error:
        raise LedgerUnreadable(f"The ledger {path} cannot be read: {error}.") from error
    return connection


def _postgresql(url: str) -> Any:
    """A server, in a transaction that may only read."""
    import psycopg

    if not url.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
        raise UsageRefused(
            "MESHLINE_LEDGER_URL names no ledger. Give postgresql://user@host:5432/database, or "
            "leave it unset to keep the ledger in the home."
        )
    try:
        connection = psycopg.connect(
            url.replace("postgresql+psycopg://", "postgresql://", 1),
            connect_timeout=CONNECT_SECONDS,
            application_name="meshline-reading",
        )
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
    except psycopg.Error as error:
        first = (str(error).strip().splitlines() or ["no answer"])[0]
        raise LedgerUnreadable(f"The ledger's server cannot be reached: {first}.") from error
    return connection
