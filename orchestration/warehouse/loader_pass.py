"""One file through reading and checking: directly where that is proved, else by way of the stage.

What belongs here: choosing the way, and what a checked file offers to those who store it. What
does not: either way itself. The loader imports this.
"""

from dataclasses import dataclass

import duckdb

from orchestration.settings import Settings
from orchestration.warehouse.loader_check import Rows, build_checked
from orchestration.warehouse.loader_plan import Plan
from orchestration.warehouse.loader_reasons import build_rejected
from orchestration.warehouse.loader_staging import (
    STAGE,
    Direct,
    Reader,
    Staged,
    create_rejects,
    time_limit,
)

_UNSOUND_TEXT = (
    duckdb.InvalidInputException,
    duckdb.ConversionException,
    duckdb.InvalidTypeException,
    duckdb.OutOfRangeException,
)


@dataclass(slots=True)
class Checked:
    """A file in `temp.main.checked`.

    Attributes:
        rows: Rows with cells.
        rejects: Rows without, in `temp.main.stage_rejects`.
        unsound: Rows with cells that may not be stored, in `temp.main.rejected`.
    """

    rows: int
    rejects: int
    unsound: int
    _reader: Reader
    _direct: Direct | None
    _staged: Staged | None

    def line_sql(self) -> str:
        """Return the SQL of a row's line over the stage; stages the file if that is still to do."""
        if self._staged is None:
            self._staged = self._reader.stage(self._direct)
        return self._staged.line_sql


def check_file(
    connection: duckdb.DuckDBPyConnection, reader: Reader, plan: Plan, settings: Settings
) -> Checked:
    """Read and check a file.

    Raises:
        Refused: It cannot be used at all, or one of its columns has another type.
    """
    create_rejects(connection)
    direct = reader.direct()
    staged = None
    if direct is not None and not _check_directly(connection, direct, plan, settings):
        direct = None
    if direct is None:
        staged = reader.stage(None)
        with time_limit(connection, settings.parse_timeout_seconds):
            build_checked(connection, plan, Rows(STAGE, staged.line_sql, 0, staged.clean))
    rows = staged.rows if staged else direct.rows if direct else 0
    checked = Checked(rows, staged.rejects if staged else 0, 0, reader, direct, staged)
    checked.unsound = _count(connection, "select count(*) from checked where not _ok")
    if checked.unsound:
        with time_limit(connection, settings.parse_timeout_seconds):
            build_rejected(connection, plan, checked.line_sql())
    return checked


def _check_directly(
    connection: duckdb.DuckDBPyConnection, direct: Direct, plan: Plan, settings: Settings
) -> bool:
    """Check a file without staging it; False unless every line was read as one row."""
    counting = direct.inner_delimiters > 0
    rows = Rows(direct.relation, None, direct.first_line, direct.clean, count_inner=counting)
    try:
        with time_limit(connection, settings.parse_timeout_seconds):
            build_checked(connection, plan, rows)
    except _UNSOUND_TEXT:
        return False
    if _count(connection, "select count(*) from checked") != direct.rows:
        return False
    if not counting:
        return True
    inner = _count(connection, "select coalesce(sum(_inner), 0) from checked")
    return inner == direct.inner_delimiters


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return 0 if row is None else int(row[0])
