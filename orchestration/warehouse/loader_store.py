"""Storing a checked file: versions, duplicates, rejects.

What belongs here: what becomes of each row of `temp.main.checked`. What does not: reading and
checking, and the proof of the sums (`loader_proof`). The loader imports this; all but `prepare`
runs inside its transaction.
"""

from dataclasses import dataclass

import duckdb

from orchestration.warehouse.connection import literal, quoted
from orchestration.warehouse.loader_books import FileEntry, stored_name
from orchestration.warehouse.loader_pass import Checked
from orchestration.warehouse.loader_plan import Plan
from orchestration.warehouse.loader_proof import book_accounting, book_duplicates, prove
from orchestration.warehouse.loader_reasons import row_text_sql
from orchestration.warehouse.loader_staging import STAGE


@dataclass(frozen=True, slots=True)
class Store:
    """One file on its way into its raw table.

    Attributes:
        connection: The writer, inside a transaction.
        plan: How the file is read.
        entry: Its row in the books; the counts are filled in here.
        checked: The file as it was read and checked.
    """

    connection: duckdb.DuckDBPyConnection
    plan: Plan
    entry: FileEntry
    checked: Checked

    @property
    def table(self) -> str:
        """The stream's raw table."""
        return f"raw.{quoted(self.plan.stream.table)}"

    @property
    def order(self) -> tuple[str, ...]:
        """Columns that order the versions of a key, older first, nulls first."""
        updated_at = self.plan.stream.updated_at
        head = () if updated_at is None else (quoted(updated_at),)
        return (*head, "_business_on", "_load_seq", "_line")

    def prepare(self) -> None:
        """Find keys that stand more than once in the file; runs before the transaction begins.

        Inside it, rows that were staged there would have other row numbers than those checked.
        """
        self.connection.execute(
            "create or replace temp table dropped (_row bigint, is_conflict boolean)"
        )
        self._drop_repeated_keys()
        if self.scalar("select count(*) from dropped where is_conflict"):
            self.checked.line_sql()

    def run(self) -> None:
        """Store the file and fill in the counts of its entry.

        Raises:
            ReconError: What was stored, skipped and rejected is not what was read.
        """
        versioned = self.drop_known_versions()
        self._insert_rows(with_versions=versioned)
        self._insert_rejects()
        self._insert_duplicates()
        self._insert_accounting()
        self._count()
        prove(self.connection, self.plan, self.entry, self.table)

    def scalar(self, sql: str, parameters: list[object] | None = None) -> int:
        """Return the one number of a query."""
        row = self.connection.execute(sql, parameters or []).fetchone()
        return 0 if row is None or row[0] is None else int(row[0])

    def _drop_repeated_keys(self) -> None:
        """Of equal rows keep the first; of a key with several contents keep none."""
        keys = self.scalar("select count(distinct _key_hash) from checked where _ok")
        if keys == self.scalar("select count(*) from checked where _ok"):
            return
        self.connection.execute(
            """
            insert into dropped
            select _row, contents > 1
            from (
                select
                    _row,
                    count(distinct _row_hash) over (partition by _key_hash) as contents,
                    row_number() over (partition by _key_hash order by _row) as place
                from checked
                where _ok and _key_hash in (
                    select _key_hash from checked where _ok group by all having count(*) > 1
                )
            )
            where contents > 1 or place > 1
            """
        )

    def drop_known_versions(self) -> bool:
        """Drop rows that only repeat the version before them; return whether keys are known.

        A row is compared with the version that precedes it in the order of versions. For rows that
        come in order that is the latest one; a late file is compared with what was true then.
        """
        if self.scalar(f"select count(*) from (select 1 from {self.table} limit 1)") == 0:
            return False
        order = ", ".join(self.order[:-2])
        self.connection.execute(
            f"""
            create or replace temp table known as
            select _key_hash, _row_hash, _row_version, {order}, _load_seq, _line
            from {self.table}
            where _key_hash in (select _key_hash from checked where _ok)
            """
        )
        if self.scalar("select count(*) from known") == 0:
            return False
        updated_at = self.plan.stream.updated_at
        moved = "" if updated_at is None else f"{quoted(updated_at)}, "
        ordering = ", ".join(f"{column} nulls first" for column in self.order)
        self.connection.execute(
            f"""
            insert into dropped
            select _row, false
            from (
                select
                    _row, is_new, _row_hash,
                    lag(_row_hash) over (partition by _key_hash order by {ordering}) as before
                from (
                    select
                        _key_hash, _row_hash, {order}, _load_seq, _line,
                        null as _row, false as is_new
                    from known
                    union all
                    select
                        _key_hash, _row_hash, {moved}{self.business_on} as _business_on,
                        {self.entry.load_seq} as _load_seq, _line, _row, true as is_new
                    from checked
                    where _ok
                        and _key_hash in (select _key_hash from known)
                        and _row not in (select _row from dropped)
                )
            )
            where is_new and _row_hash = before
            """
        )
        return True

    @property
    def business_on(self) -> str:
        """SQL of the business date in the file's name."""
        day = self.entry.candidate.business_on
        return "cast(null as date)" if day is None else f"date '{day.isoformat()}'"

    def kept(self) -> str:
        """SQL condition of the rows to be stored."""
        if self.scalar("select count(*) from dropped") == 0:
            return "_ok"
        return "_ok and _row not in (select _row from dropped)"

    @property
    def deleted(self) -> str:
        """SQL of whether the source marks a row deleted."""
        column = self.plan.stream.deleted
        return "false" if column is None else f"coalesce({quoted(column)}, false)"

    def _insert_rows(self, *, with_versions: bool) -> None:
        stream, entry = self.plan.stream, self.entry
        names = [quoted(name) for name in stream.columns]
        version = "1"
        joined = ""
        if with_versions:
            version = "coalesce(last._row_version, 0) + 1"
            joined = (
                "left join (select _key_hash, max(_row_version) as _row_version from known "
                "group by all) as last on last._key_hash = checked._key_hash"
            )
        self.connection.execute(
            f"""
            insert into {self.table} (
                {", ".join(names)}, _file_id, _line, _key_hash, _row_hash, _row_version,
                _observed_at, _load_seq, _business_on, _is_deleted, _extra
            )
            select
                {", ".join(names)}, ?, _line, checked._key_hash, _row_hash, {version},
                cast(? as timestamp), {entry.load_seq}, {self.business_on}, {self.deleted}, _extra
            from checked {joined}
            where {self.kept()}
            """,
            [entry.file_id, entry.observed_at],
        )

    def _insert_rejects(self) -> None:
        if self.checked.rejects:
            self._reject(
                "select line, null, fault_id, reason, null, row_text, null, '' "
                "from temp.main.stage_rejects"
            )
        if self.checked.unsound:
            self._reject(
                "select _line, faults[1].column_name, faults[1].fault_id, "
                "array_to_string(list_transform(faults, lambda fault: fault.reason), '; '), "
                "faults[1].value_text, row_text, amount, currency_code from rejected"
            )
        if self.scalar("select count(*) from dropped where is_conflict"):
            self._reject(self._conflicts())

    def _conflicts(self) -> str:
        plan = self.plan
        own_key = [name for name in plan.stream.key if plan.cell(name).source is not None]
        key = (
            " || ', ' || ".join(
                f"{literal(name + '=')} || coalesce({plan.cell(name).raw}, '')" for name in own_key
            )
            or "''"
        )
        reason = (
            " || ' stands more than once in this file with different content, and it is unknown "
            "which is right; correct the file and deliver it again'"
        )
        return f"""
            select
                {self.checked.line_sql()}, {literal(plan.stream.key[-1])}, 'A23',
                'key ' || {key}{reason}, {key}, {row_text_sql(plan)},
                {plan.accounted_amount}, {plan.accounted_currency}
            from {STAGE} as stage
            where stage.rowid in (select _row from dropped where is_conflict)
        """

    def _reject(self, select: str) -> None:
        """Insert rejected rows from a query of line, column, fault, reason, value, row, amount."""
        entry = self.entry
        self.connection.execute(
            f"""
            insert into raw.rejected_rows (
                line, column_name, fault_id, reason, value_text, row_text, amount, currency_code,
                load_seq, file_id, source, stream, file_name, observed_at
            )
            select *, {entry.load_seq}, ?, ?, ?, ?, cast(? as timestamp) from ({select})
            """,
            [
                entry.file_id,
                entry.stream.source,
                entry.stream.name,
                stored_name(entry.candidate.file_name),
                entry.observed_at,
            ],
        )

    def _insert_duplicates(self) -> None:
        book_duplicates(self.connection, self.plan, self.entry)

    def _insert_accounting(self) -> None:
        book_accounting(self.connection, self.entry, self.checked.rejects)

    def _count(self) -> None:
        entry, checked = self.entry, self.checked
        entry.rows_read = checked.rows + checked.rejects
        conflicts = self.scalar("select count(*) from dropped where is_conflict")
        entry.rows_rejected = checked.rejects + checked.unsound + conflicts
        entry.rows_duplicate = self.scalar("select count(*) from dropped where not is_conflict")
        entry.rows_loaded = self.scalar(
            f"select count(*) from {self.table} where _load_seq = ? and _line is not null",
            [entry.load_seq],
        )
