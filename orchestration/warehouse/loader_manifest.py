"""The manifest beside a file: what the sender says it holds.

What belongs here: reading `<file>.manifest.json` and holding a file against it. What does not:
declared counts that come as a stream of their own. The loader imports this.

A manifest is a JSON object with any of `rows` (integer), `sha256` (hex), `size` (bytes),
`control_amount` (decimal text: the sum of the stream's amount column) and `supersedes` (true: this
file replaces what was loaded under the same name). It is checked whenever it is there.
"""

import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from orchestration.warehouse.landing import MANIFEST_SUFFIX, Candidate
from orchestration.warehouse.loader_faults import Refused

_LARGEST = 65_536
_AMOUNT = re.compile(r"-?\d{1,30}(\.\d{1,4})?", re.ASCII)
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_FIELDS = ("rows", "sha256", "size", "control_amount", "supersedes")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a sender declares about a file; None where nothing is declared."""

    rows: int | None = None
    sha256: str | None = None
    size: int | None = None
    control_amount: Decimal | None = None
    supersedes: bool = False

    @property
    def vouches_for_end(self) -> bool:
        """Whether it proves that the file is not cut off."""
        return self.sha256 is not None or self.size is not None


def manifest_digest(candidate: Candidate) -> str | None:
    """Return a digest of the manifest's bytes; None when there is none."""
    content = _content(candidate)
    return None if content is None else hashlib.sha256(content).hexdigest()[:32]


def read_manifest(candidate: Candidate) -> Manifest | None:
    """Return the manifest of a file, if it has one.

    Raises:
        Refused: The manifest cannot be read (A4).
    """
    content = _content(candidate)
    if content is None:
        return None
    try:
        parsed = json.loads(content.decode("utf-8"), parse_float=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise _unreadable(str(error)) from error
    if not isinstance(parsed, dict):
        raise _unreadable("it is no JSON object")
    unknown = sorted(set(parsed) - set(_FIELDS))
    if unknown:
        raise _unreadable(f"it has unknown fields {unknown[:5]}")
    return Manifest(
        rows=_whole(parsed, "rows"),
        sha256=_digest(parsed),
        size=_whole(parsed, "size"),
        control_amount=_amount(parsed),
        supersedes=parsed.get("supersedes") is True,
    )


def _content(candidate: Candidate) -> bytes | None:
    """Read the sidecar as carefully as the file itself; None when it is no small regular file."""
    path = candidate.folder / (candidate.file_name + MANIFEST_SUFFIX)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    with os.fdopen(handle, "rb") as source:
        if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            return None
        return source.read(_LARGEST + 1)


def _unreadable(why: str) -> Refused:
    fields = ", ".join(_FIELDS)
    return Refused(
        "A4",
        f"the manifest beside the file cannot be used ({why}); it is a JSON object of {fields}",
    )


def _whole(parsed: dict[str, Any], name: str) -> int | None:
    value = parsed.get(name)
    if value is None:
        return None
    if type(value) is int and value >= 0:
        return value
    raise _unreadable(f"{name} is no whole number")


def _digest(parsed: dict[str, Any]) -> str | None:
    value = parsed.get("sha256")
    if value is None:
        return None
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise _unreadable("sha256 is no 64 hexadecimal digits")
    return value.lower()


def _amount(parsed: dict[str, Any]) -> Decimal | None:
    value = parsed.get("control_amount")
    if value is None:
        return None
    text = str(value)
    if isinstance(value, bool) or not _AMOUNT.fullmatch(text):
        raise _unreadable("control_amount is no decimal number")
    return Decimal(text)


def check_bytes(manifest: Manifest, file_id: str, size_bytes: int) -> None:
    """Hold size and digest against the manifest.

    Raises:
        Refused: They differ (A4).
    """
    if manifest.size is not None and manifest.size != size_bytes:
        raise _differs(f"{size_bytes} bytes, the manifest says {manifest.size}")
    if manifest.sha256 is not None and manifest.sha256 != file_id:
        raise _differs("other bytes than the manifest's sha256 says")


def check_content(manifest: Manifest, rows: int, amount: Decimal) -> None:
    """Hold the number of rows and the sum of amounts against the manifest.

    Raises:
        Refused: They differ (A4).
    """
    if manifest.rows is not None and manifest.rows != rows:
        raise _differs(f"{rows} rows, the manifest says {manifest.rows}")
    if manifest.control_amount is not None and manifest.control_amount != amount:
        raise _differs(f"a sum of {amount}, the manifest says {manifest.control_amount}")


def _differs(what: str) -> Refused:
    return Refused(
        "A4", f"the file has {what}; it is cut off or changed: deliver file and manifest again"
    )
