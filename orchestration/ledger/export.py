"""Exports: events in a file for people, and beside it the proof that they belong to the ledger.

What belongs here: choosing events, writing them, the proof, checking both without the ledger. What
does not: other downloads (the console), and the ledger's own check
(`orchestration.ledger.verifier`). Whoever may import the ledger may import this.

The proof, `<file>.proof.jsonl`, holds the signed head first, then the subtrees of the tree in which
no exported event lies; with the hashes of the exported events they make the signed root. One pass
over the ledger; what is held in memory does not grow with it.
"""

import contextlib
import csv
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from orchestration.core.chain import COLUMNS, Event, hash_of
from orchestration.core.errors import UsageRefused
from orchestration.core.heads import Head
from orchestration.core.merkle import Selection, verify_selection
from orchestration.core.spreadsheets import plain_cell, safe_cell
from orchestration.ledger.reading import LedgerReader

ROWS_AT_ONCE = 10_000
PROOF_SUFFIX = ".proof.jsonl"
FORMATS = (".csv", ".jsonl", ".parquet")
# What a spreadsheet would take for a formula or swallow.
_SEQ, _AT, _ACTOR_ROLE, _RECON_KEY, _HASH = (
    COLUMNS.index(name) for name in ("seq", "at", "actor_role", "recon_key", "hash")
)
_DAY, _MONTH = re.compile(r"\d{4}-\d{2}-\d{2}"), re.compile(r"\d{4}-\d{2}")
Chooser = Callable[[Sequence[Any]], bool]
Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        path: The file.
        proof: The proof beside it.
        count: Events in it.
        size: Events of the ledger that the proof is about.
    """

    path: Path
    proof: Path
    count: int
    size: int


def choose(by: str | None, value: str | None, recon_keys: Iterable[str] = ()) -> Chooser:
    """Return the question that is asked of each event.

    Args:
        by: `order`, `customer`, `period`, `role`; None takes all.
        value: Which one; for orders and customers what the caller has resolved to keys.
        recon_keys: The orders meant.

    Raises:
        UsageRefused: There is no such question, or the value does not fit it.
    """
    keys = frozenset(recon_keys)
    if by is None:
        return lambda _: True
    if not value:
        raise UsageRefused(f"--by {by} needs --value: which one?")
    if by in {"order", "customer"}:
        return lambda row: row[_RECON_KEY] in keys
    if by == "role":
        return lambda row: row[_ACTOR_ROLE] == value
    if by == "period":
        first, after = period_of(value)
        return lambda row: first <= row[_AT][:10] < after
    raise UsageRefused(f"--by {by} is not known. Give order, customer, period or role.")


def period_of(text: str) -> tuple[str, str]:
    """Return the first day of a period and the day after its last, ISO 8601.

    Raises:
        UsageRefused: It is none.
    """
    begin, separator, end = text.partition("..")
    try:
        first, after = _span(begin)
        if separator:
            after = _span(end)[1]
    except ValueError:
        raise UsageRefused(
            f"{text!r} is no period. Give a month (2026-06), a day (2026-06-30), or two of them "
            "(2026-06-01..2026-06-30)."
        ) from None
    if after <= first:
        raise UsageRefused(f"{text!r} ends before it begins.")
    return first.isoformat(), after.isoformat()


def export_events(reader: LedgerReader, head: Head, path: Path, chosen: Chooser) -> Exported:
    """Write the chosen events of what a head has signed, and their proof.

    Both files appear whole or not at all. An export of a ledger that is not what was signed fails.

    Raises:
        UsageRefused: The name of the file says no format, or what was signed is not what is there.
    """
    if path.suffix not in FORMATS:
        raise UsageRefused(f"{path.name} says no format: end it with {', '.join(FORMATS)}.")
    proof = path.with_name(path.name + PROOF_SUFFIX)
    selection, count = Selection(), 0
    sql = f"select {', '.join(COLUMNS)} from events where seq <= ? order by seq"
    with _replacing(proof) as proof_file, writer_of(path) as write:
        proof_file.write(_line({"head": head.as_row()}))
        for chunk in reader.tuples(sql, [head.size]):
            rows = []
            for row in chunk:
                is_chosen = chosen(row)
                if is_chosen:
                    rows.append(row)
                for (level, index), node in selection.add(
                    bytes.fromhex(row[_HASH]), is_selected=is_chosen
                ):
                    proof_file.write(_line({"at": [level, index], "hash": node.hex()}))
            if rows:
                write(rows)
                count += len(rows)
        for (level, index), node in selection.finish():
            proof_file.write(_line({"at": [level, index], "hash": node.hex()}))
        if selection.size != head.size or selection.root().hex() != head.root:
            raise UsageRefused(
                "The ledger is not what was signed, so no proof of an export can be made: "
                "`meshline audit verify` says what is wrong."
            )
    return Exported(path, proof, count, selection.size)


def check_export(path: Path, key: Ed25519PublicKey) -> tuple[int, tuple[str, ...]]:
    """Check an export against its proof, without the ledger.

    Args:
        path: The exported file, its proof beside it.
        key: The public key that is trusted.

    Returns:
        How many events it has, and what is wrong; nothing when all belongs to what was signed.

    Raises:
        UsageRefused: The file or its proof is not there or cannot be read.
    """
    proof = path.with_name(path.name + PROOF_SUFFIX)
    try:
        head, nodes = _read_proof(proof)
        events = list(_read(path))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageRefused(f"{path} and {proof.name} cannot be read: {error}.") from error
    problems = []
    if not head.is_signed_by(key):
        problems.append("the signature of the head in the proof is forged, or of another key")
    problems += [
        f"event {event.seq} was edited: its hash is not that of its columns"
        for event in events
        if hash_of(event) != event.hash
    ]
    leaves = ((event.seq - 1, bytes.fromhex(event.hash)) for event in events)
    if not problems and not verify_selection(leaves, head.size, nodes, bytes.fromhex(head.root)):
        problems.append(
            "events are missing, added or out of their place: with the proof they do not make the "
            "signed root"
        )
    return len(events), tuple(problems)


def _span(text: str) -> tuple[date, date]:
    """The first day of a month or day, and the day after it."""
    if _MONTH.fullmatch(text):
        first = date.fromisoformat(f"{text}-01")
        return first, (first + timedelta(days=31)).replace(day=1)
    if not _DAY.fullmatch(text):
        raise ValueError(text)
    first = date.fromisoformat(text)
    return first, first + timedelta(days=1)


@contextmanager
def _replacing(path: Path) -> Iterator[Any]:
    """Write a text file under another name, and put it in its place when all went well."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with temporary.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def writer_of(path: Path) -> AbstractContextManager[Callable[[Sequence[Row]], None]]:
    """What writes events, each a row of `COLUMNS`, in the format that the name says.

    The file appears whole or not at all.
    """
    return {".csv": _csv, ".jsonl": _jsonl, ".parquet": _parquet}[path.suffix](path)


