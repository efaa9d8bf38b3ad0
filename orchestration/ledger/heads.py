"""Signing: heads of the ledger, kept outside of it.

What belongs here: signing what the ledger holds, writing that beside the public key. What does not:
keys (`orchestration.ledger.keys`), and checking (`orchestration.ledger.verifier`, which needs no
private key). Whoever may import the ledger may import this.

In the folder of heads lie `heads.jsonl` (one signed head a line), `hashes.bin` (the hash of each
event, 32 bytes, by which a changed one is named) and `ledger.pub` (the public key). Best on another
disk, under another owner: `MESHLINE_HEADS`.
"""

import base64
import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, select

from orchestration.core.heads import Head
from orchestration.core.merkle import Frontier
from orchestration.ledger.errors import LedgerDamaged
from orchestration.ledger.events import moment_text
from orchestration.ledger.keys import (
    HASHES_FILE,
    HEADS_FILE,
    PUBLIC_FILE,
    KeyUnusable,
    keep_public,
    key_id_of,
    last_head,
    private_key,
)
from orchestration.ledger.projections import upsert
from orchestration.ledger.store import Ledger
from orchestration.ledger.tables import events, tree_state

HASH_BYTES = 32
HASHES_AT_ONCE = 50_000


def sign_head(
    ledger: Ledger, folder: Path, key_file: Path, *, at: datetime, signed_by: str
) -> Head | None:
    """Sign what the ledger holds and keep that outside of it; safe to repeat.

    Args:
        ledger: Open for writing.
        folder: Where heads go; made if need be.
        key_file: The private key; made on first use, its owner's alone.
        at: The caller's clock, aware.
        signed_by: Such as `engine:run_3`.

    Returns:
        The head; None for a ledger without events.

    Raises:
        LedgerDamaged: The ledger is not a continuation of what was signed before: nothing is
            signed, so that the evidence stays.
        KeyUnusable: The key, or the folder, cannot be used.
    """
    try:
        with _held(folder):
            return _sign(ledger, folder, key_file, at=at, signed_by=signed_by)
    except OSError as error:
        raise KeyUnusable(
            f"The head of the ledger could not be kept: {error}. The events are safe; mend the "
            f"cause at {folder} (MESHLINE_HEADS) or {key_file} (MESHLINE_SIGNING_KEY) and run "
            "again."
        ) from error


def _sign(
    ledger: Ledger, folder: Path, key_file: Path, *, at: datetime, signed_by: str
) -> Head | None:
    """Sign, with the folder held."""
    before = last_head(folder)
    with ledger.read() as connection:
        last = connection.execute(
            select(events.c.seq, events.c.hash).order_by(events.c.seq.desc()).limit(1)
        ).first()
        _refuse_fork(connection, before, last.seq if last is not None else 0, folder)
        if last is None:
            return None
        if before is not None and (before.size, before.last_hash) == (last.seq, last.hash):
            return before
        frontier = _grown(connection, last.seq)
        _keep_hashes(connection, folder / HASHES_FILE, last.seq)
    key = private_key(key_file)
    public = key.public_key()
    keep_public(public, folder / PUBLIC_FILE)
    head = Head(
        last.seq, frontier.root().hex(), last.hash, moment_text(at), signed_by, key_id_of(public)
    )
    signature = base64.b64encode(key.sign(head.signed_bytes())).decode("ascii")
    head = replace(head, signature=signature)
    with (folder / HEADS_FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(head.as_row(), sort_keys=True) + "\n")
        file.flush()
        os.fsync(file.fileno())
    with ledger.write() as connection:
        peaks = " ".join(peak.hex() for peak in frontier.peaks)
        upsert(connection, tree_state, [{"row_no": 1, "size": frontier.size, "peaks": peaks}])
    return head


def _refuse_fork(connection: Connection, before: Head | None, size: int, folder: Path) -> None:
    """Sign nothing that does not continue what was signed.

    Raises:
        LedgerDamaged: It ends earlier, or has another event in the last place that was signed.
    """
    if before is None or before.size == 0:
        return
    there = connection.execute(
        select(events.c.hash).where(events.c.seq == before.size)
    ).scalar_one_or_none()
    if there == before.last_hash:
        return
    what = (
        f"ends after event {size}, but {before.size} events were signed"
        if there is None
        else f"has another event {before.size} than the one that was signed"
    )
    raise LedgerDamaged(
        f"The ledger {what} at {before.at} ({folder / HEADS_FILE}): it was cut, rewritten, or "
        "restored from an old backup. Put the right copy back; `meshline audit verify` lists what "
        "is missing."
    )


def _grown(connection: Connection, size: int) -> Frontier:
    """The tree over the first `size` events, from the last one that was signed on."""
    row = connection.execute(select(tree_state)).first()
    frontier = Frontier()
    if row is not None and row.size <= size:
        peaks = [bytes.fromhex(peak) for peak in row.peaks.split()]
        if len(peaks) == int(row.size).bit_count():
            frontier = Frontier(row.size, peaks)
    for chunk in _hashes(connection, frontier.size, size):
        for each in chunk:
            frontier.add(each)
    return frontier


def _keep_hashes(connection: Connection, path: Path, size: int) -> None:
    """Write the hashes of events that are not yet in the file; half of one is cut off."""
    path.touch(exist_ok=True)
    with path.open("r+b") as file:
        known = min(file.seek(0, os.SEEK_END) // HASH_BYTES, size)
        file.truncate(known * HASH_BYTES)
        file.seek(known * HASH_BYTES)
        _write_hashes(connection, file, known, size)
        file.flush()
        os.fsync(file.fileno())


def _write_hashes(connection: Connection, file: BinaryIO, after: int, until: int) -> None:
    file.writelines(b"".join(chunk) for chunk in _hashes(connection, after, until))


def _hashes(connection: Connection, after: int, until: int) -> Iterator[list[bytes]]:
    """The hashes of events after one and up to another, in chunks."""
    while after < until:
        rows = connection.execute(
            select(events.c.hash)
            .where(events.c.seq > after, events.c.seq <= min(after + HASHES_AT_ONCE, until))
            .order_by(events.c.seq)
        )
        chunk = [bytes.fromhex(row.hash) for row in rows]
        if not chunk:
            return
        yield chunk
        after += HASHES_AT_ONCE


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Let one process at a time write heads."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
