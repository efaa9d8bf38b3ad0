"""The one door through which the ledger is written: opening it, upgrading it, transactions.

What belongs here: engines, locks, waiting, the schema's version. What does not: any event. The
commands that only read use `orchestration.ledger.reading`, which needs no SQLAlchemy.

One writer at a time, in both databases: SQLite takes its lock when a transaction begins, PostgreSQL
an advisory lock of that transaction. Readers wait for nobody.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url, text

from orchestration.core.errors import UsageRefused
from orchestration.ledger.errors import LedgerBusy, LedgerNotOurs, LedgerUnreachable
from orchestration.ledger.migrations import FOLDER, revisions

BUSY_SECONDS = 30.0
CONNECT_SECONDS = 10
# Any number will do, as long as nothing else in the database takes the same.
ADVISORY_LOCK = 0x6D657368_6C65
_LOCK_NOT_AVAILABLE = "55P03"
_OPTION = "ledger_writes"


@dataclass(frozen=True, slots=True)
class Ledger:
    """An open ledger; a context manager that closes it.

    Attributes:
        engine: Its connections; use `write` and `read`.
        name: What to call it in messages, without any password.
    """

    engine: Engine
    name: str

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Hold the ledger for one transaction: all of it is kept, or nothing.

        Raises:
            LedgerBusy: Somebody else holds it for too long.
        """
        with _in_words(self.name), self.engine.connect() as plain:
            connection = plain.execution_options(**{_OPTION: True})
            with connection.begin():
                if connection.dialect.name == "postgresql":
                    connection.execute(
                        text("select pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK}
                    )
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One moment of the ledger, undisturbed by writers."""
        with _in_words(self.name), self.engine.connect() as plain:
            connection = (
                plain.execution_options(isolation_level="REPEATABLE READ")
                if (plain.dialect.name == "postgresql")
                else plain
            )
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Let all connections go; safe to call twice."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_ledger(url: str, *, busy_seconds: float = BUSY_SECONDS) -> Ledger:
    """Open a ledger for writing; make it, or bring it up to date, when it is not.

    Args:
        url: `sqlite:////path/to/ledger.db` or `postgresql://user@host/database`; see
            `Settings.ledger_database`.
        busy_seconds: How long to wait for somebody else who writes.

    Raises:
        UsageRefused: The URL names no database that is known here.
        LedgerUnreachable: It cannot be opened.
        LedgerNotOurs: A newer version wrote it, or the file is something else.
        LedgerBusy: Somebody else holds it for too long.
    """
    parsed = parse_url(url)
    name = describe(parsed)
    if parsed.get_backend_name() == "sqlite":
        engine = _sqlite(parsed, busy_seconds)
    else:
        engine = _postgresql(parsed, busy_seconds)
    ledger = Ledger(engine, name)
    try:
        _bring_up_to_date(ledger)
    except BaseException:
        ledger.close()
        raise
    return ledger


def parse_url(url: str) -> URL:
    """Return the URL of a ledger with the driver that is used here.

    Raises:
        UsageRefused: It is none, or of another kind of database.
    """
    prefix = "sqlite:///"
    if url.startswith(prefix) and len(url) > len(prefix):
        return URL.create("sqlite", database=url.removeprefix(prefix))  # a path may hold anything
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        parsed = None
    kind = parsed.get_backend_name() if parsed is not None else ""
    if parsed is None or kind != "postgresql" or not parsed.database:
        raise UsageRefused(
            "MESHLINE_LEDGER_URL names no ledger. Give postgresql://user@host:5432/database, or "
            "leave it unset to keep the ledger in the home."
        )
    return parsed.set(drivername="postgresql+psycopg")


def describe(url: URL) -> str:
    """Return what to call a ledger in messages: its file, or its host and database."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return f"postgresql://{url.host or 'localhost'}/{url.database}"


def _sqlite(url: URL, busy_seconds: float) -> Engine:
    """An engine on a file of its own, with every commit durable."""
    path = Path(str(url.database))
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # It holds names and comments: nobody else's to read.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = create_engine(url, connect_args={"timeout": busy_seconds, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not guessed
        _use_wal(connection, busy_seconds)
        for pragma in (
            "synchronous = full",
            "trusted_schema = off",
            "recursive_triggers = on",
            "secure_delete = on",  # what is erased leaves no bytes behind
        ):
            connection.execute(f"pragma {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_OPTION, False)
        connection.exec_driver_sql("begin immediate" if writes else "begin")

    return engine


def _use_wal(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """Let readers and a writer work side by side; two openers of a new file may meet here."""
    deadline = time.monotonic() + busy_seconds
    while connection.execute("pragma journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("pragma journal_mode = wal")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _postgresql(url: URL, busy_seconds: float) -> Engine:
    """An engine on a server; a lost connection is noticed before it is used."""
    milliseconds = max(1, int(busy_seconds * 1000))
    return create_engine(
        url,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "meshline",
            "options": f"-c lock_timeout={milliseconds} -c timezone=UTC",
        },
    )


def _bring_up_to_date(ledger: Ledger) -> None:
    """Run the revisions that a ledger lacks; looks only, when it lacks none."""
    known = revisions()
    with ledger.read() as connection:
        current = _current_revision(connection)
    if current == known[-1]:
        return
    if current is not None and current not in known:
        raise LedgerNotOurs(
            f"The ledger {ledger.name} is of revision {current}; this version knows up to "
            f"{known[-1]}. Use the newer version that wrote it."
        )
    # Only who upgrades pays for importing it.
    from alembic import command
    from alembic.config import Config

    with ledger.write() as connection:
        if _current_revision(connection) == known[-1]:
            return  # another process was faster
        config = Config()
        config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _current_revision(connection: Connection) -> str | None:
    """The revision that a ledger has; None for a new one.

    Raises:
        LedgerNotOurs: There is an `events` table, but no revision.
    """
    tables = {
        "sqlite": "select name from sqlite_master where type = 'table'",
        "postgresql": "select tablename from pg_tables where schemaname = current_schema()",
    }[connection.dialect.name]
    names = {row[0] for row in connection.exec_driver_sql(tables)}
    if "alembic_version" in names:
        return connection.exec_driver_sql("select version_num from alembic_version").scalar()
    if "events" in names:
        raise LedgerNotOurs(
            "The database of the ledger has a table `events` that is not Meshline's. Name another "
            "database in MESHLINE_LEDGER_URL."
        )
    return None


@contextmanager
def _in_words(name: str) -> Iterator[None]:
    """Turn what the databases say about locks and connections into what a person can do."""
    try:
        yield
    except exc.DBAPIError as error:
        cause: Any = error.orig
        if getattr(cause, "sqlstate", None) == _LOCK_NOT_AVAILABLE or "locked" in str(cause):
            raise LedgerBusy(
                f"The ledger {name} is held by another process; nothing was written. "
                "Try again in a moment."
            ) from error
        is_lost = isinstance(error, exc.OperationalError) or error.connection_invalidated
        if is_lost and not isinstance(cause, sqlite3.IntegrityError):
            raise LedgerUnreachable(
                f"The ledger {name} cannot be used: {_first_line(cause)}. Nothing was written. "
                "Check that its disk or server is there and may be written."
            ) from error
        if "file is not a database" in str(cause) or "malformed" in str(cause):
            raise LedgerNotOurs(
                f"{name} is not a ledger, or damaged: {_first_line(cause)}. Put the right file "
                "back; `meshline audit verify` then says whether it is whole."
            ) from error
        raise


def _first_line(error: object) -> str:
    """The first line of what a driver says."""
    return (str(error).strip().splitlines() or ["no message"])[0].rstrip(".")
