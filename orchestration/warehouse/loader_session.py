"""The loader's connection and its transactions, one a file.

What belongs here: opening, committing, and finding out what a failed commit did. What does not:
what is written. The loader imports this.

An exception from COMMIT does not mean that nothing was committed: a checkpoint right after it can
fail as well. So the warehouse is opened again and asked.
"""

import glob
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

import duckdb

from orchestration.core.contracts import SourceContract
from orchestration.core.errors import ReconError
from orchestration.settings import Settings
from orchestration.warehouse.connection import literal, writer
from orchestration.warehouse.loader_books import Books, Delivery, FileEntry, write_entry
from orchestration.warehouse.loader_tables import ensure_raw_tables
from orchestration.warehouse.row_views import ensure_row_views


class Session:
    """One load's hold on the warehouse.

    Attributes:
        connection: The writer; it can read nothing outside the home.
        settings: Limits and paths.
        exponents: Digits behind the point by currency.
    """

    connection: duckdb.DuckDBPyConnection

    def __init__(
        self,
        settings: Settings,
        contracts: Mapping[str, SourceContract],
        exponents: Mapping[str, int],
    ) -> None:
        """Prepare; nothing is opened before the block is entered."""
        self.settings = settings
        self.exponents = exponents
        self._contracts = contracts
        self._opened: AbstractContextManager[duckdb.DuckDBPyConnection] | None = None
        self._books: Books | None = None

    def __enter__(self) -> Self:
        self._open()
        self._sweep()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def _open(self) -> None:
        self._opened = writer(self.settings)
        self.connection = self._opened.__enter__()
        ensure_raw_tables(self.connection, self._contracts.values())
        ensure_row_views(self.connection, self._contracts.values())
        self._fence()

    def _fence(self) -> None:
        """Let this connection touch files of the home only, whatever a statement says."""
        home = str(self.settings.home)
        folders = ", ".join(literal(f"{path}/") for path in {home, glob.escape(home)})
        self.connection.execute(f"set allowed_directories = [{folders}]")
        self.connection.execute("set enable_external_access = false")

    def _close(self) -> None:
        if self._opened is not None:
            opened, self._opened = self._opened, None
            opened.__exit__(None, None, None)

    def _sweep(self) -> None:
        """Remove what a killed load left half-done; one load runs at a time."""
        for folder, pattern in (
            (self.settings.files, ".incoming-*"),
            (self.settings.scratch, "plain-*"),
        ):
            if folder.is_dir():
                for path in folder.glob(pattern):
                    path.unlink(missing_ok=True)

    def open_books(self) -> Books:
        """Return the books as they stand, without deliveries that were only held."""
        self._books = Books(self.connection)
        return self._books

    def record(self, entry: FileEntry, work: Callable[[], None] | None = None) -> None:
        """Write one delivery: `work` and its row in `raw.files`, in one transaction.

        An older row of the same delivery (held or refused before) is replaced.

        Raises:
            ReconError: The commit failed, and the warehouse does not have it.
        """
        books = self._books
        assert books is not None  # noqa: S101 - open_books comes first
        replaced = books.find(entry.candidate)
        self.connection.execute("begin")
        try:
            if work is not None:
                work()
            if replaced is not None and replaced.status in ("received", "refused"):
                self.connection.execute(
                    "delete from raw.files where load_seq = ?", [replaced.load_seq]
                )
            delivery = write_entry(self.connection, entry)
        except BaseException:
            self.connection.execute("rollback")
            raise
        self._commit(entry.load_seq)
        if replaced is not None and replaced.status in ("received", "refused"):
            books.forget(replaced)
        books.add(delivery)

    def recognise(self, delivery: Delivery, inode: int) -> None:
        """Note where a known file lies now, so that it is not read again."""
        self.connection.execute(
            "update raw.files set inode = ? where load_seq = ?", [inode, delivery.load_seq]
        )

    def amend(self, load_seq: int, work: Callable[[], None]) -> None:
        """Change what belongs to a delivery that is in the books, in one transaction.

        Raises:
            ReconError: The commit failed; doing the same again is safe.
        """
        self.connection.execute("begin")
        try:
            work()
        except BaseException:
            self.connection.execute("rollback")
            raise
        self._commit(load_seq)

    def _commit(self, load_seq: int) -> None:
        try:
            self.connection.execute("commit")
        except duckdb.Error as error:
            self._close()
            self._open()
            row = self.connection.execute(
                "select count(*) from raw.files where load_seq = ?", [load_seq]
            ).fetchone()
            if row is None or row[0] == 0:
                msg = (
                    f"the warehouse could not commit a file ({error}); nothing of it was kept. "
                    "Check free disk space, then run again"
                )
                raise ReconError(msg) from error
