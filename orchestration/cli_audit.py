"""`meshline audit`: the check of the ledger, exports of it, and erasing.

What belongs here: gathering what is known outside of the ledger, and what is printed. What does
not: the checks (`orchestration.ledger.verifier`, `orchestration.ledger.export`). Only the command
line may import this.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from orchestration.cli_display import clean, print_json, stdout, table
from orchestration.core.errors import UsageRefused
from orchestration.ledger.export import check_export, choose, export_events
from orchestration.ledger.keys import PUBLIC_FILE, last_head, read_public_key
from orchestration.ledger.reading import LedgerReader, read_ledger
from orchestration.ledger.verifier import Verdict
from orchestration.ledger_check import check_ledger
from orchestration.settings import Settings
from orchestration.warehouse.reader import open_published

SHOWN = 50


def verify(
    settings: Settings, heads: Path | None, public_key: Path | None, *, as_json: bool
) -> int:
    """Hold the ledger to everything that is known of it; return 0 when it is whole, else 1."""
    verdict = check_ledger(settings, heads, public_key)
    if as_json:
        print_json(
            {**asdict(verdict), "is_whole": verdict.is_whole, "first_bad_seq": verdict.first_bad}
        )
    else:
        _print(verdict)
    return 0 if verdict.is_whole else 1


def verify_export(
    settings: Settings, path: Path, heads: Path | None, public_key: Path | None, *, as_json: bool
) -> int:
    """Check an export against its proof and a public key; return 0 when all is well, else 1."""
    key = read_public_key(public_key or (heads or settings.heads) / PUBLIC_FILE)
    count, problems = check_export(path, key)
    if as_json:
        print_json({"events": count, "problems": problems, "is_whole": not problems})
    else:
        console = stdout()
        for problem in problems[:SHOWN]:
            console.print(f"{clean(problem)}", style="red", soft_wrap=True)
        if not problems:
            console.print(f"{count:,} events, all of them as they were signed.")
    return 1 if problems else 0


def export(settings: Settings, out: Path, by: str | None, value: str | None) -> None:
    """Write events to a file, and their proof beside it.

    Raises:
        UsageRefused: The question, the order or the format is not known; nothing is signed.
    """
    chosen = choose(by, value, _keys(settings, by, value))
    head = last_head(settings.heads)
    with read_ledger(settings.ledger_database) as reader:
        if reader is None or head is None:
            raise UsageRefused(
                f"Nothing is signed in {settings.heads} yet: `meshline run` signs the ledger."
            )
        done = export_events(reader, head, out, chosen)
    console = stdout()
    console.print(f"{done.count:,} of {done.size:,} events: {clean(done.path)}", soft_wrap=True)
    console.print(f"Their proof: {clean(done.proof)}", soft_wrap=True)
    console.print(f"Check both with: meshline audit verify --export {clean(done.path)}")


def erase(settings: Settings, about: str, account: str, reason: str) -> None:
    """Erase the details of a person, or the comments on a ticket.

    Raises:
        NotAllowed: The actor is not of control or platform.
        UsageRefused: There is nothing to erase, or no reason is given.
    """
    from orchestration.ledger.errors import NotAllowed
    from orchestration.ledger.heads import sign_head
    from orchestration.ledger.people import find_actor
    from orchestration.ledger.store import open_ledger
    from orchestration.ledger.texts import erase_texts

    if not reason.strip():
        raise UsageRefused("Say why: --reason TEXT.")
    now = datetime.now(UTC)
    with open_ledger(settings.ledger_database) as ledger:
        with ledger.write() as connection:
            actor = find_actor(connection, account)
            if actor.role not in {"control", "platform"}:
                raise NotAllowed(f"{actor.actor_id} is of {actor.role}; control or platform erase.")
            done = sum(
                erase_texts(connection, kind, about, actor=actor, at=now, reason=reason)
                for kind in ("person", "ticket")
            )
            if not done:
                raise UsageRefused(f"There is no text about {about} that could be erased.")
        sign_head(
            ledger, settings.heads, settings.signing_key, at=now, signed_by=actor.principal_id
        )
    stdout().print(f"{done} texts about {clean(about)} are erased; the chain is as it was.")


def accept_lost(settings: Settings, account: str, reason: str) -> None:
    """Say that a part of the ledger is lost for good; the second of two people makes it hold.

    Raises:
        UsageRefused: Nothing is lost, or no reason is given.
        NotAllowed: The actor may not, or is the one who asked.
        WarehouseBusy: A run holds the home.
    """
    from orchestration.ledger.gaps import Gap, accept_gap, lost_head, put_heads_aside
    from orchestration.ledger.heads import sign_head
    from orchestration.ledger.people import find_actor
    from orchestration.ledger.store import open_ledger
    from orchestration.warehouse.connection import writer
    from orchestration.warehouse.ledger_gap import find_lost, put_aside
    from orchestration.warehouse.run_lock import run_lock

    now, console = datetime.now(UTC), stdout()
    with run_lock(settings), open_ledger(settings.ledger_database) as ledger:
        with read_ledger(settings.ledger_database) as reader, writer(settings) as warehouse:
            hashes = lambda seq: _hash_at(reader, seq)  # noqa: E731 - bound to this reader
            part = find_lost(warehouse, hashes)
        with ledger.write() as connection:
            head = lost_head(connection, settings.heads)
            if head is None and not part.is_lost:
                raise UsageRefused("Nothing is lost: the ledger continues what was signed.")
            last = part.last_hash if part.is_lost else ""
            gap_id = f"gap_{(head.last_hash if head is not None else last)[:16]}"
            signed = head.size if head is not None else 0
            gap = Gap(gap_id, signed, part.last, part.kept, part.runs)
            actor = find_actor(connection, account)
            first = accept_gap(connection, gap, actor, at=now, reason=reason)
        if first is None:
            console.print(
                f"{max(signed, part.last) - part.kept:,} events are lost. {clean(actor.actor_id)}"
                " has put that on record; somebody else accepts it with the same command."
            )
            return
        with writer(settings) as warehouse:
            heads = put_aside(warehouse, part.kept)
        aside = put_heads_aside(settings.heads, heads, now)
        sign_head(
            ledger, settings.heads, settings.signing_key, at=now, signed_by=actor.principal_id
        )
    console.print(
        f"The gap is accepted by {clean(first.actor_id)} and {clean(actor.actor_id)}. What was "
        f"signed before is kept in {clean(aside)}. Run again: what holds is taken over anew.",
        soft_wrap=True,
    )


def _hash_at(reader: LedgerReader | None, seq: int) -> str | None:
    """The hash of an event of the ledger."""
    if reader is None:
        return None
    rows = reader.rows("select hash from events where seq = ?", [seq])
    return next((str(row["hash"]) for row in rows), None)


def _keys(settings: Settings, by: str | None, value: str | None) -> tuple[str, ...]:
    """The reconciliation keys of an order or of a customer's orders."""
    if by not in {"order", "customer"} or not value:
        return ()
    from orchestration.reading.orders import resolve_key

    with open_published(settings) as published:
        if by == "order":
            return (resolve_key(published, value),)
        sql = "select recon_key from marts.fct_orders where customer_id = ?"
        keys = tuple(str(row["recon_key"]) for row in published.rows(sql, [value]))
    if not keys:
        raise UsageRefused(f"No order of customer {value} is published.")
    return keys


