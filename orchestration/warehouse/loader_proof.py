"""The books of what was read, and the proof that all of it is somewhere.

What belongs here: `raw.accounting`, `raw.duplicate_rows` and the identity that every file must
satisfy before it is committed. What does not: storing rows. The loader imports this; it runs
inside the loader's transaction.
"""

import duckdb

from orchestration.core.errors import ReconError
from orchestration.warehouse.connection import literal, quoted
from orchestration.warehouse.loader_books import FileEntry
from orchestration.warehouse.loader_plan import Plan


def stored_currency(plan: Plan) -> str:
    """Return the SQL of the currency of a stored row, as accounting names it."""
    rule = plan.stream.amount
    if rule is None or (rule.currency is None and rule.currency_column is None):
        return "''"
    if rule.currency is not None:
        return literal(rule.currency)
    return f"coalesce({quoted(rule.currency_column or '')}, '')"


def stored_amount(plan: Plan) -> str:
    """Return the SQL of the accounted amount of a stored row."""
    rule = plan.stream.amount
    return "0" if rule is None else f"coalesce({quoted(rule.column)}, 0)"


def book_duplicates(connection: duckdb.DuckDBPyConnection, plan: Plan, entry: FileEntry) -> None:
    """Book, by currency, the rows that were not stored because they are stored already."""
    _book(
        connection,
        entry,
        "duplicate_rows",
        f"""
        select {stored_currency(plan)} as currency_code, {stored_amount(plan)} as amount
        from checked where _row in (select _row from dropped where not is_conflict)
    """,
    )


def book_accounting(connection: duckdb.DuckDBPyConnection, entry: FileEntry, rejects: int) -> None:
    """Book, by currency, what the file says, from its text; nothing that was stored takes part."""
    unread = "union all select '', 0 from temp.main.stage_rejects" if rejects else ""
    _book(
        connection,
        entry,
        "accounting",
        f"""
        select _currency as currency_code, _amount as amount from checked {unread}
    """,
    )


def _book(connection: duckdb.DuckDBPyConnection, entry: FileEntry, table: str, select: str) -> None:
    connection.execute(
        f"""
        insert into raw.{table}
        select {entry.load_seq}, ?, ?, currency_code, count(*),
            coalesce(sum(cast(amount as decimal(18, 4))), 0)
        from ({select}) group by currency_code
        """,
        [entry.stream.source, entry.stream.name],
    )


def prove(connection: duckdb.DuckDBPyConnection, plan: Plan, entry: FileEntry, table: str) -> None:
    """Compare, by currency, what was read with what was stored, skipped and rejected.

    Raises:
        ReconError: They differ.
    """
    seq = entry.load_seq
    broken = connection.execute(
        f"""
        select currency_code, sum(row_count), sum(amount)
        from (
            select currency_code, row_count, amount from raw.accounting where load_seq = {seq}
            union all
            select currency_code, -row_count, -amount
            from raw.duplicate_rows where load_seq = {seq}
            union all
            select currency_code, -count(*), -coalesce(sum(amount), 0)
            from raw.rejected_rows where load_seq = {seq} group by currency_code
            union all
            select {stored_currency(plan)}, -count(*), -sum({stored_amount(plan)})
            from {table} where _load_seq = {seq} and _line is not null group by all
        )
        group by currency_code
        having sum(row_count) <> 0 or sum(amount) <> 0
        """
    ).fetchall()
    accounted = entry.rows_loaded + entry.rows_duplicate + entry.rows_rejected
    if broken or entry.rows_read != accounted:
        msg = (
            f"{entry.stream.source}/{entry.stream.name}: file {entry.file_id} does not add up: "
            f"{entry.rows_read} rows read, {accounted} accounted for; differences by currency "
            f"(rows, amount): {broken}. Nothing of it was stored; report this with the file"
        )
        raise ReconError(msg)
