"""Whether anything happened since the last publication that a new one would show.

What belongs here: the marks in the warehouse that move when rows arrive or a deadline passes.
What does not: the files of the operating model and of the SQL, and the decision itself
(`orchestration.runner` puts these together). `orchestration.runner` may import this.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from duckdb import CatalogException, DuckDBPyConnection

# Every relation of schema raw that a model may read grows with a delivery that brought something; a
# delivery of bytes that were there before leaves all but the file table alone. Files that are held
# or refused are written anew by each load, under a new number: of them only the set counts.
RAW_MARK = """
    select
        (
            select coalesce(max(traces.load_seq), 0)
            from (
                select files.load_seq from raw.files where files.status in ('loaded', 'superseded')
                union all
                select accounting.load_seq from raw.accounting
                union all
                select duplicate_rows.load_seq from raw.duplicate_rows
            ) as traces
        ) as load_seq,
        (
            select coalesce(bit_xor(md5_number(concat_ws(
                '|', files.source, files.stream, files.file_name, files.size_bytes,
                files.modified_ns, files.status, files.reason
            ))), 0)
            from raw.files
            where files.status in ('received', 'refused')
        ) as waiting
"""
NEXT_DEADLINE = """
    select min(int_deadlines.due_at)
    from states.int_deadlines
    where int_deadlines.due_at > ? and int_deadlines.due_at <= ?
"""


@dataclass(frozen=True, slots=True)
class RawMark:
    """How far schema raw has grown; differs as soon as a load has changed what models can read.

    Attributes:
        load_seq: The highest number of a delivery that brought something; 0 for none.
        waiting: Names the set of files that are held or refused.
    """

    load_seq: int
    waiting: int

    def __str__(self) -> str:
        return f"{self.load_seq}.{self.waiting:032x}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` made."""
        load_seq, _, waiting = text.partition(".")
        return cls(int(load_seq), int(waiting, 16))


def raw_mark(connection: DuckDBPyConnection) -> RawMark:
    """Return how far schema raw has grown."""
    row = connection.execute(RAW_MARK).fetchone()
    return RawMark(*row) if row is not None else RawMark(0, 0)


def deadline_crossed(
    connection: DuckDBPyConnection, *, after: datetime, until: datetime
) -> datetime | None:
    """Return the first due time that passed between two runs; None when none did.

    A state that depends on the moment (not due, overdue) changes only there.

    Args:
        connection: Any connection to the warehouse.
        after: The moment of the last publication, aware UTC; its own deadlines are in it.
        until: The moment of this run, aware UTC.
    """
    try:
        row = connection.execute(NEXT_DEADLINE, [_naive(after), _naive(until)]).fetchone()
    except CatalogException:
        return None  # never built: then there is no publication to compare with either
    return row[0].replace(tzinfo=UTC) if row is not None and row[0] is not None else None


def _naive(moment: datetime) -> datetime:
    """The same moment as the warehouse stores it: UTC without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)
