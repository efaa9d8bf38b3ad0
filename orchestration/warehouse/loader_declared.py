"""Files held against the counts that their source declares as a stream of its own.

What belongs here: comparing what was delivered for a business date with the newest declaration.
What does not: manifests beside a file (`loader_manifest`). The loader imports this.

Several files may make up a day, so a difference refuses nothing: it is noted on the file.
"""

from orchestration.core.contracts import SourceContract
from orchestration.warehouse.connection import quoted
from orchestration.warehouse.loader_store import Store

_NEEDED = frozenset({"stream", "business_on", "row_count", "control_amount", "currency"})


def check_declared(store: Store, contract: SourceContract) -> None:
    """Note on a file when its day has other rows or sums than its source declares."""
    stream, day = store.plan.stream, store.entry.candidate.business_on
    declaring = contract.streams.get("completeness")
    if stream.completeness.rule != "declared" or day is None or declaring is None:
        return
    if not declaring.columns.keys() >= _NEEDED:
        return
    declared = store.connection.execute(
        f"""
        select row_count, control_amount, coalesce(currency, '')
        from raw.{quoted(declaring.table)}
        where stream = ? and business_on = ?
        qualify row_number() over (partition by _key_hash order by _row_version desc) = 1
            and not _is_deleted
        """,
        [stream.name, day],
    ).fetchall()
    if not declared:
        return
    delivered = _delivered(store)
    wanted = sum(row[0] for row in declared)
    if delivered != wanted:
        store.entry.note(
            "A4",
            f"{delivered} rows are delivered for {day}, {wanted} are declared; deliver the rest "
            "or correct the declaration",
        )
    for _, amount, currency in declared:
        if amount is None:
            continue
        total = _total(store, currency)
        if total != amount:
            store.entry.note(
                "A4",
                f"the rows for {day} sum to {total} {currency}, {amount} is declared; deliver the "
                "rest or correct the declaration",
            )


_SAME_DAY = """
    source = ? and stream = ? and (
        load_seq = ? or load_seq in (
            select load_seq from raw.files
            where source = ? and stream = ? and business_on = ? and status = 'loaded'
        )
    )
"""


def _same_day(store: Store) -> list[object]:
    stream, entry = store.plan.stream, store.entry
    return [
        stream.source,
        stream.name,
        entry.load_seq,
        stream.source,
        stream.name,
        entry.candidate.business_on,
    ]


def _delivered(store: Store) -> int:
    return store.scalar(
        f"select coalesce(sum(row_count), 0) from raw.accounting where {_SAME_DAY}",
        _same_day(store),
    )


def _total(store: Store, currency: str) -> object:
    row = store.connection.execute(
        f"select coalesce(sum(amount), 0) from raw.accounting where {_SAME_DAY} "
        "and (? = '' or currency_code = ?)",
        [*_same_day(store), currency, currency],
    ).fetchone()
    return row[0] if row else 0
