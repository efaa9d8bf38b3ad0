"""What receivers hold, compared with what was delivered, and written down for landing.

What belongs here: the daily comparison and the extracts. What does not: what follows from a
difference (`orchestration.ledger.outbox_review`), what the extracts are read as
(`seeds/sources/targets.yml`). `orchestration.delivery` and tests import this.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from orchestration.connectors.targets.base import Held, Target, differs
from orchestration.connectors.targets.file import replace_file
from orchestration.core.delivery.answers import DELIVERED, State
from orchestration.ledger.events import moment_text
from orchestration.ledger.outbox_claims import Worker
from orchestration.ledger.outbox_clock import DeliveryClock
from orchestration.ledger.outbox_documents import Document, delivered_documents
from orchestration.ledger.outbox_review import Finding, Found, record_findings
from orchestration.ledger.outbox_tables import intents
from orchestration.ledger.store import Ledger

ROWS_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a receiver's list says of what was delivered to it.

    Attributes:
        delivered: Documents that it should hold.
        held: Documents that it lists.
        missing: Of those that it should hold; sent again.
        duplicated: Held more than once; parked.
        different: Held with another content; parked.
        strangers: Listed with a key of ours that was never delivered.
    """

    target_code: str
    delivered: int
    held: int
    missing: int
    duplicated: int
    different: int
    strangers: int


def compare_holdings(
    ledger: Ledger, clock: DeliveryClock, target: Target, worker: Worker, folder: Path
) -> Comparison:
    """Compare what a receiver lists with what was delivered to it, and put findings on record.

    The list is kept in a scratch file while it is compared, and then as an extract in `folder`, in
    the form of the source `targets`, so that memory does not grow with it.

    Raises:
        CallFailed: The receiver could not be asked to the end; nothing was recorded then.
    """
    begun, listed_at = clock.now(), clock.wall()
    # What was delivered while the list was read may be missing from it.
    settled_before = begun - timedelta(seconds=target.policy.timeouts.total_seconds)
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f".{target.code}.{worker.owner.replace(':', '_')}.sqlite"
    scratch.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(scratch)) as listed:
            held = keep_listed(listed, target.holdings())
            counts, findings = _findings(ledger, listed, target.code, settled_before)
            strangers = _strangers(ledger, listed, target.code)
            _write_holdings(listed, target.code, folder, listed_at, held)
    finally:
        scratch.unlink(missing_ok=True)
    with ledger.write() as connection:
        now = clock.keep(connection)
        for start in range(0, len(findings), ROWS_AT_ONCE):
            record_findings(
                connection,
                findings[start : start + ROWS_AT_ONCE],
                actor=worker.actor,
                at=clock.wall(),
                now=now,
            )
    return Comparison(target.code, held=held, strangers=strangers, **counts)


def write_acknowledgements(ledger: Ledger, folder: Path, at: datetime) -> int:
    """Write what receivers acknowledged as one extract file for landing; returns its rows.

    All that is delivered or refused is written each time, so the file is a snapshot: landing keeps
    only rows that changed. One JSON line an intent; amounts are texts.
    """
    columns = [
        intents.c[name]
        for name in (
            "intent_id",
            "target_code",
            "artifact_kind",
            "artifact_id",
            "natural_key",
            "artifact_version",
            "recon_key",
            "state",
            "receiver_ref",
            "amount",
            "currency_code",
            "settled_at",
        )
    ]
    chosen = (
        select(*columns)
        .where(intents.c.state.in_([*DELIVERED, State.REFUSED]))
        .order_by(intents.c.intent_no)
        .execution_options(yield_per=ROWS_AT_ONCE)
    )
    with ledger.read() as connection:
        rows = connection.execute(chosen).mappings()
        return _write_lines(folder, "acknowledgements", at, (dict(row) for row in rows))


def keep_listed(listed: sqlite3.Connection, found: Iterable[Held]) -> int:
    """Put what a receiver lists into the table `held` of a scratch file; returns how much it is."""
    listed.execute("pragma synchronous = off")
    listed.execute(
        "create table held (key text, ref text, payload_hash text, amount text, currency text)"
    )
    listed.executemany(
        "insert into held values (?, ?, ?, ?, ?)",
        (
            (one.idem_key, one.receiver_ref, one.payload_hash, one.amount, one.currency_code)
            for one in found
        ),
    )
    listed.execute("create index held_key on held (key)")
    listed.execute("create index held_ref on held (ref)")
    return int(listed.execute("select count(*) from held").fetchone()[0])


