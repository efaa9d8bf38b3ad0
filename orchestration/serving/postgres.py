"""Serving: the current publication copied to a server and swapped in.

What belongs here: one serving from its address to its report. What does not: when it happens
(`orchestration.runner`, `meshline publish postgres`). Whoever may import the warehouse may import
this.

The address comes from `MESHLINE_SERVING_URL`, or from the file that `MESHLINE_SERVING_URL_FILE`
names. It is read when it is used and told to nobody: it may hold a password.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import conninfo_to_dict

from orchestration.core.errors import UsageRefused
from orchestration.serving.address import VARIABLE
from orchestration.serving.copying import PUBLICATION, fill_next
from orchestration.serving.errors import BY_HAND, ServingFailed, in_words
from orchestration.serving.swap import SCHEMA, refuse_foreign, swap
from orchestration.settings import Settings, read_secret
from orchestration.warehouse.reader import open_published
from orchestration.warehouse.snapshots import AnswerBroken

CONNECT_SECONDS = 10
PATIENCE_SECONDS = 60.0
# Any number that nobody else takes: of two servings of one database the second is refused.
_LOCK = 7_300_411_902_115


@dataclass(frozen=True, slots=True)
class Served:
    """One serving.

    Attributes:
        run_no: The run whose publication the server shows.
        is_new: False when it showed it already.
        table_count: Tables copied.
        row_count: Rows copied.
        copy_seconds: For filling the next schema, while readers read this one.
        swap_seconds: For the exchange, waiting for readers included.
    """

    run_no: int
    is_new: bool
    table_count: int = 0
    row_count: int = 0
    copy_seconds: float = 0.0
    swap_seconds: float = 0.0

    def note(self) -> str:
        """A few words on it."""
        if not self.is_new:
            return f"run {self.run_no} is served already"
        return f"{self.table_count} tables, {self.row_count:,} rows, swap {self.swap_seconds:.2f} s"


def serve_published(
    settings: Settings, *, again: bool = False, patience_seconds: float = PATIENCE_SECONDS
) -> Served:
    """Copy what is published now into the server and swap it in.

    Args:
        settings: The home.
        again: Copy it although the server shows this run already.
        patience_seconds: How long readers in the middle of a transaction are waited for.

    Raises:
        UsageRefused: No server is configured, or its address cannot be read.
        NothingPublished: There is nothing to serve.
        ServingFailed: The server refused; it still shows what it showed.
    """
    url = _address()
    try:
        with open_published(settings) as published, _connected(url) as connection:
            if not again and _served_run(connection) == published.run_no:
                return Served(published.run_no, is_new=False)
            refuse_foreign(connection)
            begun = time.monotonic()
            counts = fill_next(connection, published)
            copied = time.monotonic()
            swap(connection, patience_seconds)
            return Served(
                run_no=published.run_no,
                is_new=True,
                table_count=len(counts),
                row_count=sum(counts.values()),
                copy_seconds=copied - begun,
                swap_seconds=time.monotonic() - copied,
            )
    except psycopg.Error as error:
        raise ServingFailed(in_words(error)) from error
    except AnswerBroken as error:
        raise ServingFailed(f"{error}. {BY_HAND}.") from error


def _address() -> str:
    url = read_secret(VARIABLE)
    if not url:
        raise UsageRefused(
            f"No server is configured. Set {VARIABLE}, or {VARIABLE}_FILE to a file that holds it, "
            "to postgresql://USER:<password>@host:5432/database."
        )
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # What the library says of it would repeat the password.
        raise UsageRefused(
            f"{VARIABLE} is no address. Give postgresql://USER:<password>@host:5432/database, with "
            "special characters of the password written as %40 and the like."
        ) from None
    return url


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection]:
    """A connection that holds the right to serve."""
    with psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        application_name="meshline-serving",
        client_encoding="utf-8",
    ) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("set datestyle = 'ISO, YMD'")
        row = connection.execute("select pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
        if row is None or not row[0]:
            raise ServingFailed(
                "Another process is serving into this database right now. Wait for it; two homes "
                "cannot share one database."
            )
        yield connection


def _served_run(connection: psycopg.Connection) -> int | None:
    """The run that the server shows; None when it shows none of ours."""
    name = f"{SCHEMA}.{PUBLICATION}"
    if connection.execute("select to_regclass(%s)", [name]).fetchone() == (None,):
        return None
    try:
        row = connection.execute(f"select run_no from {SCHEMA}.{PUBLICATION}").fetchone()
    except psycopg.Error:
        return None
    return row[0] if row is not None else None
