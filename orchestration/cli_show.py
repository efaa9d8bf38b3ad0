"""`meshline status` and `exceptions`: what they print.

What belongs here: the look of answers. What does not: the questions (`orchestration.reading`).
Only `orchestration.cli` may import this.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from orchestration.cli_display import amount, clean, print_json, severity, stdout, table, text
from orchestration.cli_summary import print_figures, print_where_next
from orchestration.cli_tickets import first_of, print_ticket
from orchestration.ledger.waiting import waiting_approvals
from orchestration.reading.exceptions import Among, find_exception, list_exceptions
from orchestration.reading.summary import read_summary
from orchestration.settings import Settings
from orchestration.warehouse.reader import NothingPublished, open_published
from orchestration.warehouse.runs import RunRecord, current_holder, last_run

EMPTY = (
    "Nothing is published in {home} yet. `make run` reconciles the samples; "
    "`meshline run --landing DIR` reads your own extracts."
)
SHOWN_GATE_WARNINGS = 10
WAITS = "Waits for an approval. "


def show_status(settings: Settings, *, as_json: bool) -> None:
    """Print how the home stands: the run at work, the last run, what is published."""
    now = datetime.now(UTC)
    record, holder = last_run(settings, now=now), current_holder(settings, now=now)
    try:
        with open_published(settings) as published:
            summary = read_summary(published)
    except NothingPublished:
        summary = None
    if as_json:
        print_json(
            {
                "home": str(settings.home),
                "running": asdict(holder) if holder is not None else None,
                "last_run": asdict(record) if record is not None else None,
                "published": None
                if summary is None
                else {
                    **asdict(summary),
                    "reconciled_rate": summary.reconciled_rate,
                    "leak_by_currency": summary.leak_by_currency(),
                },
            }
        )
        return
    console = stdout()
    if holder is not None:
        console.print(f"A run is at work: process {holder.pid} since {clean(holder.since)} UTC.")
    if record is not None:
        _print_record(console, record)
    if summary is None:
        console.print(EMPTY.format(home=settings.home), soft_wrap=True)
        return
    published_line = f"Published: run {summary.run_no}, moment {clean(summary.as_of)} UTC"
    console.print(Text(published_line, style="bold"))
    print_figures(console, summary)
    print_where_next(console, summary)


def show_exceptions(
    settings: Settings,
    filters: Mapping[str, str | None],
    limit: int,
    *,
    waiting: bool | None = None,
    as_json: bool,
) -> None:
    """Print open differences, the worst first; `waiting` chooses what waits to be signed."""
    asked = waiting_approvals(settings.ledger_database, datetime.now(UTC))
    among = None if waiting is None else Among(asked.keys(), waiting)
    with open_published(settings) as published:
        found = list_exceptions(published, filters, limit, among)
        as_of = published.as_of
    if as_json:
        listed = [{**row, **_waits(row, asked)} for row in found.rows]
        print_json({"as_of": as_of, "found": found.found, "exceptions": listed})
        return
    console = stdout()
    given = {name: value for name, value in filters.items() if value is not None}
    if waiting is not None:
        given["approval"] = "asked for" if waiting else "not asked for"
    if not found.rows:
        told = ", ".join(f"{name} {clean(value)}" for name, value in given.items())
        console.print(
            f"No exception for {told}. `meshline status` shows which classes there are."
            if given
            else "No exception: every difference is explained or settled."
        )
        return
    console.print(
        table(
            f"{len(found.rows)} of {found.found:,} exceptions, moment {clean(as_of)} UTC",
            ["id", "class", "severity", "order", "at risk>", "owner", "due", "what happened."],
            (_exception_row(row, as_of, asked) for row in found.rows),
        )
    )
    if found.found > len(found.rows):
        console.print(f"--limit {found.found} shows all.")


def show_exception(settings: Settings, exception_id: str, *, as_json: bool) -> None:
    """Print one difference with its evidence."""
    with open_published(settings) as published:
        row = find_exception(published, exception_id)
    view = first_of(settings, str(row["exception_id"]))
    asked = waiting_approvals(settings.ledger_database, datetime.now(UTC))
    row |= _waits(row, asked)
    if as_json:
        told = {"ticket": view.ticket, "notes": view.notes, "events": view.events} if view else {}
        print_json({**row, "evidence": _evidence(row.get("evidence")), **told})
        return
    console = stdout()
    heading = f"{clean(row['exception_code'])}  {clean(row['exception_id'])}"
    console.print(Text(heading, style="bold"))
    console.print(text(row["explanation"]), soft_wrap=True)
    console.print()
    for label, value in _facts(row):
        console.print(Text(f"  {label:<14}", style="dim"), value, sep="", soft_wrap=True)
    evidence = _evidence(row.get("evidence"))
    if evidence:
        console.print()
        console.print(Text("Evidence", style="bold"))
        for line in _outline(evidence):
            console.print(Text(f"  {line}"), soft_wrap=True)
    if view is not None:
        console.print()
        console.print(Text("Ticket", style="bold"))
        print_ticket(settings, view)


def _print_record(console: Console, record: RunRecord) -> None:
    """The last run, and what its gates had to say."""
    console.print(
        f"Last run: {record.run_no}, {record.status.value}, begun {clean(record.started_at)} UTC, "
        f"moment {clean(record.as_of)} UTC"
    )
    if record.message:
        console.print(Text(f"  {clean(record.message)}", style="yellow"), soft_wrap=True)
    for gate in record.report.get("gates", ()):
        blocking, warnings = gate["blocking"], gate["warnings"]
        console.print(
            f"  {clean(gate['gate'])} gate: {gate['checks']} checks, {len(blocking)} refusals, "
            f"{len(warnings)} warnings"
        )
        for sentence in [*blocking, *warnings][:SHOWN_GATE_WARNINGS]:
            console.print(Text(f"    {clean(sentence)}", style="yellow"), soft_wrap=True)
    console.print()


def _waits(row: Mapping[str, Any], asked: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Whether an exception waits for an approval, and for which; computed, never stored."""
    approvals = asked.get(str(row["exception_id"]), ())
    return {"is_waiting_for_approval": bool(approvals), "approvals_asked_for": list(approvals)}