def _findings(
    ledger: Ledger, listed: sqlite3.Connection, code: str, settled_before: datetime
) -> tuple[dict[str, int], list[Found]]:
    """What is wrong with delivered documents."""
    counts = {"delivered": 0, "missing": 0, "duplicated": 0, "different": 0}
    findings: list[Found] = []
    with ledger.read() as connection:
        for documents in delivered_documents(connection, code, settled_before):
            counts["delivered"] += len(documents)
            for document in documents:
                held = _held_of(listed, document)
                found = _judge(document.intent_id, held, differs(document, held[0]) if held else "")
                if found is not None:
                    findings.append(found)
                    counts[found.finding.value.removesuffix("_at_receiver")] += 1
    return counts, findings


def _held_of(listed: sqlite3.Connection, document: Document) -> list[Held]:
    """What a list has of a document: by its key, or, of one that was adopted, by reference."""
    by_key = [
        Held(ref, document.idem_key, payload_hash, amount)
        for ref, payload_hash, amount in listed.execute(
            "select ref, payload_hash, amount from held where key = ? order by ref",
            (document.idem_key,),
        )
    ]
    if len(by_key) == 1 and by_key[0].payload_hash == document.payload_hash:
        return by_key
    adopted = listed.execute(
        "select ref, payload_hash, amount from held "
        "where ref = ? and payload_hash = ? and key <> ?",
        (document.receiver_ref, document.payload_hash, document.idem_key),
    ).fetchone()
    return by_key if adopted is None else [Held(adopted[0], None, *adopted[1:])]


def _judge(intent_id: str, held: Sequence[Held], difference: str) -> Found | None:
    """What is wrong with one document; None when nothing is."""
    if not held:
        detail = "The receiver's list lacks it; it is sent again under the same key."
        return Found(intent_id, Finding.MISSING, detail)
    if len(held) > 1:
        refs = ", ".join(one.receiver_ref for one in held[:5])
        detail = f"The receiver has it {len(held)} times: {refs}. Void all but one there."
        return Found(intent_id, Finding.DUPLICATED, detail)
    return Found(intent_id, Finding.DIFFERENT, difference) if difference else None


def _strangers(ledger: Ledger, listed: sqlite3.Connection, code: str) -> int:
    """How many listed keys look like ours and belong to no intent."""
    keys = [
        row[0]
        for row in listed.execute("select distinct key from held where key like 'ml!_%' escape '!'")
    ]
    known = 0
    with ledger.read() as connection:
        for start in range(0, len(keys), 500):
            chosen = select(intents.c.idem_key).where(
                intents.c.target_code == code, intents.c.idem_key.in_(keys[start : start + 500])
            )
            known += len(connection.execute(chosen).all())
    return len(keys) - known


def _write_holdings(
    listed: sqlite3.Connection, code: str, folder: Path, at: datetime, held: int
) -> None:
    """Write what a receiver lists as extract files for landing: the documents, then the list."""
    rows = listed.execute(
        "select ref, key, amount, currency, payload_hash from held order by key, ref"
    )
    names = ("external_id", "external_key", "amount", "currency", "content_hash")
    head = {"target": code, "listed_at": moment_text(at)}
    documents = ({**head, **dict(zip(names, row, strict=True))} for row in rows)
    _write_lines(folder, f"documents_{code}", at, documents)
    _write_lines(folder, f"listings_{code}", at, [{**head, "document_count": held}])


def _write_lines(folder: Path, name: str, at: datetime, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write a JSON-lines file that is there whole or not at all; returns its rows."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{name}.tmp"
    count = 0
    with temporary.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=True) + "\n")
            count += 1
    if not count:
        temporary.unlink()
        return 0
    stamp = moment_text(at).replace(":", "").replace("-", "")[:15]
    path = folder / f"{name}_{stamp}Z.jsonl"
    # The manifest goes first: a file without it could be read before it is proved whole.
    manifest = json.dumps({"rows": count, "size": temporary.stat().st_size})
    replace_file(path.with_name(f"{path.name}.manifest.json"), manifest.encode())
    temporary.replace(path)
    return count


def as_plain(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON can hold it."""
    return asdict(comparison)
