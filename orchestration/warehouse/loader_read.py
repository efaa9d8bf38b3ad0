"""Opening an archived file by its format and checking it against its stream.

What belongs here: from the copy in the home to `temp.main.checked`. What does not: the verdict and
storing. The loader imports this.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from orchestration.core.contracts import FileFormat, StreamContract
from orchestration.core.errors import ReconError
from orchestration.warehouse.loader_archive import Archived
from orchestration.warehouse.loader_books import Delivery
from orchestration.warehouse.loader_csv import open_csv
from orchestration.warehouse.loader_drift import make_plan
from orchestration.warehouse.loader_json import open_json
from orchestration.warehouse.loader_parquet import open_parquet
from orchestration.warehouse.loader_plan import Plan
from orchestration.warehouse.loader_session import Session
from orchestration.warehouse.loader_staging import Reader
from orchestration.warehouse.loader_tables import column_order


@dataclass(frozen=True, slots=True)
class Reading:
    """An opened file and the plan of reading it as its stream."""

    reader: Reader
    plan: Plan


@contextmanager
def reading(
    session: Session, stream: StreamContract, archived: Archived, day: date, *, vouched: bool
) -> Iterator[Reading]:
    """Open a file and plan its reading; work files are removed when the block ends.

    Raises:
        Refused: It cannot be used at all.
    """
    reader = _open(session, stream, archived, vouched=vouched)
    try:
        order = column_order(session.connection, stream)
        yield Reading(reader, make_plan(reader, stream, order, session.exponents, day))
    finally:
        reader.close()


def _open(session: Session, stream: StreamContract, archived: Archived, *, vouched: bool) -> Reader:
    connection, settings = session.connection, session.settings
    if archived.kind in ("json", "jsonl"):
        return open_json(connection, archived, stream, settings)
    if archived.kind == "parquet":
        return open_parquet(connection, archived, stream, settings)
    return open_csv(connection, archived, _strict(stream), settings, vouched=vouched)


def _strict(stream: StreamContract) -> FileFormat:
    """Return the stream's format; what a snapshot lacks is deleted, so its end must be closed."""
    if stream.delivery.mode == "full_snapshot" and stream.format.final_newline == "complete_row":
        return stream.format.model_copy(update={"final_newline": "required"})
    return stream.format


def archived_copy(session: Session, delivery: Delivery) -> Archived:
    """Return the copy of a file that was loaded before.

    Raises:
        ReconError: It is not in the home any more.
    """
    path = next(session.settings.files.glob(f"{delivery.file_id}.*"), None)
    if path is None or delivery.file_id is None:
        msg = (
            f"{session.settings.files} lacks the copy of load {delivery.load_seq} "
            f"({delivery.source}/{delivery.stream}), which a late file needs; put the file back "
            "under its hash, or rebuild the warehouse in a fresh home"
        )
        raise ReconError(msg)
    packed = path.name.endswith(".gz")
    kind = path.name.removesuffix(".gz").rpartition(".")[2]
    return Archived(delivery.file_id, path, delivery.size_bytes, kind, packed)
