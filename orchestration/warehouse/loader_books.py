"""The loader's books: which deliveries are known, and one row in `raw.files` for each new one.

What belongs here: reading and writing `raw.files`. What does not: a file's content. The loader
imports this.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import duckdb

from orchestration.core.contracts import SourceContract, StreamContract
from orchestration.warehouse.connection import quoted
from orchestration.warehouse.landing import Candidate, shown
from orchestration.warehouse.loader_tables import FILE_COLUMNS


@dataclass(frozen=True, slots=True)
class Delivery:
    """One known row of `raw.files`, as far as later decisions need it."""

    load_seq: int
    file_id: str | None
    source: str
    stream: str
    file_name: str
    size_bytes: int
    modified_ns: int
    inode: int | None
    status: str
    fault_id: str | None
    contract_hash: str
    manifest_hash: str | None
    business_on: date | None
    sequence_no: int | None
    header: str | None
    rows_duplicate: int
    observed_at: datetime

    def is_of(self, candidate: Candidate) -> bool:
        """Whether it is this very file, by name, size and time of change."""
        return (self.file_name, self.size_bytes, self.modified_ns) == (
            stored_name(candidate.file_name),
            candidate.size_bytes,
            candidate.modified_ns,
        )


_DELIVERY_COLUMNS = tuple(Delivery.__slots__)


@dataclass(slots=True)
class FileEntry:
    """What will be one row of `raw.files`."""

    candidate: Candidate
    contract: SourceContract
    stream: StreamContract
    load_seq: int
    observed_at: datetime
    run_no: int
    status: str = "received"
    file_id: str | None = None
    fault_id: str | None = None
    reason: str | None = None
    rows_read: int = 0
    rows_loaded: int = 0
    rows_duplicate: int = 0
    rows_rejected: int = 0
    rows_gone: int = 0
    new_columns: tuple[str, ...] = ()
    declared_rows: int | None = None
    header: tuple[str, ...] = ()
    manifest_hash: str | None = None
    notes: list[tuple[str, str]] = field(default_factory=list)

    def note(self, fault_id: str, sentence: str) -> None:
        """Add a remark to a file that is loaded all the same; the first one names the fault."""
        self.notes.append((fault_id, sentence))
        self.fault_id = self.notes[0][0]
        self.reason = "; ".join(text for _, text in self.notes)


def stored_name(name: str) -> str:
    """Return a file name as it is kept: itself, or escaped where it is not valid text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return shown(name)
    return name


class Books:
    """The deliveries known before and during one load."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Read what is known."""
        columns = ", ".join(quoted(name) for name in _DELIVERY_COLUMNS)
        rows = connection.execute(f"select {columns} from raw.files order by load_seq").fetchall()
        self._by_stream: dict[tuple[str, str], list[Delivery]] = {}
        self._last_seq = 0
        for row in rows:
            self.add(Delivery(*row))

    def add(self, delivery: Delivery) -> None:
        """Take note of a delivery."""
        self._last_seq = max(self._last_seq, delivery.load_seq)
        self._by_stream.setdefault((delivery.source, delivery.stream), []).append(delivery)

    def next_seq(self) -> int:
        """Return the load number after all known ones."""
        return self._last_seq + 1

    def of(self, stream: StreamContract) -> list[Delivery]:
        """Return the deliveries of a stream in load order."""
        return self._by_stream.get((stream.source, stream.name), [])

    def find(self, candidate: Candidate) -> Delivery | None:
        """Return the delivery that is this very file, the newest if there are several."""
        found = self._by_stream.get((candidate.source, candidate.stream), [])
        return next((known for known in reversed(found) if known.is_of(candidate)), None)

    def forget(self, delivery: Delivery) -> None:
        """Drop a delivery whose row is being replaced."""
        self._by_stream[delivery.source, delivery.stream].remove(delivery)

    def supersede(self, replaced: Sequence[Delivery]) -> None:
        """Take note that files were replaced."""
        for delivery in replaced:
            known = self._by_stream[delivery.source, delivery.stream]
            known[known.index(delivery)] = replace(delivery, status="superseded")


def write_entry(connection: duckdb.DuckDBPyConnection, entry: FileEntry) -> Delivery:
    """Insert the row of one delivery and return it as known."""
    values = _entry_values(entry)
    columns = ", ".join(quoted(name) for name in FILE_COLUMNS)
    marks = ", ".join("?" for _ in FILE_COLUMNS)
    connection.execute(
        f"insert into raw.files ({columns}) values ({marks})",
        [values[name] for name in FILE_COLUMNS],
    )
    return Delivery(**{name: values[name] for name in _DELIVERY_COLUMNS})  # type: ignore[arg-type]


def _entry_values(entry: FileEntry) -> dict[str, object]:
    candidate = entry.candidate
    return {
        "load_seq": entry.load_seq,
        "file_id": entry.file_id,
        "source": entry.stream.source,
        "stream": entry.stream.name,
        "file_name": stored_name(candidate.file_name),
        "size_bytes": candidate.size_bytes,
        "modified_ns": candidate.modified_ns,
        "status": entry.status,
        "fault_id": entry.fault_id,
        "reason": entry.reason,
        "rows_read": entry.rows_read,
        "rows_loaded": entry.rows_loaded,
        "rows_duplicate": entry.rows_duplicate,
        "rows_rejected": entry.rows_rejected,
        "contract_version": entry.contract.version,
        "contract_hash": entry.stream.content_hash(),
        "new_columns": json.dumps(entry.new_columns) if entry.new_columns else None,
        "declared_rows": entry.declared_rows,
        "observed_at": entry.observed_at,
        "business_on": candidate.business_on,
        "run_no": entry.run_no,
        "inode": candidate.inode,
        "sequence_no": candidate.sequence_no,
        "header": json.dumps(entry.header) if entry.header else None,
        "manifest_hash": entry.manifest_hash,
    }
