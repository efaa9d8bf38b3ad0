"""Unpacking an archived file within limits, and counting what its text looks like on the way.

What belongs here: gzip, encodings, archives inside archives, bombs, and the facts about lines that
the readers rely on. What does not: cells and rows. The loader imports this.
"""

import codecs
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy

from orchestration.core.contracts import FileFormat
from orchestration.settings import Settings
from orchestration.warehouse.loader_archive import Archived
from orchestration.warehouse.loader_faults import Refused

_CHUNK = 1 << 18  # fits the processor's cache; larger ones cost several times as much
_MIB = 1 << 20
_FREE_EXPANSION = 16 * _MIB
_GZIP_WINDOW = 31
_MEMBERS = 1000
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_TAB, _LINE_FEED, _RETURN, _BLANK, _DELETE = 9, 10, 13, 32, 127
_BLANKS_AT_QUOTE = re.compile(rb'(?:^|[^"\w])[ \t]+"|"[ \t]+(?:[^"\w]|$)')


@dataclass(slots=True)
class TextFacts:
    """What the bytes of a text file look like; counted once while they pass by.

    Attributes:
        size: Bytes.
        newlines: Line feeds.
        returns: Carriage returns.
        pairs: Carriage returns followed by a line feed.
        quotes: Quote characters of the format.
        delimiters: Delimiters of the format.
        controls: C0 control bytes but line ends, and DEL; tabs only where they do not delimit.
        odd_quotes: Whether blanks were seen at a quote.
        ends_with_newline: Whether the last line is closed.
    """

    size: int = 0
    newlines: int = 0
    returns: int = 0
    pairs: int = 0
    quotes: int = 0
    delimiters: int = 0
    controls: int = 0
    odd_quotes: bool = False
    ends_with_newline: bool = False

    @property
    def line_count(self) -> int:
        """Physical lines, a last one without line end included."""
        return self.newlines + (0 if self.ends_with_newline or self.size == 0 else 1)


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
    with path.open("rb", buffering=0) as source:
        while chunk := source.read(_CHUNK):
            yield chunk


def _unpacked(archived: Archived, settings: Settings) -> Iterator[bytes]:
    cap = settings.max_expanded_mb * _MIB
    ratio_cap = max(archived.size_bytes * settings.max_expansion_ratio, _FREE_EXPANSION)
    total = 0
    try:
        for chunk in _gunzip(archived.path):
            total += len(chunk)
            if total > min(cap, ratio_cap):
                raise _bomb(archived, settings)
            yield chunk
    except zlib.error as error:
        raise Refused("A14", f"not a sound gzip file ({error}); pack it again") from error


def _gunzip(path: Path) -> Iterator[bytes]:
    """Yield unpacked pieces of bounded size; members may follow each other, garbage may not."""
    members = 1
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    with path.open("rb") as source:
        while True:
            if unpacker.eof:
                packed = (unpacker.unused_data or source.read(_CHUNK)).lstrip(b"\0")
                if not packed:
                    return
                members += 1
                if members > _MEMBERS:
                    reason = f"the gzip file has more than {_MEMBERS} members; pack it as one"
                    raise Refused("A14", reason)
                unpacker = zlib.decompressobj(_GZIP_WINDOW)
            else:
                packed = unpacker.unconsumed_tail or source.read(_CHUNK)
                if not packed:
                    reason = "the gzip file is cut off before its end; deliver it again"
                    raise Refused("A4", reason)
            yield unpacker.decompress(packed, _CHUNK)


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


def unpacked_copy(archived: Archived, settings: Settings) -> tuple[Path, bool]:
    """Return a file with the unpacked bytes, and whether it is ours to delete.

    Raises:
        Refused: A bomb or a damaged archive.
    """
    if not archived.packed:
        return archived.path, False
    work = _work_file(archived, settings)
    try:
        with work.open("wb") as target:
            for chunk in chunks(archived, settings):
                target.write(chunk)
    except BaseException:
        work.unlink(missing_ok=True)
        raise
    return work, True


def _work_file(archived: Archived, settings: Settings) -> Path:
    settings.scratch.mkdir(parents=True, exist_ok=True)
    return settings.scratch / f"plain-{archived.file_id}"


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
    work = _work_file(archived, settings)
    try:
        with work.open("wb") as target:
            for chunk in transcoded(chunks(archived, settings), file_format.encoding):
                counted.add(chunk)
                target.write(chunk)
    except BaseException:
        work.unlink(missing_ok=True)
        raise
    counted.end()
    return work, facts, True


def transcoded(source: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Yield the text as UTF-8; what is UTF-8 already passes unchecked."""
    if encoding == "utf-8":
        yield from source
        return
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in source:
            yield decoder.decode(chunk).encode()
        yield decoder.decode(b"", True).encode()
    except UnicodeError as error:
        reason = f"not {encoding} as the contract states ({error}); resend it as {encoding}"
        raise Refused("A16", reason) from error


class _Counter:
    """Counts facts over chunks; a seam of a few bytes meets what lies across their border."""

    _SEAM = 3

    def __init__(self, facts: TextFacts, quote: bytes, delimiter: bytes) -> None:
        self._facts = facts
        self._quote = quote[0]
        self._delimiter = delimiter[0]
        self._tail = b""

    def add(self, chunk: bytes) -> None:
        facts = self._facts
        if not chunk:
            return
        if facts.size == 0:
            _refuse_utf16(chunk)
        found = numpy.frombuffer(chunk, numpy.uint8)
        line_ends = _count(found == _LINE_FEED)
        returns = _count(found == _RETURN)
        delimiters = _count(found == self._delimiter)
        low = _count(found < _BLANK) + _count(found == _DELETE)
        facts.size += len(chunk)
        facts.newlines += line_ends
        facts.returns += returns
        facts.delimiters += delimiters
        facts.quotes += _count(found == self._quote)
        facts.controls += low - line_ends - returns - delimiters * (self._delimiter == _TAB)
        if returns or self._tail.endswith(b"\r"):
            facts.pairs += chunk.count(b"\r\n") + (self._tail[-1:] + chunk[:1] == b"\r\n")
        if facts.quotes and not facts.odd_quotes:
            seam = self._tail + chunk[: self._SEAM]
            facts.odd_quotes = _has_odd_quotes(chunk) or _has_odd_quotes(seam)
        self._tail = (self._tail + chunk[-self._SEAM :])[-self._SEAM :]

    def end(self) -> None:
        self._facts.ends_with_newline = self._tail.endswith((b"\n", b"\r"))


def _count(where: numpy.ndarray) -> int:
    return int(numpy.count_nonzero(where))


def _has_odd_quotes(text: bytes) -> bool:
    if b' "' in text or b'" ' in text or b"\t" in text:
        return _BLANKS_AT_QUOTE.search(text) is not None
    return False


def _refuse_utf16(start: bytes) -> None:
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Refused(
            "A16",
            "the file begins with a UTF-16 mark, but the contract states another encoding; resend "
            "it as UTF-8 or name the encoding in the contract",
        )
