"""What a late file makes of repetitions that were skipped before it came.

What belongs here: finding and storing those repetitions. What does not: storing the late file
itself. The loader imports this.

Day 1 says 10, day 3 says 10 again and is skipped as a repetition; then day 2 comes and says 20.
Without day 3, 20 would be the last word. So before a late file is stored, the files of later days
are read again from their copies, and what they repeated of its keys is stored after all, as the
version of its own day. Each file is restated in its own transaction; doing it twice changes
nothing, so a killed load is simply done again.
"""

from collections.abc import Sequence
from datetime import date, datetime

from orchestration.warehouse.connection import quoted
from orchestration.warehouse.loader_books import Delivery
from orchestration.warehouse.loader_proof import stored_amount, stored_currency
from orchestration.warehouse.loader_store import Store


def later_deliveries(loaded: Sequence[Delivery], day: date | None) -> list[Delivery]:
    """Return loaded files of days after `day` that had repetitions, in business order."""
    if day is None:
        return []
    found = [
        (known.business_on, known.load_seq, known)
        for known in loaded
        if known.business_on is not None and known.business_on > day and known.rows_duplicate > 0
    ]
    return [known for _, _, known in sorted(found, key=lambda item: item[:2])]


def collect_late_keys(store: Store) -> int:
    """Keep the keys that a late file will change in `temp.main.late_keys`; return how many.

    The table outlives the stage: it is replaced by the next late file.
    """
    store.drop_known_versions()
    store.connection.execute(
        "create or replace temp table late_keys as select _key_hash, _row_hash from checked "
        f"where {store.kept()} and _key_hash in (select _key_hash from {store.table})"
    )
    return store.scalar("select count(*) from late_keys")


def restate(store: Store, delivery: Delivery, observed_at: datetime) -> None:
    """Store what a file of a later day repeated of the late keys; `checked` holds that file.

    Runs inside a transaction of its own and moves the counts of that file accordingly.
    """
    store.connection.execute(
        f"""
        create or replace temp table restated as
        select min(_row) as _row, _key_hash
        from checked
        where _ok
            and _key_hash in (
                select late_keys._key_hash from late_keys
                where late_keys._row_hash <> checked._row_hash
            )
            and _key_hash not in (
                select _key_hash from {store.table} where _load_seq = {delivery.load_seq}
            )
        group by _key_hash
        """
    )
    moved = store.scalar("select count(*) from restated")
    if moved == 0:
        return
    _insert(store, delivery, observed_at)
    _move_counts(store, delivery, moved)


def _insert(store: Store, delivery: Delivery, observed_at: datetime) -> None:
    names = ", ".join(quoted(name) for name in store.plan.stream.columns)
    selected = ", ".join(f"checked.{quoted(name)}" for name in store.plan.stream.columns)
    store.connection.execute(
        f"""
        insert into {store.table} (
            {names}, _file_id, _line, _key_hash, _row_hash, _row_version,
            _observed_at, _load_seq, _business_on, _is_deleted, _extra
        )
        select
            {selected}, ?, checked._line, checked._key_hash, checked._row_hash,
            last._row_version + 1, cast(? as timestamp), {delivery.load_seq}, cast(? as date),
            {store.deleted}, checked._extra
        from checked
        inner join restated on restated._row = checked._row
        inner join (
            select _key_hash, max(_row_version) as _row_version from {store.table}
            where _key_hash in (select _key_hash from restated) group by all
        ) as last on last._key_hash = checked._key_hash
        """,
        [delivery.file_id, observed_at, delivery.business_on],
    )


def _move_counts(store: Store, delivery: Delivery, moved: int) -> None:
    seq = delivery.load_seq
    store.connection.execute(
        f"update raw.files set rows_loaded = rows_loaded + {moved}, "
        f"rows_duplicate = rows_duplicate - {moved} where load_seq = {seq}"
    )
    store.connection.execute(
        f"""
        update raw.duplicate_rows as skipped
        set row_count = skipped.row_count - back.row_count, amount = skipped.amount - back.amount
        from (
            select {stored_currency(store.plan)} as currency_code, count(*) as row_count,
                sum({stored_amount(store.plan)}) as amount
            from checked where _row in (select _row from restated) group by all
        ) as back
        where skipped.load_seq = {seq} and skipped.currency_code = back.currency_code
        """
    )
    store.connection.execute(
        f"delete from raw.duplicate_rows where load_seq = {seq} and row_count = 0"
    )
