"""Rows that are gone from their source: tombstones for what a snapshot no longer has.

What belongs here: which keys are gone, and their tombstones. What does not: rows that a source
marks deleted itself (`loader_store` stores those as they are). The loader imports this; it runs
inside the loader's transaction.

A tombstone is a version like any other, without a line: the row's last content, marked deleted.
Nothing is called gone on doubtful ground: a snapshot that came late, or one with rows whose key
cannot be read, marks nothing.
"""

from collections.abc import Sequence

from orchestration.warehouse.connection import literal, quoted
from orchestration.warehouse.loader_books import Delivery
from orchestration.warehouse.loader_store import Store


def mark_missing(store: Store, loaded: Sequence[Delivery]) -> None:
    """Mark every living key that a full snapshot does not name any more.

    Args:
        store: The snapshot, its rows stored.
        loaded: Deliveries of the stream loaded before.
    """
    day = store.entry.candidate.business_on
    newest = max((known.business_on for known in loaded if known.business_on), default=None)
    if day is not None and newest is not None and day < newest:
        return
    if _has_unreadable_keys(store):
        store.entry.note(
            "A24",
            "some rows could not be read as far as their key, so nothing that is missing from "
            "this snapshot is taken for deleted; correct them and deliver the snapshot again",
        )
        return
    _mark(store, "true")


def mark_superseded(store: Store, replaced: Sequence[Delivery]) -> None:
    """Mark what only the replaced files said, and note in the books that they are replaced."""
    if not replaced:
        return
    listed = ", ".join(literal(known.file_id or "") for known in replaced)
    _mark(store, f"_file_id in ({listed})")
    numbers = ", ".join(str(known.load_seq) for known in replaced)
    store.connection.execute(
        f"update raw.files set status = 'superseded', reason = ? where load_seq in ({numbers})",
        [f"replaced by load {store.entry.load_seq}, as its manifest says"],
    )


def _has_unreadable_keys(store: Store) -> bool:
    if store.checked.rejects:
        return True
    if not store.checked.unsound:
        return False
    keys = ", ".join(literal(name) for name in store.plan.stream.key)
    return (
        store.scalar(
            "select count(*) from (select unnest(faults) as fault from rejected) "
            f"where fault.column_name in ({keys})"
        )
        > 0
    )


def _mark(store: Store, condition: str) -> None:
    """Insert a tombstone for each living key that the file lacks and whose last row meets it."""
    names = ", ".join(quoted(name) for name in store.plan.stream.columns)
    newest_first = ", ".join(f"{column} desc nulls last" for column in store.order[:-1])
    entry = store.entry
    store.connection.execute(
        f"""
        insert into {store.table} (
            {names}, _file_id, _line, _key_hash, _row_hash, _row_version,
            _observed_at, _load_seq, _business_on, _is_deleted, _extra
        )
        select
            {names}, ?, null, _key_hash,
            md5_number('gone' || chr(31) || cast(_row_hash as varchar)), last_version + 1,
            cast(? as timestamp), {entry.load_seq}, {store.business_on}, true, _extra
        from (
            select
                *,
                max(_row_version) over (partition by _key_hash) as last_version,
                row_number() over (partition by _key_hash order by {newest_first}) as place
            from {store.table}
            where _key_hash not in (select _key_hash from checked)
        )
        where place = 1 and not _is_deleted and {condition}
        """,
        [entry.file_id, entry.observed_at],
    )
    gone = store.scalar(
        f"select count(*) from {store.table} where _load_seq = ? and _line is null",
        [entry.load_seq],
    )
    if gone > entry.rows_gone:
        entry.note("A24", f"{gone - entry.rows_gone} row(s) are gone and marked deleted")
        entry.rows_gone = gone
