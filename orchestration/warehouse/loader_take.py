"""Taking one file from landing to its raw table.

What belongs here: the order of the steps for one file and where each verdict goes. What does not:
the steps. The loader imports this.
"""

from datetime import date
from decimal import Decimal
from functools import partial

from orchestration.core.contracts import StreamContract
from orchestration.warehouse.loader_archive import Archived, archive, sync_in_background
from orchestration.warehouse.loader_books import Books, Delivery, FileEntry, stored_name
from orchestration.warehouse.loader_declared import check_declared
from orchestration.warehouse.loader_drift import check_window, record_changes, vanished
from orchestration.warehouse.loader_faults import Held, Refused
from orchestration.warehouse.loader_gone import mark_missing, mark_superseded
from orchestration.warehouse.loader_late import collect_late_keys, later_deliveries, restate
from orchestration.warehouse.loader_manifest import (
    Manifest,
    check_bytes,
    check_content,
    manifest_digest,
    read_manifest,
)
from orchestration.warehouse.loader_pass import Checked, check_file
from orchestration.warehouse.loader_read import Reading, archived_copy, reading
from orchestration.warehouse.loader_session import Session
from orchestration.warehouse.loader_staging import drop_stage
from orchestration.warehouse.loader_store import Store

_OTHER_BYTES = (
    "a file of this name was loaded before with other bytes; both are kept, and changed rows are "
    "new versions"
)


def take_file(session: Session, books: Books, entry: FileEntry) -> bool:
    """Take one file; fills in its entry and records it.

    Returns:
        False when it turned out to be a delivery that is known already: nothing is recorded then.
    """
    try:
        entry.manifest_hash = manifest_digest(entry.candidate)
        manifest = read_manifest(entry.candidate)
        if manifest is None and entry.stream.completeness.rule == "manifest":
            raise Held("A5", "its manifest is missing; deliver <file name>.manifest.json beside it")
        archived = archive(entry.candidate, entry.stream.format, session.settings)
        entry.file_id = archived.file_id
        if (known := _known(books, entry)) is not None:
            session.recognise(known, entry.candidate.inode)
            return False
        if manifest is not None:
            check_bytes(manifest, archived.file_id, archived.size_bytes)
        if _is_repeated(books, entry):
            _record_repeated(session, entry)
        else:
            _load(session, books, entry, archived, manifest)
    except Held as held:
        entry.status, entry.fault_id, entry.reason = "received", held.fault_id, held.reason
        session.record(entry)
    except Refused as refused:
        _record_refusal(session, entry, refused)
    finally:
        drop_stage(session.connection)
    return True


def _known(books: Books, entry: FileEntry) -> Delivery | None:
    """Return the delivery of which only the inode changed: a landing folder that was copied."""
    known = books.find(entry.candidate)
    if known is None or known.file_id != entry.file_id:
        return None
    return known if known.status in ("loaded", "duplicate", "superseded") else None


def _is_repeated(books: Books, entry: FileEntry) -> bool:
    """Whether these bytes are stored already.

    A full snapshot counts as repeated only when it is the newest one: a source that goes back to
    an older state sends an old snapshot again, and it says something new then.
    """
    loaded = [known for known in books.of(entry.stream) if known.status in ("loaded", "superseded")]
    if entry.stream.delivery.mode == "full_snapshot":
        loaded = loaded[-1:]
    return any(known.file_id == entry.file_id for known in loaded)


def _record_repeated(session: Session, entry: FileEntry) -> None:
    entry.status = "duplicate"
    entry.fault_id = "A1"
    entry.reason = "the same bytes were loaded before; nothing to do"
    session.record(entry)


def _record_refusal(session: Session, entry: FileEntry, refused: Refused) -> None:
    entry.status, entry.fault_id, entry.reason = "refused", refused.fault_id, refused.reason
    entry.rows_read = entry.rows_loaded = entry.rows_duplicate = entry.rows_rejected = 0
    changes: list[tuple[str, str, date | None]] = [
        (name, change, None) for name, change in refused.changes
    ]
    session.record(entry, lambda: record_changes(session.connection, entry, changes, "refused"))


def _ended_by_a_line_end(stream: StreamContract) -> StreamContract:
    """The contract for a file that must be whole: a manifest says so, or gaps would delete rows."""
    demanding = stream.format.model_copy(update={"final_newline": "required"})
    return stream.model_copy(update={"format": demanding})


