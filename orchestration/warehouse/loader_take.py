"""Taking one file from landing to its raw table.

What belongs here: the order of the steps for one file and where each verdict goes. What does not:
the steps. The loader imports this.
"""

from decimal import Decimal

from orchestration.warehouse.landing import shown
from orchestration.warehouse.loader_archive import Archived, archive
from orchestration.warehouse.loader_books import Books, FileEntry, stored_name
from orchestration.warehouse.loader_csv import open_csv
from orchestration.warehouse.loader_drift import (
    check_window,
    make_plan,
    record_changes,
    vanished,
)
from orchestration.warehouse.loader_faults import Held, Refused
from orchestration.warehouse.loader_json import open_json
from orchestration.warehouse.loader_manifest import (
    Manifest,
    check_bytes,
    check_content,
    manifest_digest,
    read_manifest,
)
from orchestration.warehouse.loader_parquet import open_parquet
from orchestration.warehouse.loader_pass import Checked, check_file
from orchestration.warehouse.loader_session import Session
from orchestration.warehouse.loader_staging import Reader, drop_stage
from orchestration.warehouse.loader_store import Store
from orchestration.warehouse.loader_tables import column_order


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
        if _is_known(books, entry):
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


def _is_known(books: Books, entry: FileEntry) -> bool:
    """Whether only the inode changed: a landing folder that was copied or restored."""
    known = books.find(entry.candidate)
    return known is not None and known.file_id == entry.file_id and known.status in (
        "loaded", "duplicate", "superseded",
    )


def _is_repeated(books: Books, entry: FileEntry) -> bool:
    """Whether these bytes are stored already.

    A full snapshot counts as repeated only when it is the newest one: a source that goes back to
    an older state sends an old snapshot again, and it says something new then.
    """
    loaded = [
        known for known in books.of(entry.stream) if known.status in ("loaded", "superseded")
    ]
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
    changes = [(name, change, None) for name, change in refused.changes]
    session.record(
        entry, lambda: record_changes(session.connection, entry, changes, "refused")
    )


def _load(
    session: Session,
    books: Books,
    entry: FileEntry,
    archived: Archived,
    manifest: Manifest | None,
) -> None:
    reader = _open(session, entry, archived, manifest)
    try:
        entry.header = reader.header
        day = entry.candidate.business_on or entry.observed_at.date()
        order = column_order(session.connection, entry.stream)
        plan = make_plan(reader, entry.stream, order, session.exponents, day)
        fresh = check_window(session.connection, plan, entry)
        entry.new_columns = tuple(name for name, _ in plan.extras)
        checked = check_file(session.connection, reader, plan, session.settings)
        _refuse_empty(checked, manifest)
        if manifest is not None:
            entry.declared_rows = manifest.rows
            check_content(manifest, checked.rows + checked.rejects, _sum(session))
        loaded = [known for known in books.of(entry.stream) if known.status == "loaded"]
        gone = vanished(plan, loaded[-1] if loaded else None)
        _remark(entry, books)
        entry.status = "loaded"
        store = Store(session.connection, plan, entry, checked)
        store.prepare()

        def work() -> None:
            store.run()
            changes = [(name, "added", ends_on) for name, ends_on in fresh]
            changes += [(name, "removed", None) for name in gone]
            record_changes(session.connection, entry, changes, "accepted")

        session.record(entry, work)
    finally:
        reader.close()


def _open(
    session: Session, entry: FileEntry, archived: Archived, manifest: Manifest | None
) -> Reader:
    connection, stream, settings = session.connection, entry.stream, session.settings
    if archived.kind in ("json", "jsonl"):
        return open_json(connection, archived, stream, settings)
    if archived.kind == "parquet":
        return open_parquet(connection, archived, stream, settings)
    vouched = manifest is not None and manifest.vouches_for_end
    return open_csv(connection, archived, stream.format, settings, vouched=vouched)


def _refuse_empty(checked: Checked, manifest: Manifest | None) -> None:
    declared_empty = manifest is not None and manifest.rows == 0
    if checked.rows + checked.rejects == 0 and not declared_empty:
        raise Refused(
            "A8",
            "the file has no rows; if that is meant, put a manifest with \"rows\": 0 beside it",
        )


def _sum(session: Session) -> Decimal:
    row = session.connection.execute(
        "select coalesce(sum(_amount), cast(0 as decimal(18, 4))) from checked"
    ).fetchone()
    return Decimal(0) if row is None else Decimal(row[0])


def _remark(entry: FileEntry, books: Books) -> None:
    name = stored_name(entry.candidate.file_name)
    if any(
        known.file_name == name and known.file_id != entry.file_id and known.status == "loaded"
        for known in books.of(entry.stream)
    ):
        entry.note(
            "A2",
            f"{shown(name)} was loaded before with other bytes; both are kept, and changed rows "
            "are new versions",
        )
