"""Loading what landed into schema `raw`: each file in one transaction or not at all.

What belongs here: which file is taken, in which order, and what becomes of it. What does not: how
bytes are read, checked or stored (the `loader_*` modules, one subject each). defs and the command
line import this.

Files of a stream are taken in business order. A file that breaks its contract is refused whole; if
its columns do (A10), later files of that stream wait until it is replaced or the contract changes.
"""

import csv
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestration.core.contracts import SourceContract
from orchestration.settings import Settings
from orchestration.warehouse.landing import Candidate, scan
from orchestration.warehouse.loader_books import Books, FileEntry, stored_name
from orchestration.warehouse.loader_drift import adopt_columns
from orchestration.warehouse.loader_queue import Hold, hold_reason, is_settled
from orchestration.warehouse.loader_session import Session
from orchestration.warehouse.loader_take import take_file


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one delivery in this load.

    Attributes:
        source: Its contract.
        stream: Its stream.
        file_name: As delivered; hostile, escape it before showing it.
        status: loaded, duplicate, refused or received (held for a later run).
        fault_id: Of the catalogue; also on a loaded file that carries a remark.
        reason: One sentence for people: what happened and what to do.
        rows_read: Rows of the file.
        rows_loaded: Rows stored.
        rows_duplicate: Rows that were stored already.
        rows_rejected: Rows in `raw.rejected_rows`.
        seconds: Wall time.
    """

    source: str
    stream: str
    file_name: str
    status: str
    fault_id: str | None
    reason: str | None
    rows_read: int
    rows_loaded: int
    rows_duplicate: int
    rows_rejected: int
    seconds: float


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What one load did.

    Attributes:
        files: Every delivery that was not settled before, in load order.
        ignored: What lies in landing without belonging to a stream, as (path, reason).
        known: Files that still lie there unchanged.
        has_news: Something was stored, rejected or refused that was not there before.
    """

    files: tuple[FileResult, ...]
    ignored: tuple[tuple[str, str], ...]
    known: int
    has_news: bool


def load_landing(
    settings: Settings,
    contracts: Mapping[str, SourceContract],
    landing: Path,
    as_of: datetime,
    run_no: int,
    progress: Callable[[FileResult], None] | None = None,
) -> LoadReport:
    """Load everything new below a landing folder.

    Safe to call again at any time: what is settled is left alone, a load that was killed has left
    nothing of its file, and a raw table exists for every stream even when nothing landed.

    Args:
        settings: Where the warehouse is, and the limits.
        contracts: By source.
        landing: Folder with one folder a source.
        as_of: The run's moment, aware UTC; stored as `_observed_at`.
        run_no: The run's number.
        progress: Called after each delivery.

    Raises:
        ReconError: The books do not add up, or the warehouse cannot be written. What a file holds
            never raises: it ends in its result.
    """
    found = scan(landing, contracts)
    observed_at = as_of.astimezone(UTC).replace(tzinfo=None)
    exponents = _read_exponents(settings.seeds / "mappings" / "currencies.csv")
    results: list[FileResult] = []
    known = 0
    news = False
    with Session(settings, contracts, exponents) as session:
        books = session.open_books()
        adopt_columns(session.connection, contracts, observed_at)
        for candidate in found.candidates:
            contract = contracts[candidate.source]
            if is_settled(candidate, contract, books):
                known += 1
                continue
            entry = _new_entry(candidate, contract, books, observed_at, run_no)
            began = time.monotonic()
            was = books.find(candidate)
            hold = hold_reason(candidate, contract, books, found.candidates)
            if hold is not None:
                _hold(session, entry, hold)
            elif not take_file(session, books, entry):
                known += 1
                continue
            news = news or _is_news(entry, None if was is None else was.status)
            result = _result(entry, time.monotonic() - began)
            results.append(result)
            if progress is not None:
                progress(result)
    return LoadReport(tuple(results), found.ignored, known, news)


def _read_exponents(path: Path) -> Mapping[str, int]:
    with path.open(encoding="utf-8", newline="") as lines:
        return {row["currency_code"]: int(row["exponent"]) for row in csv.DictReader(lines)}


def _new_entry(
    candidate: Candidate,
    contract: SourceContract,
    books: Books,
    observed_at: datetime,
    run_no: int,
) -> FileEntry:
    return FileEntry(
        candidate=candidate,
        contract=contract,
        stream=contract.streams[candidate.stream],
        load_seq=books.next_seq(),
        observed_at=observed_at,
        run_no=run_no,
    )


def _hold(session: Session, entry: FileEntry, hold: Hold) -> None:
    entry.status, entry.fault_id, entry.reason = "received", hold.fault_id, hold.reason
    session.record(entry)


def _is_news(entry: FileEntry, was: str | None) -> bool:
    if entry.status == "loaded":
        return entry.rows_loaded + entry.rows_rejected + entry.rows_gone > 0
    return entry.status == "refused" and was != "refused"


def _result(entry: FileEntry, seconds: float) -> FileResult:
    return FileResult(
        source=entry.stream.source,
        stream=entry.stream.name,
        file_name=stored_name(entry.candidate.file_name),
        status=entry.status,
        fault_id=entry.fault_id,
        reason=entry.reason,
        rows_read=entry.rows_read,
        rows_loaded=entry.rows_loaded,
        rows_duplicate=entry.rows_duplicate,
        rows_rejected=entry.rows_rejected,
        seconds=seconds,
    )