def _load(
    session: Session,
    books: Books,
    entry: FileEntry,
    archived: Archived,
    manifest: Manifest | None,
) -> None:
    day = entry.candidate.business_on or entry.observed_at.date()
    vouched = manifest is not None and manifest.vouches_for_end
    stream = entry.stream
    if manifest is not None or stream.delivery.mode == "full_snapshot":
        stream = _ended_by_a_line_end(stream)
    loaded = [known for known in books.of(entry.stream) if known.status == "loaded"]
    later = later_deliveries(loaded, entry.candidate.business_on)
    wait_for_copy = sync_in_background(archived)
    if later:
        with reading(session, stream, archived, day, vouched=vouched) as opened:
            changes_known_keys = _collect(session, entry, opened)
        if changes_known_keys:
            _restate_later(session, entry, later)
        drop_stage(session.connection)
    with reading(session, stream, archived, day, vouched=vouched) as opened:
        plan = opened.plan
        entry.header = opened.reader.header
        fresh = check_window(session.connection, plan, entry)
        entry.new_columns = tuple(name for name, _ in plan.extras)
        checked = check_file(session.connection, opened.reader, plan, session.settings)
        _refuse_empty(checked, manifest)
        if manifest is not None:
            entry.declared_rows = manifest.rows
            check_content(manifest, checked.rows + checked.rejects, _sum(session))
        gone = vanished(plan, loaded[-1] if loaded else None)
        replaced = _known_under_this_name(entry, loaded)
        supersedes = manifest is not None and manifest.supersedes
        if replaced and not supersedes:
            entry.note("A2", _OTHER_BYTES)
        entry.status = "loaded"
        store = Store(session.connection, plan, entry, checked)
        store.prepare()

        def work() -> None:
            store.run()
            if entry.stream.delivery.mode == "full_snapshot":
                mark_missing(store, loaded)
            if supersedes:
                mark_superseded(store, replaced)
            check_declared(store, entry.contract)
            changes = [(name, "added", ends_on) for name, ends_on in fresh]
            changes += [(name, "removed", None) for name in gone]
            record_changes(session.connection, entry, changes, "accepted")
            wait_for_copy()

        session.record(entry, work)
        if supersedes:
            books.supersede(replaced)


def _collect(session: Session, entry: FileEntry, opened: Reading) -> bool:
    """Note the known keys that a late file changes; whether there are any."""
    checked = check_file(session.connection, opened.reader, opened.plan, session.settings)
    store = Store(session.connection, opened.plan, entry, checked)
    store.prepare()
    return collect_late_keys(store) > 0


def _restate_later(session: Session, entry: FileEntry, later: list[Delivery]) -> None:
    """Store what files of later days repeated of the keys that this late file changes."""
    connection, settings = session.connection, session.settings
    for delivery in later:
        drop_stage(connection)
        copy = archived_copy(session, delivery)
        day = delivery.business_on or entry.observed_at.date()
        try:
            with reading(session, entry.stream, copy, day, vouched=True) as again:
                repeated = check_file(connection, again.reader, again.plan, settings)
                store = Store(connection, again.plan, entry, repeated)
                session.amend(
                    delivery.load_seq, partial(restate, store, delivery, delivery.observed_at)
                )
        except Refused as refused:
            entry.note(
                "A6",
                f"load {delivery.load_seq} of a later day cannot be read again by today's "
                f"contract ({refused.reason}), so what it repeated does not count as said again",
            )


def _known_under_this_name(entry: FileEntry, loaded: list[Delivery]) -> list[Delivery]:
    name = stored_name(entry.candidate.file_name)
    return [known for known in loaded if known.file_name == name and known.file_id != entry.file_id]


def _refuse_empty(checked: Checked, manifest: Manifest | None) -> None:
    declared_empty = manifest is not None and manifest.rows == 0
    if checked.rows + checked.rejects == 0 and not declared_empty:
        raise Refused(
            "A8",
            'the file has no rows; if that is meant, put a manifest with "rows": 0 beside it',
        )


def _sum(session: Session) -> Decimal:
    row = session.connection.execute(
        "select coalesce(sum(_amount), cast(0 as decimal(18, 4))) from checked"
    ).fetchone()
    return Decimal(0) if row is None else Decimal(row[0])
