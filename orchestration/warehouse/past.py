"""What raw held at a past moment, in a warehouse of its own.

What belongs here: copying raw as it was, and reading what a run had recorded. What does not:
building anything from it (`orchestration.replay` does). Only that imports this.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from duckdb import CatalogException, DuckDBPyConnection

from orchestration.core.errors import UsageRefused
from orchestration.settings import Settings
from orchestration.warehouse.connection import literal, quoted, reader, writer

# A file that another replaced after the moment was not replaced then.
FILES_THEN = """
    select files.* replace (
        case
            when files.status = 'superseded' and replacing.load_seq is null then 'loaded'
            else files.status
        end as status
    )
    from past.raw.files
    left join past.raw.files as replacing
        on replacing.load_seq = try_cast(
            regexp_extract(files.reason, '^replaced by load ([0-9]+)', 1) as bigint
        )
        and replacing.observed_at <= $moment
    where files.observed_at <= $moment
"""


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run that published, and what it said of its marts.

    Attributes:
        run_no: Its number.
        as_of: The moment that its models saw as now, aware UTC.
        input_hash: Names everything that decided its result.
        fingerprints: Table to row count and fingerprint.
    """

    run_no: int
    as_of: datetime
    input_hash: str
    fingerprints: dict[str, tuple[int, str]]


def run_known_at(settings: Settings, moment: datetime) -> RecordedRun:
    """Return the last run that published at or before a moment (aware UTC).

    Raises:
        UsageRefused: Nothing was published by then, or its fingerprints are not recorded.
    """
    if not settings.warehouse.exists():
        raise UsageRefused(f"There is no warehouse in {settings.home}: run `meshline run` first.")
    with reader(settings.warehouse) as connection:
        try:
            row = connection.execute(
                "select run_no, as_of, input_hash from ops.runs "
                "where status = 'published' and as_of <= ? order by run_no desc limit 1",
                [_naive(moment)],
            ).fetchone()
            first = connection.execute(
                "select min(as_of) from ops.runs where status = 'published'"
            ).fetchone()
            recorded = connection.execute(
                "select table_name, row_count, fingerprint from ops.run_fingerprints "
                "where run_no = ?",
                [row[0] if row is not None else 0],
            ).fetchall()
        except CatalogException:
            row, first, recorded = None, None, []
    if row is None or not recorded:
        since = f"; the first is of {first[0]} UTC" if first is not None and first[0] else ""
        raise UsageRefused(f"No run had published by {moment:%Y-%m-%d %H:%M:%S} UTC{since}.")
    return RecordedRun(
        row[0],
        row[1].replace(tzinfo=UTC),
        row[2] or "",
        {name: (count, fingerprint) for name, count, fingerprint in recorded},
    )


def copy_raw(source: Settings, target: Settings, moment: datetime) -> int:
    """Copy schema raw as it was at a moment (aware UTC) into the warehouse of another home.

    The caller holds the run lock of `source`, so that nobody writes it meanwhile.

    Returns:
        Number of rows copied.
    """
    with writer(target) as connection:
        connection.execute(f"attach {literal(str(source.warehouse))} as past (read_only)")
        connection.execute("begin")
        connection.execute(
            f"create or replace table raw.files as {FILES_THEN}", {"moment": _naive(moment)}
        )
        rows = sum(
            _copy(connection, table, _naive(moment))
            for table in _tables(connection)
            if table != "files"
        )
        for name, text in connection.execute(
            "select view_name, sql from duckdb_views() "
            "where database_name = 'past' and schema_name = 'raw' and not internal"
        ).fetchall():
            _, _, body = text.partition(" AS ")
            connection.execute(f"create or replace view raw.{quoted(name)} as {body}")
        connection.execute("commit")
        connection.execute("detach past")
    return rows


def _copy(connection: DuckDBPyConnection, table: str, moment: datetime) -> int:
    """Copy what the deliveries of that time, or the ledger by then, had brought into one table."""
    columns = {
        row[0]
        for row in connection.execute(
            "select column_name from duckdb_columns() "
            "where database_name = 'past' and schema_name = 'raw' and table_name = ?",
            [table],
        ).fetchall()
    }
    delivery = next((one for one in ("_load_seq", "load_seq") if one in columns), None)
    if delivery:
        where = f"where {delivery} in (select load_seq from raw.files)"
    else:
        where = "where observed_at <= $moment" if "observed_at" in columns else ""
    row = connection.execute(
        f"create or replace table raw.{quoted(table)} as "
        f"select * from past.raw.{quoted(table)} {where}",
        {"moment": moment} if "$moment" in where else None,
    ).fetchone()
    return int(row[0]) if row is not None else 0


def _tables(connection: DuckDBPyConnection) -> tuple[str, ...]:
    """Names of the tables of raw in the past warehouse."""
    rows = connection.execute(
        "select table_name from duckdb_tables() "
        "where database_name = 'past' and schema_name = 'raw' order by table_name"
    ).fetchall()
    return tuple(row[0] for row in rows)


def _naive(moment: datetime) -> datetime:
    """The same moment as the warehouse stores it: UTC without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)
