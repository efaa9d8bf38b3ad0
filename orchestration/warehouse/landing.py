"""What lies in the landing folder, and which of it may be looked at.

What belongs here: listing, file types, names, the stream that a name belongs to, business date and
sequence number in a name. What does not: reading a file's content (that is `loader_archive`).
The loader and the landing sensor import this.

Names are hostile: they are compared and stored as data, never put into SQL, never shown raw in a
log, and never used as a path except joined to the folder that listed them.
"""

import os
import re
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from orchestration.core.contracts import SourceContract, StreamContract

MANIFEST_SUFFIX = ".manifest.json"
_UNFINISHED = (".part", ".tmp", ".partial", ".crdownload", ".filepart")
_MARKERS = (".done", ".ok", MANIFEST_SUFFIX)
_DAY = re.compile(r"(?<!\d)(\d{4})-?(\d{2})-?(\d{2})(?!\d)")
_SETTLE_SECONDS = 1.0
_SETTLE_WAIT_SECONDS = 0.15


@dataclass(frozen=True, slots=True)
class Candidate:
    """One landed file that belongs to a stream.

    Attributes:
        source: Name of its contract.
        stream: Name of its stream.
        file_name: As delivered; hostile.
        folder: The folder that listed it.
        size_bytes: When scanned.
        modified_ns: When scanned.
        inode: When scanned.
        business_on: Date in the name, if it has one.
        sequence_no: Number in the name, where the contract declares a sequence.
        unsettled: It was still changing while it was looked at.
    """

    source: str
    stream: str
    file_name: str
    folder: Path
    size_bytes: int
    modified_ns: int
    inode: int
    business_on: date | None
    sequence_no: int | None
    unsettled: bool = False


@dataclass(frozen=True, slots=True)
class LandingScan:
    """What a landing folder holds.

    Attributes:
        candidates: Files of known streams in the order in which they are to be loaded.
        ignored: Everything else that is not simply ours, as (shown path, reason).
    """

    candidates: tuple[Candidate, ...]
    ignored: tuple[tuple[str, str], ...]


def shown(name: str) -> str:
    """Return a hostile name so that it can be printed: escapes instead of odd characters."""
    return (
        name.encode("utf-8", "surrogateescape")
        .decode("utf-8", "backslashreplace")
        .translate(_INVISIBLE)
    )


_INVISIBLE = {
    code: f"\\u{code:04x}"
    for code in (
        *range(32),
        127,
        *range(0x80, 0xA0),
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x206A),
        0xFEFF,
    )
}


def scan(landing: Path, contracts: Mapping[str, SourceContract]) -> LandingScan:
    """List a landing folder.

    Only regular files directly inside `<landing>/<source>/` count. Links of either kind, devices
    and pipes are reported, never opened. Files with an unfinished name are left out silently: they
    will be back. A missing landing folder is an empty one.
    """
    found: list[Candidate] = []
    ignored: list[tuple[str, str]] = []
    for entry in _entries(landing):
        contract = contracts.get(entry.name)
        if entry.name.startswith("."):
            continue
        if entry.is_symlink():
            ignored.append((shown(entry.name), "a link is never followed; put the folder itself"))
        elif not entry.is_dir(follow_symlinks=False):
            ignored.append((shown(entry.name), "files lie in a folder named after their source"))
        elif contract is None:
            ignored.append((shown(entry.name), "no contract of that name in seeds/sources"))
        else:
            _scan_source(Path(entry.path), contract, found, ignored)
    settled = _settle(found)
    return LandingScan(tuple(sorted(settled, key=_order)), tuple(sorted(ignored)))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: os.fsencode(entry.name))
    except FileNotFoundError:
        return []


def _scan_source(
    folder: Path,
    contract: SourceContract,
    found: list[Candidate],
    ignored: list[tuple[str, str]],
) -> None:
    for entry in _entries(folder):
        if entry.name.startswith(".") or entry.name.lower().endswith(_UNFINISHED):
            continue
        where = f"{contract.source}/{shown(entry.name)}"
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(status.st_mode):
            ignored.append((where, _not_regular(status.st_mode)))
            continue
        if entry.name.endswith(_MARKERS):
            continue
        if status.st_nlink > 1:
            ignored.append((where, "A13: a second name (hard link) of another file; copy it"))
            continue
        stream = contract.stream_of(entry.name)
        if stream is None:
            ignored.append((where, f"no stream of contract {contract.source} has such a name"))
            continue
        found.append(_candidate(folder, entry.name, status, stream))


def _not_regular(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "A13: a link is never followed; deliver the file itself"
    if stat.S_ISDIR(mode):
        return "a folder; files lie directly in the source's folder"
    return "A13: not a regular file (pipe, socket or device); deliver a file"


def _candidate(
    folder: Path, name: str, status: os.stat_result, stream: StreamContract
) -> Candidate:
    return Candidate(
        source=stream.source,
        stream=stream.name,
        file_name=name,
        folder=folder,
        size_bytes=status.st_size,
        modified_ns=status.st_mtime_ns,
        inode=status.st_ino,
        business_on=business_date(name),
        sequence_no=_sequence_number(name, stream.delivery.sequence),
    )


def business_date(name: str) -> date | None:
    """Return the first real date in a file name, written YYYY-MM-DD or YYYYMMDD."""
    for match in _DAY.finditer(name):
        try:
            day = date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            continue
        if 1990 <= day.year <= 2100:
            return day
    return None


def _sequence_number(name: str, pattern: str | None) -> int | None:
    match = re.search(pattern, name) if pattern else None
    digits = match[1] if match else None
    return int(digits) if digits and digits.isascii() and digits.isdigit() else None


def _settle(found: list[Candidate]) -> list[Candidate]:
    """Look a second time at files touched a moment ago; what moved meanwhile is unsettled."""
    edge = time.time_ns() - int(_SETTLE_SECONDS * 1e9)
    if not any(candidate.modified_ns > edge for candidate in found):
        return found
    time.sleep(_SETTLE_WAIT_SECONDS)
    return [
        candidate if candidate.modified_ns <= edge else _look_again(candidate)
        for candidate in found
    ]


def _look_again(candidate: Candidate) -> Candidate:
    try:
        now = os.lstat(candidate.folder / candidate.file_name)
    except OSError:
        return _unsettled(candidate)
    same = (now.st_size, now.st_mtime_ns) == (candidate.size_bytes, candidate.modified_ns)
    return candidate if same else _unsettled(candidate)


def _unsettled(candidate: Candidate) -> Candidate:
    values = {name: getattr(candidate, name) for name in Candidate.__slots__}
    return Candidate(**{**values, "unsettled": True})


def _order(candidate: Candidate) -> tuple[object, ...]:
    """Business order, not order of arrival: date, sequence, then name with numbers as numbers."""
    natural = tuple(
        (1, int(part), "") if part.isascii() and part.isdigit() else (0, 0, part)
        for part in re.split(r"(\d{1,18})", candidate.file_name)
    )
    return (
        candidate.source,
        candidate.stream != "completeness",  # declarations come before what they declare
        candidate.stream,
        candidate.business_on or date.min,
        -1 if candidate.sequence_no is None else candidate.sequence_no,
        natural,
        os.fsencode(candidate.file_name),
    )
