"""The files of an extract, written piece by piece.

What belongs here: CSV writing, row counts and sums of what was written. What does not: contents.
Only the generator imports this.
"""

from collections import defaultdict
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from orchestration.generator import world as w
from orchestration.generator.draws import Ints

_PLAIN = pacsv.WriteOptions(include_header=False, quoting_style="none")


class ExtractFiles(AbstractContextManager["ExtractFiles"]):
    """The stream files of one folder; a stream without rows leaves no file."""

    def __init__(self, folder: Path, streams: frozenset[str], suffix: str = "") -> None:
        """Open nothing yet.

        Args:
            folder: Where the files go; made if it is not there. Older files are replaced.
            streams: Names of the streams to write; others are counted nowhere.
            suffix: Added to each stream's file name before `.csv`.
        """
        self._folder = folder
        self._streams = streams
        self._suffix = suffix
        self._open: dict[str, tuple[BinaryIO, pacsv.CSVWriter]] = {}
        self.rows: dict[str, int] = {}
        self.sums: dict[str, dict[int, int]] = defaultdict(dict)
        folder.mkdir(parents=True, exist_ok=True)

    def wants(self, stream: str) -> bool:
        """Return whether the stream is to be written."""
        return stream in self._streams

    def add(self, stream: str, columns: Mapping[str, pa.Array]) -> None:
        """Append rows to a stream's file."""
        table = pa.table(dict(columns))
        if not self.wants(stream) or not table.num_rows:
            return
        if stream not in self._open:
            path = self._folder / f"{stream}{self._suffix}.csv"
            file = path.open("wb")
            file.write((",".join(table.column_names) + "\n").encode())
            writer = pacsv.CSVWriter(file, table.schema, write_options=_PLAIN)
            self._open[stream] = (file, writer)
        self._open[stream][1].write_table(table)
        self.rows[stream] = self.rows.get(stream, 0) + table.num_rows

    def count(self, stream: str, minor: Ints, currency: Ints) -> None:
        """Add amounts to the stream's sums per currency."""
        if not self.wants(stream):
            return
        sums = self.sums[stream]
        for position in range(len(w.CURRENCIES)):
            rows = currency == position
            if rows.any():
                sums[position] = sums.get(position, 0) + int(np.sum(minor[rows]))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every file."""
        for file, writer in self._open.values():
            writer.close()
            file.close()
