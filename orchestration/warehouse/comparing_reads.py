"""Two warehouses that read the same files by two contracts: which cells they read differently.

What belongs here: the comparison in SQL, table by table. What does not: reading the files.
`orchestration.contract_shadow` imports this.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.warehouse.connection import literal

COLUMNS = """
    select table_name, column_name
    from duckdb_columns()
    where database_name = ? and schema_name = 'raw' and starts_with(table_name, ?)
        and not starts_with(column_name, '_')
"""


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """A column that the proposed contract reads differently.

    Attributes:
        table: The raw table, `<source>__<stream>`.
        column: Its name.
        kind: `new` and `gone` for columns, `other values` where cells differ.
        row_count: Rows whose cell differs; of a new column the rows that have a value.
        example: One of them as `before -> after`; empty for new and gone columns.
    """

    table: str
    column: str
    kind: str
    row_count: int
    example: str


def compare_reads(before: Path, after: Path, source: str) -> tuple[ColumnChange, ...]:
    """Return what differs between two warehouses in the raw tables of a source.

    Rows are told by file and line, so a row that only one side stored is no difference here.
    """
    found: list[ColumnChange] = []
    with duckdb.connect() as connection:
        connection.execute(f"attach {literal(str(before))} as before (read_only)")
        connection.execute(f"attach {literal(str(after))} as after (read_only)")
        columns = {
            side: set(connection.execute(COLUMNS, [side, f"{source}__"]).fetchall())
            for side in ("before", "after")
        }
        for table, column in sorted(columns["before"] | columns["after"]):
            place, cell = _quoted(table), _quoted(column)
            if (table, column) not in columns["before"]:
                count = _count(connection, f"select count({cell}) from after.raw.{place}")
                found.append(ColumnChange(table, column, "new", count, ""))
            elif (table, column) not in columns["after"]:
                count = _count(connection, f"select count({cell}) from before.raw.{place}")
                found.append(ColumnChange(table, column, "gone", count, ""))
            else:
                row = connection.execute(
                    f"select count(*), min(coalesce(cast(b.{cell} as varchar), 'nothing') || ' -> '"
                    f" || coalesce(cast(a.{cell} as varchar), 'nothing'))"
                    f" from before.raw.{place} as b inner join after.raw.{place} as a"
                    " on b._file_id = a._file_id and b._line = a._line"
                    f" where cast(b.{cell} as varchar) is distinct from cast(a.{cell} as varchar)"
                ).fetchone()
                if row is not None and row[0]:
                    change = ColumnChange(table, column, "other values", int(row[0]), str(row[1]))
                    found.append(change)
    return tuple(found)


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row is not None else 0


def _quoted(identifier: str) -> str:
    """An identifier as SQL spells it; it comes from the catalog and is not trusted."""
    return '"' + identifier.replace('"', '""') + '"'
