"""A home, a landing folder and the real loader, in a few words, for tests of hostile input.

What belongs here: writing landed files, running `load_landing`, reading `raw.*` back. What does
not: rows (`landed_rows`), identities (`loader_identities`), expectations of one fault.
"""

import contextlib
import dataclasses
import json
import os
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import loader_identities
from landed_rows import csv_text, orders

from orchestration.core.contracts import SourceContract, StreamContract
from orchestration.settings import Settings
from orchestration.warehouse.connection import reader, writer
from orchestration.warehouse.loader import LoadReport, load_landing

MEMORY = Path("/dev/shm")
CANARY = "CANARY-7F3A"
AS_OF = datetime(2026, 3, 1, 12, tzinfo=UTC)
LONG_AGO = int(AS_OF.timestamp()) - 1_000_000
STATUSES = frozenset({"received", "loaded", "duplicate", "refused", "superseded"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one delivery: its newest row in `raw.files`, and the faults of its rows."""

    load_seq: int
    status: str
    fault_id: str | None
    reason: str
    rows_read: int
    rows_loaded: int
    rows_duplicate: int
    rows_rejected: int
    row_faults: tuple[str, ...]

    @property
    def faults(self) -> set[str]:
        """Fault ids of the file and of its rows."""
        return {*self.row_faults} | ({self.fault_id} if self.fault_id else set())


@dataclass
class LoaderHarness:
    """One home and its landing folder, loaded by the product's own loader."""

    settings: Settings
    contracts: Mapping[str, SourceContract]
    run_no: int = 0
    landed: int = 0
    reports: list[LoadReport] = field(default_factory=list)
    opened: contextlib.ExitStack | None = None
    reading: Any = None

    def close(self) -> None:
        """Close the reader that questions share: the loader needs the file for itself."""
        if self.opened is not None:
            self.opened.close()
            self.opened = None

    def limits(self, **limits: int) -> None:
        """Change limits of the settings for the loads that follow."""
        self.settings = dataclasses.replace(self.settings, **limits)

    def stream(self, name: str, source: str = "generic") -> StreamContract:
        return self.contracts[source].streams[name]

    def change_stream(self, name: str, **parts: Mapping[str, Any]) -> None:
        """Change parts of a stream's contract, as `delivery={"mode": "full_snapshot"}`."""
        generic, stream = self.contracts["generic"], self.stream(name)
        changed = {}
        for part, values in parts.items():
            old = getattr(stream, part)
            changed[part] = type(old)(**{**old.model_dump(), **values})
        streams = {**generic.streams, name: stream.model_copy(update=changed)}
        generic = generic.model_copy(update={"streams": streams})
        self.contracts = {**self.contracts, "generic": generic}

    def land(
        self,
        name: str,
        content: str | bytes | Sequence[Mapping[str, str]],
        source: str = "generic",
    ) -> Path:
        """Put a file into `<landing>/<source>/`; rows are written as CSV.

        Each gets a time of its own, long past: nobody waits for it to settle.
        """
        if not isinstance(content, str | bytes):
            content = csv_text(content)
        folder = self.settings.landing / source
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.landed += 1
        moment = (LONG_AGO + self.landed) * 1_000_000_000
        os.utime(path, ns=(moment, moment))
        return path

    def land_manifest(self, name: str, **declared: object) -> Path:
        """Put a manifest beside a landed file."""
        return self.land(f"{name}.manifest.json", json.dumps(declared))

    def clear_landing(self) -> None:
        for path in self.settings.landing.glob("*/*"):
            path.unlink()

    def load(self, landing: Path | None = None, as_of: datetime = AS_OF) -> LoadReport:
        """Run the loader once over the landing folder, as the next run."""
        self.run_no += 1
        self.close()
        folder = landing or self.settings.landing
        folder.mkdir(parents=True, exist_ok=True)
        report = load_landing(
            self.settings, self.contracts, folder, as_of, self.run_no, progress=None
        )
        self.reports.append(report)
        return report

    def load_rows(self, name: str, content: str | bytes | Sequence[Mapping[str, str]]) -> "Outcome":
        """Land one file, load, and return what became of it."""
        self.land(name, content)
        self.load()
        return self.outcome(name)

    def rows(self, sql: str, *values: Any) -> list[tuple]:
        """Return the rows of a query on the warehouse."""
        if self.opened is None:
            self.opened = contextlib.ExitStack()
            self.reading = self.opened.enter_context(reader(self.settings.warehouse))
        return self.reading.execute(sql, list(values)).fetchall()

    def execute(self, sql: str, *values: Any) -> None:
        """Change the warehouse behind the product's back."""
        self.close()
        with writer(self.settings) as connection:
            connection.execute(sql, list(values))

    def stored(self, columns: str = "order_id", stream: str = "orders") -> list[tuple]:
        """Return stored rows of a stream, tombstones left out, in order of storing."""
        return self.rows(
            f"select {columns} from raw.generic__{stream} where _line is not null "
            "order by _load_seq, _line"
        )

    def latest(self, columns: str, stream: str = "orders", key: str = "order_id") -> list[tuple]:
        """Return the latest version of each key that is not deleted, by the binding order."""
        return self.rows(
            f"""
            with ranked as (
                select *, row_number() over (
                    partition by _key_hash
                    order by updated_at desc nulls last, _business_on desc nulls last,
                        _load_seq desc, _line desc nulls first
                ) as newest
                from raw.generic__{stream}
            )
            select {columns} from ranked where newest = 1 and not coalesce(_is_deleted, false)
            order by {key}
            """
        )

    def outcomes(self) -> dict[str, Outcome]:
        """Return what became of each file name: its newest row in `raw.files`."""
        faults: dict[int, list[str]] = {}
        for load_seq, fault_id in self.rows(
            "select load_seq, fault_id from raw.rejected_rows order by load_seq, line"
        ):
            faults.setdefault(load_seq, []).append(fault_id)
        files = self.rows(
            "select file_name, load_seq, status, fault_id, coalesce(reason, ''), rows_read, "
            "rows_loaded, rows_duplicate, rows_rejected from raw.files order by load_seq"
        )
        return {
            name.rpartition("/")[2]: Outcome(*rest, row_faults=tuple(faults.get(rest[0], ())))
            for name, *rest in files
        }

    def outcome(self, name: str) -> Outcome:
        found = self.outcomes()
        assert name in found, f"raw.files does not know {name!r}; it knows {sorted(found)}"
        return found[name]

    def table_names(self) -> list[tuple]:
        """Return every table of the warehouse with its columns."""
        return self.rows(
            "select table_schema, table_name, column_name, data_type "
            "from information_schema.columns order by all"
        )

    def stored_count(self, load_seq: int, table: str = "generic__orders") -> int:
        return self.rows(
            f"select count(*) from raw.{table} where _load_seq = ? and _line is not null", load_seq
        )[0][0]

    def count_breaches(self) -> list[tuple]:
        return loader_identities.count_breaches(self.rows, self.contracts)

    def unexplained(self) -> list[tuple]:
        return loader_identities.unexplained(self.rows)

    def conservation_breaches(self) -> list[tuple]:
        return loader_identities.conservation_breaches(self.rows, self.contracts)

    def assert_sound(self) -> None:
        """Fail when any file of the home is unaccounted for, half-loaded or without a reason."""
        problems = [*self.count_breaches(), *self.unexplained(), *self.conservation_breaches()]
        assert not problems, "\n".join(map(str, problems[:10]))


@contextlib.contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Fail instead of hanging: a pipe or a device may block a reader for ever."""

    def expire(_signal: int, _frame: object) -> None:
        raise AssertionError(f"still busy after {seconds} s")

    before = signal.signal(signal.SIGALRM, expire)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def workplace_folder() -> Iterator[Path]:
    """Yield an empty folder, in memory where the system has such a place: hundreds of homes are
    made, and a disk that really syncs would take most of the time."""
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="meshline-faults-", dir=memory) as folder:
        yield Path(folder)


def touch(path: Path, seconds: int) -> None:
    """Move a file's modification time by whole seconds."""
    moved = path.stat().st_mtime_ns + seconds * 1_000_000_000
    os.utime(path, ns=(moved, moved))


def assert_refused(harness: LoaderHarness, name: str, *fault_ids: str) -> None:
    """The file is refused whole, for one of the faults, and nothing of it is stored."""
    outcome = harness.outcome(name)
    assert outcome.status == "refused", outcome
    assert outcome.fault_id in fault_ids, outcome
    assert harness.stored_count(outcome.load_seq) == 0
    harness.assert_sound()


def assert_only_row_rejected(harness: LoaderHarness, row: dict, *fault_ids: str) -> tuple:
    """Among good rows this one alone is rejected, for one of the faults; returns its reject."""
    outcome = harness.load_rows("orders.csv", csv_text([*orders(4), row]))
    counts = (outcome.status, outcome.rows_loaded, outcome.rows_rejected)
    assert counts == ("loaded", 4, 1), outcome
    reject = harness.rows(
        "select fault_id, line, column_name, value_text, reason from raw.rejected_rows"
    )[0]
    assert reject[0] in fault_ids, reject
    harness.assert_sound()
    return reject


def assert_canary_unread(harness: LoaderHarness) -> None:
    """No cell of any raw table holds the canary's text."""
    for (table,) in harness.rows(
        "select distinct table_name from information_schema.tables where table_schema = 'raw'"
    ):
        found = harness.rows(
            f"select count(*) from raw.{table} as cells where cast(cells as varchar) like ?",
            f"%{CANARY}%",
        )
        assert found == [(0,)], f"raw.{table} holds the canary"
