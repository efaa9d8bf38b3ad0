"""Taking a landed file into the home: opening it safely, copying and hashing it.

What belongs here: everything that touches a delivered file. What does not: what is in it
(`loader_unpack` and the readers). The loader imports this.

A file is opened once without following links, copied under its hash, and only the copy is read
afterwards: nobody can change it under us, and its hostile name never reaches a reader.
"""

import hashlib
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from orchestration.core.contracts import FileFormat
from orchestration.settings import Settings
from orchestration.warehouse.landing import Candidate
from orchestration.warehouse.loader_faults import Held, Refused

_CHUNK = 1 << 18  # fits the processor's cache; larger ones cost several times as much
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Archived:
    """A delivered file inside the home.

    Attributes:
        file_id: sha256 of its bytes, hex.
        path: The copy under `<home>/files`.
        size_bytes: Of the delivered bytes.
        kind: csv, tsv, json, jsonl or parquet.
        packed: Whether it is gzipped.
    """

    file_id: str
    path: Path
    size_bytes: int
    kind: str
    packed: bool


def kind_of(candidate: Candidate, file_format: FileFormat) -> tuple[str, bool]:
    """Return (format, packed) of a file, from the contract and, where it says so, the name."""
    name = candidate.file_name.lower()
    packed = name.endswith(".gz")
    if file_format.type != "by_extension":
        return file_format.type, packed
    return name.removesuffix(".gz").rpartition(".")[2], packed


def archive(candidate: Candidate, file_format: FileFormat, settings: Settings) -> Archived:
    """Copy a landed file to `<home>/files/<sha256><ext>` and return where it went.

    Raises:
        Held: It changed while it was read; the next run tries again.
        Refused: It is not a regular file, or too large.
    """
    kind, packed = kind_of(candidate, file_format)
    settings.files.mkdir(parents=True, exist_ok=True)
    incoming = settings.files / f".incoming-{os.getpid()}"
    source = _open_regular(candidate)
    try:
        before = os.fstat(source.fileno())
        with incoming.open("wb") as target:
            digest, size = _copy(source, target, settings.max_file_mb * _MIB)
        after = os.fstat(source.fileno())
    finally:
        source.close()
    moved = (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
    seen = (candidate.size_bytes, candidate.modified_ns)
    if moved or size != after.st_size or (after.st_size, after.st_mtime_ns) != seen:
        incoming.unlink()
        raise Held("A3", "the file changed while it was read; it is left for the next run")
    path = settings.files / f"{digest}.{kind}{'.gz' if packed else ''}"
    incoming.replace(path)
    return Archived(digest, path, size, kind, packed)


def sync_in_background(archived: Archived) -> Callable[[], None]:
    """Begin to force a copy to the disk; return what waits for that.

    The warehouse promises that it can be rebuilt from the copies, so a copy is on the disk before
    its rows are committed; meanwhile the rows are read.

    Raises:
        OSError: From the returned function: the disk did not take it.
    """
    pool = ThreadPoolExecutor(max_workers=1)
    syncing = pool.submit(_sync, archived.path)
    pool.shutdown(wait=False)
    return syncing.result


def _sync(path: Path) -> None:
    for target in (path, path.parent):
        handle = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _open_regular(candidate: Candidate) -> BinaryIO:
    """Open a file below its folder without following a link at either step."""
    no_link = os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        folder = os.open(candidate.folder, os.O_RDONLY | os.O_DIRECTORY | no_link)
        try:
            handle = os.open(
                candidate.file_name, os.O_RDONLY | os.O_NONBLOCK | no_link, dir_fd=folder
            )
        finally:
            os.close(folder)
    except FileNotFoundError as error:
        raise Held("A3", "the file went away while it was read") from error
    except (OSError, ValueError) as error:
        reason = f"the file cannot be opened ({_plain(error)}); deliver a readable regular file"
        raise Refused("A13", reason) from error
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(handle)
        raise Refused("A13", "not a regular file (link, pipe or device); deliver the file itself")
    return os.fdopen(handle, "rb", buffering=0)


def _plain(error: Exception) -> str:
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else str(error)


def _copy(source: BinaryIO, target: BinaryIO, limit: int) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    while chunk := source.read(_CHUNK):
        size += len(chunk)
        if size > limit:
            raise Refused(
                "A15", f"larger than {limit // _MIB} MiB (max_file_mb); deliver it in parts"
            )
        digest.update(chunk)
        target.write(chunk)
    target.flush()
    return digest.hexdigest(), size
