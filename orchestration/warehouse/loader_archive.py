"""Taking a landed file into the home: copy, hash, unpack, and count what its bytes look like.

What belongs here: everything that touches a delivered file, within the limits of the settings.
What does not: cells and rows. The loader imports this.

A file is opened once without following links, copied under its hash, and only the copy is read
afterwards: nobody can change it under us, and its hostile name never reaches a reader.
"""

import codecs
import gzip
import hashlib
import os
import re
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from orchestration.core.contracts import FileFormat
from orchestration.settings import Settings
from orchestration.warehouse.landing import Candidate, shown
from orchestration.warehouse.loader_faults import Held, Refused

_CHUNK = 1 << 20
_MIB = 1 << 20
_FREE_EXPANSION = 16 * _MIB
_PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz",
           b"\x28\xb5\x2f\xfd": "zstd"}
_CONTROLS = bytes(code for code in range(32) if code not in (9, 10, 13))
_BLANKS_AT_QUOTE = re.compile(rb'(?:^|[^"\w])[ \t]+"|"[ \t]+(?:[^"\w]|$)')


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


@dataclass(slots=True)
class TextFacts:
    """What the bytes of a text file look like; counted once while they pass by.

    Attributes:
        size: Bytes.
        newlines: Line feeds.
        returns: Carriage returns.
        pairs: Carriage returns followed by a line feed.
        blank_lines: Whether an empty line was seen after the first line.
        quotes: Quote characters of the format.
        delimiters: Delimiters of the format.
        controls: C0 control bytes other than tab, line feed and carriage return.
        odd_quotes: Whether blanks were seen at a quote.
        ends_with_newline: Whether the last line is closed.
    """

    size: int = 0
    newlines: int = 0
    returns: int = 0
    pairs: int = 0
    blank_lines: bool = False
    quotes: int = 0
    delimiters: int = 0
    controls: int = 0
    odd_quotes: bool = False
    ends_with_newline: bool = False

    @property
    def line_count(self) -> int:
        """Physical lines, a last one without line end included."""
        return self.newlines + (0 if self.ends_with_newline or self.size == 0 else 1)


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
    if not stat.S_ISREG(os.fstat(handle).st_mode):
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


def chunks(archived: Archived, settings: Settings) -> Iterator[bytes]:
    """Yield the unpacked bytes, within the limits of the settings.

    Raises:
        Refused: A bomb, a damaged or cut-off archive, or an archive inside the archive.
    """
    plain = _unpacked(archived, settings) if archived.packed else _plain_chunks(archived.path)
    first = True
    for chunk in plain:
        if first:
            _refuse_archive_inside(chunk, archived)
            first = False
        yield chunk


def _plain_chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while chunk := source.read(_CHUNK):
            yield chunk


def _unpacked(archived: Archived, settings: Settings) -> Iterator[bytes]:
    cap = settings.max_expanded_mb * _MIB
    ratio_cap = max(archived.size_bytes * settings.max_expansion_ratio, _FREE_EXPANSION)
    total = 0
    try:
        with gzip.open(archived.path, "rb") as source:
            while chunk := source.read(_CHUNK):
                total += len(chunk)
                if total > min(cap, ratio_cap):
                    raise _bomb(archived, settings)
                yield chunk
    except EOFError as error:
        reason = "the gzip file is cut off before its end; deliver it again"
        raise Refused("A4", reason) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise Refused("A14", f"not a sound gzip file ({error}); pack it again") from error


def _bomb(archived: Archived, settings: Settings) -> Refused:
    return Refused(
        "A14",
        f"{archived.size_bytes} packed bytes unpack to more than "
        f"{settings.max_expansion_ratio} times as much or {settings.max_expanded_mb} MiB; "
        "unpacking was stopped. Deliver it unpacked or in parts",
    )


def _refuse_archive_inside(chunk: bytes, archived: Archived) -> None:
    for magic, name in _PACKED.items():
        if chunk.startswith(magic):
            wrapped = "inside the gzip file" if archived.packed else "behind its name"
            raise Refused("A14", f"a {name} archive {wrapped}; deliver one plain or gzipped file")


def prepare_text(
    archived: Archived, file_format: FileFormat, delimiter: str, settings: Settings
) -> tuple[Path, TextFacts, bool]:
    """Return a plain UTF-8 file of the content, its facts, and whether it is ours to delete.

    A plain UTF-8 file is read where it is archived; packed or other text is written out anew.

    Raises:
        Refused: The bytes are not in the encoding that the contract states, or a bomb.
    """
    facts = TextFacts()
    quote = (file_format.quote or '"').encode()
    as_is = not archived.packed and file_format.encoding == "utf-8"
    counted = _Counter(facts, quote, delimiter.encode())
    if as_is:
        for chunk in chunks(archived, settings):
            counted.add(chunk)
        counted.end()
        return archived.path, facts, False
    work = settings.scratch / f"plain-{archived.file_id}"
    settings.scratch.mkdir(parents=True, exist_ok=True)
    try:
        with work.open("wb") as target:
            for chunk in _transcoded(chunks(archived, settings), file_format.encoding):
                counted.add(chunk)
                target.write(chunk)
    except BaseException:
        work.unlink(missing_ok=True)
        raise
    counted.end()
    return work, facts, True


def _transcoded(source: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    if encoding == "utf-8":
        yield from source
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in source:
            yield decoder.decode(chunk).encode()
        yield decoder.decode(b"", True).encode()  # noqa: FBT003 - the codec's own signature
    except UnicodeError as error:
        reason = f"not {encoding} as the contract states ({error.reason}); resend it as {encoding}"
        raise Refused("A16", reason) from error


class _Counter:
    """Counts facts over chunks; a tail of the last chunk meets patterns across the border."""

    def __init__(self, facts: TextFacts, quote: bytes, delimiter: bytes) -> None:
        self._facts = facts
        self._quote = quote
        self._delimiter = delimiter
        self._tail = b""

    def add(self, chunk: bytes) -> None:
        facts = self._facts
        if not chunk:
            return
        if facts.size == 0:
            _refuse_utf16(chunk)
        facts.size += len(chunk)
        facts.newlines += chunk.count(b"\n")
        facts.quotes += chunk.count(self._quote)
        facts.delimiters += chunk.count(self._delimiter)
        facts.controls += len(chunk) - len(chunk.translate(None, _CONTROLS))
        joined = self._tail + chunk
        returns = chunk.count(b"\r")
        if returns or self._tail.endswith(b"\r"):
            facts.returns += returns
            facts.pairs += chunk.count(b"\r\n")
            facts.pairs += self._tail.endswith(b"\r") and chunk.startswith(b"\n")
            facts.blank_lines |= b"\n\r\n" in joined
        facts.blank_lines |= b"\n\n" in joined
        if facts.quotes and (b' "' in joined or b'" ' in joined or b"\t" in joined):
            facts.odd_quotes |= _BLANKS_AT_QUOTE.search(joined) is not None
        self._tail = chunk[-3:]

    def end(self) -> None:
        self._facts.ends_with_newline = self._tail.endswith((b"\n", b"\r"))


def _refuse_utf16(start: bytes) -> None:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Refused(
            "A16",
            "the file begins with a UTF-16 mark, but the contract states another encoding; resend "
            "it as UTF-8 or name the encoding in the contract",
        )
