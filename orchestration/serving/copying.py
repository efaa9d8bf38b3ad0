"""The next schema: every table of a publication, streamed to the server.

What belongs here: making and filling `meshline_next`. What does not: giving it to readers
(`orchestration.serving.swap`). Only `orchestration.serving` imports this.

The engine writes CSV into a pipe and the server reads it from there, so memory stays flat at any
size and no file is written.
"""

import os
import threading
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from orchestration.serving.errors import ServingFailed
from orchestration.serving.swap import MARK, NEXT
from orchestration.serving.types import type_there, written
from orchestration.warehouse.reader import Published
from orchestration.warehouse.snapshots import columns_of, pour_answer

PUBLICATION = "publication"
CHUNK_BYTES = 1 << 18
_KEYS = ("recon_key", "exception_id")


def fill_next(connection: psycopg.Connection, published: Published) -> dict[str, int]:
    """Make the next schema anew and fill it; return the row count of each table.

    Args:
        connection: In autocommit; the work is one transaction.
        published: What to copy.

    Raises:
        ServingFailed: A table arrived with another number of rows.
    """
    counts = {}
    with connection.transaction():
        connection.execute(f"drop schema if exists {NEXT} cascade")
        connection.execute(f"create schema {NEXT}")
        connection.execute(f"comment on schema {NEXT} is '{MARK}: replaced whole by each run'")
        for table, columns in columns_of(published).items():
            place = sql.Identifier(NEXT, table)
            _make_table(connection, place, columns, published.run_id)
            counts[table] = _stream(connection, published, table, columns)
            if counts[table] != published.tables.get(table, counts[table]):
                raise ServingFailed(
                    f"{table} arrived with {counts[table]:,} of {published.tables[table]:,} rows. "
                    "Run `meshline publish postgres` again."
                )
            for key in _KEYS:
                if key in columns:
                    connection.execute(
                        sql.SQL("create index on {} ({})").format(place, sql.Identifier(key))
                    )
        _tell_publication(connection, published)
    for table in counts:
        connection.execute(sql.SQL("analyze {}").format(sql.Identifier(NEXT, table)))
    return counts


def _make_table(
    connection: psycopg.Connection, place: sql.Identifier, columns: dict[str, str], run_id: str
) -> None:
    fields = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(type_there(kind)))
        for name, kind in columns.items()
    )
    connection.execute(sql.SQL("create table {} ({})").format(place, fields))
    connection.execute(
        sql.SQL("comment on table {} is {}").format(place, sql.Literal(f"{MARK}, {run_id}"))
    )


def _stream(
    connection: psycopg.Connection, published: Published, table: str, columns: dict[str, str]
) -> int:
    """Copy one table; return how many rows the server took."""
    chosen = ", ".join(written(name, kind) for name, kind in columns.items())
    source = f'select {chosen} from marts."{table}"'
    reading, writing = os.pipe()
    faults: list[Exception] = []

    def write() -> None:
        try:
            pour_answer(published, source, writing)
        except Exception as error:  # noqa: BLE001, it is raised where the reader is
            faults.append(error)
        finally:
            os.close(writing)

    writer = threading.Thread(target=write, name="meshline-serving", daemon=True)
    statement = sql.SQL("copy {} from stdin (format csv)").format(sql.Identifier(NEXT, table))
    with connection.cursor() as cursor:
        try:
            writer.start()
            with os.fdopen(reading, "rb", buffering=0) as pipe, cursor.copy(statement) as copy:
                while chunk := pipe.read(CHUNK_BYTES):
                    copy.write(chunk)
                writer.join()
                if faults:  # before the copy ends well: half a table must not be taken for whole
                    raise faults[0]
        finally:
            writer.join()
        return cursor.rowcount


def _tell_publication(connection: psycopg.Connection, published: Published) -> None:
    """One row that says which publication this is."""
    place = sql.Identifier(NEXT, PUBLICATION)
    connection.execute(
        sql.SQL(
            "create table {} (run_no bigint, run_id text, as_of timestamptz, served_at timestamptz)"
        ).format(place)
    )
    connection.execute(
        sql.SQL("comment on table {} is {}").format(
            place, sql.Literal(f"{MARK}: which publication this is")
        )
    )
    connection.execute(
        sql.SQL("insert into {} values (%s, %s, %s, %s)").format(place),
        [published.run_no, published.run_id, published.as_of, datetime.now(UTC)],
    )
