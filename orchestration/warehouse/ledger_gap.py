"""What the warehouse took over from a ledger and that ledger has no more.

What belongs here: finding it, and putting it aside once two people have said that it is lost. What
does not: the ledger, which this package does not know. The command line and tests import this.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.warehouse.ledger_import import HEADS, published_heads

LOST = """
    create table if not exists raw.ledger_events_lost as
    select * from raw.ledger_events where false
"""


@dataclass(frozen=True, slots=True)
class LostPart:
    """What is lost.

    Attributes:
        kept: The last event that both have; 0 for none.
        last: The last event that was taken over; 0 for none.
        last_hash: Its hash; empty for none.
        runs: Numbers of the runs that it tells of.
    """

    kept: int
    last: int
    last_hash: str
    runs: tuple[int, ...]

    @property
    def is_lost(self) -> bool:
        """Whether anything is."""
        return self.last > self.kept


def find_lost(
    connection: duckdb.DuckDBPyConnection, hash_at: Callable[[int], str | None]
) -> LostPart:
    """Return what was taken over and is not in the ledger.

    Args:
        connection: Of the warehouse.
        hash_at: The hash that the ledger has at a place; None for none.
    """
    row = connection.execute(
        "select coalesce(max(seq), 0), coalesce(arg_max(hash, seq), '') from raw.ledger_events"
    ).fetchone()
    last, last_hash = (int(row[0]), str(row[1])) if row is not None else (0, "")
    # A chain has one common beginning: what agrees at a place agrees before it.
    low, high = 0, last
    while low < high:
        middle = (low + high + 1) // 2
        here = connection.execute(
            "select hash from raw.ledger_events where seq = ?", [middle]
        ).fetchone()
        if here is not None and here[0] == hash_at(middle):
            low = middle
        else:
            high = middle - 1
    runs = connection.execute(
        "select distinct cast(replace(subject_id, 'run_', '') as bigint) from raw.ledger_events "
        "where seq > ? and action = 'run_recorded' order by 1",
        [low],
    ).fetchall()
    return LostPart(low, last, last_hash, tuple(int(one[0]) for one in runs))


def put_aside(connection: duckdb.DuckDBPyConnection, kept: int) -> Sequence[dict[str, Any]]:
    """Put the lost events and their heads aside; returns the heads that were among the marts."""
    heads = [row for row in published_heads(connection) if int(row["size"]) > kept]
    connection.execute(LOST)
    connection.execute(HEADS)
    connection.execute("begin transaction")
    try:
        connection.execute(
            "insert into raw.ledger_events_lost select * from raw.ledger_events where seq > ?",
            [kept],
        )
        connection.execute("delete from raw.ledger_events where seq > ?", [kept])
        connection.execute("delete from marts.ledger_heads where size > ?", [kept])
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return heads
