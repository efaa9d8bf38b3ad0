"""Comparing the columns that a file has with those that its contract promises.

What belongs here: the plan of a file, or why there is none; the record of columns that came, went
or changed. What does not: values. The loader imports this.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta

import duckdb

from orchestration.core.contracts import SourceContract, StreamContract
from orchestration.warehouse.loader_books import Delivery, FileEntry
from orchestration.warehouse.loader_faults import Refused
from orchestration.warehouse.loader_plan import Plan
from orchestration.warehouse.loader_staging import Reader
from orchestration.warehouse.loader_types import Cell

_SHOWN_NAMES = 20


def make_plan(
    reader: Reader,
    stream: StreamContract,
    order: tuple[str, ...],
    exponents: Mapping[str, int],
    day: date,
) -> Plan:
    """Map the columns of a file to those of its contract.

    Raises:
        Refused: A header stands twice, or a promised column is missing (A10).
    """
    _refuse_repeated(reader.header)
    position = {name: f"c{at}" for at, name in enumerate(reader.header)}
    cells = tuple(
        Cell(
            name,
            column,
            position.get(column.header or name),
            optional=column.may_be_null
            or column.default is not None
            or (column.required and not column.is_required_on(day)),
        )
        for name, column in stream.columns.items()
    )
    known = {column.header or name for name, column in stream.columns.items()}
    extras = tuple((name, source) for name, source in position.items() if name not in known)
    missing = [cell for cell in cells if cell.source is None and cell.column.is_required_on(day)]
    if missing:
        _refuse_missing(missing, [name for name, _ in extras], stream)
    return Plan(
        stream=stream,
        cells=cells,
        extras=extras,
        order=order,
        exponents=exponents,
        day=day,
        width=len(reader.header),
        separator=reader.separator,
        delimiter=reader.delimiter,
    )


def _refuse_repeated(header: tuple[str, ...]) -> None:
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise Refused(
            "A10",
            f"the header names {_listed(repeated)} more than once, so it is unknown which column "
            "is meant; give each column its own name and deliver the file again",
            tuple((name, "renamed") for name in repeated),
        )


def _refuse_missing(missing: list[Cell], unknown: list[str], stream: StreamContract) -> None:
    names = [cell.column.header or cell.name for cell in missing]
    hint = f"; it has unknown {_listed(unknown)}, perhaps renamed" if unknown else ""
    change = "renamed" if len(missing) == len(unknown) == 1 else "removed"
    raise Refused(
        "A10",
        f"required column(s) {_listed(names)} missing{hint}; ask the owner of {stream.source} to "
        f"restore them, or change seeds/sources/{stream.source}.yml",
        tuple((cell.name, change) for cell in missing),
    )


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name[:60]) for name in names[:_SHOWN_NAMES])
    return shown + (f" and {len(names) - _SHOWN_NAMES} more" if len(names) > _SHOWN_NAMES else "")


def check_window(
    connection: duckdb.DuckDBPyConnection, plan: Plan, entry: FileEntry
) -> list[tuple[str, date | None]]:
    """Return the unknown columns seen here for the first time, with the end of their window.

    Raises:
        Refused: An unknown column is older than the contract's compatibility window (A10).
    """
    if not plan.extras:
        return []
    known = dict(
        connection.execute(
            "select column_name, min(window_ends_on) from raw.schema_changes "
            "where source = ? and stream = ? and change = 'added' and status = 'accepted' "
            "group by column_name",
            [plan.stream.source, plan.stream.name],
        ).fetchall()
    )
    today = entry.observed_at.date()
    ends_on = None
    if plan.stream.extra_columns == "window":
        ends_on = today + timedelta(days=entry.contract.compatibility_window_days)
        expired = [
            name
            for name, _ in plan.extras
            if name in known and known[name] is not None and known[name] < today
        ]
        if expired:
            raise Refused(
                "A10",
                f"column(s) {_listed(expired)} came new and their compatibility window has ended; "
                f"name them in seeds/sources/{plan.stream.source}.yml or have them removed",
                tuple((name, "added") for name in expired),
            )
    return [(name, ends_on) for name, _ in plan.extras if name not in known]


def adopt_columns(
    connection: duckdb.DuckDBPyConnection,
    contracts: Mapping[str, SourceContract],
    observed_at: datetime,
) -> None:
    """Put on record which columns that came new a contract names by now; safe to repeat."""
    waiting = connection.execute(
        "select source, stream, column_name, max(load_seq) from raw.schema_changes "
        "where status = 'accepted' group by source, stream, column_name "
        "having count(*) filter (where change = 'added') > 0 "
        "and count(*) filter (where change = 'adopted') = 0"
    ).fetchall()
    for source, stream_name, column_name, load_seq in waiting:
        contract = contracts.get(source)
        stream = contract.streams.get(stream_name) if contract is not None else None
        names = {column.header or name for name, column in stream.columns.items()} if stream else ()
        if column_name in names:
            connection.execute(
                "insert into raw.schema_changes "
                "values (?, ?, ?, 'adopted', ?, null, ?, 'accepted')",
                [source, stream_name, column_name, observed_at, load_seq],
            )


def vanished(plan: Plan, before: Delivery | None) -> list[str]:
    """Return optional columns that the stream's last loaded file had and this one lacks."""
    if before is None or before.header is None:
        return []
    had = set(json.loads(before.header))
    return [
        cell.name
        for cell in plan.cells
        if cell.source is None and (cell.column.header or cell.name) in had
    ]


def record_changes(
    connection: duckdb.DuckDBPyConnection,
    entry: FileEntry,
    changes: list[tuple[str, str, date | None]],
    status: str,
) -> None:
    """Insert one row into `raw.schema_changes` for each (column, change, end of window)."""
    for column, change, ends_on in changes:
        connection.execute(
            "insert into raw.schema_changes values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                entry.stream.source,
                entry.stream.name,
                column,
                change,
                entry.observed_at,
                ends_on,
                entry.load_seq,
                status,
            ],
        )