def _exception_row(
    row: Mapping[str, Any], as_of: datetime, asked: Mapping[str, tuple[str, ...]]
) -> list[object]:
    due = row["due_at"]
    is_late = due is not None and due < as_of.replace(tzinfo=None)
    return [
        str(row["exception_id"])[:12],
        text(row["exception_code"], "bold"),
        severity(row["severity_code"]),
        row["native_ref"] or row["recon_key"],
        amount(row["leak_amount"], row["currency_code"]),
        row["owner_role"],
        text(due, "red" if is_late else ""),
        (WAITS if row["exception_id"] in asked else "") + row["explanation"],
    ]


def _facts(row: Mapping[str, Any]) -> list[tuple[str, Text]]:
    return [
        ("order", text(row["recon_key"])),
        ("document", text(row["native_ref"])),
        ("leg", text(row["leg_code"])),
        ("severity", severity(row["ticket_severity_code"])),
        ("at risk", text(amount(row["leak_amount"], row["currency_code"]))),
        ("kind of risk", text(row["leak_kind"])),
        ("owner", text(row["owner_role"])),
        ("assignee", text(row["assignee_id"])),
        ("approver", text(row["approver_role"])),
        ("status", text(row["status_code"])),
        ("waits for", text(", ".join(row["approvals_asked_for"]) or None)),
        ("opened", text(row["opened_at"])),
        ("due", text(row["due_at"])),
    ]


def _evidence(value: object) -> object:
    """Evidence is kept as JSON text; what is not JSON is shown as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _outline(value: object, indent: str = "") -> list[str]:
    """A JSON value as indented lines."""
    if isinstance(value, Mapping):
        pairs = [(f"{clean(name)}: ", each) for name, each in value.items()]
    elif isinstance(value, list):
        pairs = [("- ", each) for each in value]
    else:
        return [indent + clean(value)]
    lines = []
    for label, each in pairs:
        if isinstance(each, Mapping | list) and each:
            lines += [indent + label.rstrip(), *_outline(each, indent + "  ")]
        else:
            lines.append(indent + label + clean(each or "-"))
    return lines