@contextmanager
def _csv(path: Path) -> Iterator[Callable[[Sequence[Row]], None]]:
    with _replacing(path) as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(COLUMNS)
        yield lambda rows: writer.writerows([map(safe_cell, row) for row in rows])


@contextmanager
def _jsonl(path: Path) -> Iterator[Callable[[Sequence[Row]], None]]:
    with _replacing(path) as file:

        def write(rows: Sequence[Row]) -> None:
            file.writelines(_line(dict(zip(COLUMNS, row, strict=True))) for row in rows)

        yield write


@contextmanager
def _parquet(path: Path) -> Iterator[Callable[[Sequence[Row]], None]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [pa.field(name, pa.int64() if name == "seq" else pa.string()) for name in COLUMNS]
    )
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:

            def write(rows: Sequence[Row]) -> None:
                columns = [
                    pa.array(list(column), field.type)
                    for column, field in zip(zip(*rows, strict=True), schema, strict=True)
                ]
                writer.write_table(pa.Table.from_arrays(columns, schema=schema))

            yield write
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")) + "\n"


def _read_proof(path: Path) -> tuple[Head, dict[tuple[int, int], bytes]]:
    """The head of a proof, and its subtrees by place."""
    nodes = {}
    with path.open(encoding="utf-8") as file:
        head = Head.of(json.loads(next(file, "{}")).get("head", {}))
        for line in file:
            one = json.loads(line)
            level, index = one["at"]
            nodes[int(level), int(index)] = bytes.fromhex(one["hash"])
    return head, nodes


def _read(path: Path) -> Iterator[Event]:
    """The events of an export."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                values: dict[str, Any] = {name: plain_cell(row[name]) for name in COLUMNS}
                values |= {"seq": int(row["seq"]), "recon_key": values["recon_key"] or None}
                yield Event(**values)
        return
    if path.suffix == ".jsonl":
        with path.open(encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                yield Event(**{name: row[name] for name in COLUMNS})
        return
    if path.suffix != ".parquet":
        raise ValueError(f"{path.name} says no format")
    import pyarrow.parquet as pq

    with contextlib.closing(pq.ParquetFile(path)) as parquet:
        for batch in parquet.iter_batches(ROWS_AT_ONCE):
            for row in batch.to_pylist():
                yield Event(**{name: row[name] for name in COLUMNS})