def _print(verdict: Verdict) -> None:
    """A verdict for people."""
    console = stdout()
    for problem in verdict.problems[:SHOWN]:
        console.print(clean(problem), style="red", soft_wrap=True)
    for finding in verdict.findings[:SHOWN]:
        console.print(f"event {finding.seq}: {clean(finding.what)}", style="red", soft_wrap=True)
    for gap in verdict.gaps:
        console.print(clean(gap), style="yellow", soft_wrap=True)
    console.print(
        f"{verdict.size:,} events, held to {verdict.heads:,} signed heads, "
        f"{verdict.unsigned:,} since the last one."
    )
    if verdict.is_whole:
        console.print("The ledger is whole.")
    else:
        first = verdict.first_bad
        console.print(
            "The ledger is not what was signed."
            if first is None
            else f"The ledger is not whole; the first event that is concerned: {first}.",
            style="bold red",
        )


def show_samples(settings: Settings, period: str | None, *, as_json: bool) -> int:
    """Print the samples of what was decided by hand; 1 when one cannot be drawn again."""
    from orchestration.connectors.operating_model import load_operating_model
    from orchestration.ledger.samples import read_samples
    from orchestration.ledger.store import open_ledger

    model = load_operating_model(settings.seeds)
    with open_ledger(settings.ledger_database) as ledger, ledger.read() as connection:
        samples = read_samples(connection, model, period)
    if as_json:
        print_json({"samples": [asdict(one) for one in samples]})
    else:
        console = stdout()
        if not samples:
            console.print(
                "Nothing is drawn yet: the first run after a month with decisions by hand draws it."
            )
        for one in samples:
            console.print(
                table(
                    f"{one.period}: {len(one.drawn)} of {one.decision_count} decisions by hand, "
                    f"by the hash of event {one.seed_seq}",
                    ("approval", "rule", "because", "looked at by"),
                    [
                        (
                            each["approval_id"],
                            each["sampling_id"],
                            each["because"],
                            each["reviewed_by"] or "nobody yet: meshline approvals review",
                        )
                        for each in one.drawn
                    ],
                )
            )
            if not one.is_repeatable:
                console.print(f"{one.period} cannot be drawn again: rules or record differ.")
    return 0 if all(one.is_repeatable for one in samples) else 1
