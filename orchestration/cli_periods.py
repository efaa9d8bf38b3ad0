"""`meshline period`: closing months, listing them, opening them again.

What belongs here: the commands and what they print. What does not: who must sign
(`seeds/policies/approval_limits.csv`), and what a closed period reports (the marts of periods).
Only `orchestration.cli` may import this.

Closing is asked for by one and signed by others, like every decision; the next run puts it in force
and its moment is the close: what is known then is what the period's report says from then on.
"""

import re
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from orchestration.cli_options import Actor, Home, Json, settings_of
from orchestration.core.errors import UsageRefused

PERIOD = re.compile(r"^(\d{4})-(0[1-9]|1[0-2])$")
CLOSE = "period_close"

period_app = typer.Typer(no_args_is_help=True, help="Months: closed, locked and reported.")

Period = Annotated[str, typer.Argument(metavar="YYYY-MM", help="A month that is over.")]
Tenant = Annotated[str, typer.Option("--tenant", metavar="TENANT", help="Whose; * for all.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="At least 15 characters.")]


def checked_period(text: str, today: date) -> str:
    """Return a period that can be closed.

    Raises:
        UsageRefused: It is no month, or not over yet.
    """
    found = PERIOD.match(text)
    if found is None:
        raise UsageRefused(f"{text!r} is no month: give YYYY-MM, such as 2026-05.")
    if date(int(found[1]), int(found[2]), 1) >= today.replace(day=1):
        raise UsageRefused(f"{text} is not over yet, so it cannot be closed.")
    return text


@period_app.command("close")
def close(
    period: Period,
    actor: Actor,
    reason: Reason,
    tenant: Tenant = "*",
    code: Annotated[str, typer.Option("--code", metavar="CODE")] = "PERIOD_COMPLETE",
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Ask for a month to be closed; others sign, and the next run closes it.

    From then on its report says what was known at the close; what comes later is listed as late.
    """
    from decimal import Decimal

    from orchestration.cli_decide import desk_of, print_outcome
    from orchestration.ledger.approval_asking import Request
    from orchestration.ledger.approval_base import Account, Decision

    checked_period(period, datetime.now(UTC).date())
    with desk_of(settings_of(home=home), actor) as (desk, _):
        risk_currency = next(
            name for name, factor in sorted(desk.model.risk_factors.items()) if factor == 1
        )
        decision = Decision(
            action_code=CLOSE,
            tenant=tenant,
            recon_key=None,
            order_version=None,
            currency_code=risk_currency,
            amount=Decimal(0),
            details={"period": period},
        )
        asked = Request(
            decision=decision,
            reason_code=code,
            reason=reason,
            nonce=f"{CLOSE}/{tenant}/{period}/{desk.clock():%Y%m%d%H%M%S}",
            accountable_role="finance",
        )
        outcome = desk.ask(asked, Account(actor))
        whose = "all tenants" if tenant == "*" else f"tenant {tenant}"
        print_outcome(outcome, as_json=as_json, lines=[f"Close {period} of {whose}."])


@period_app.command("reopen")
def reopen(
    period: Period,
    actor: Actor,
    reason: Reason,
    tenant: Tenant = "*",
    code: Annotated[str, typer.Option("--code", metavar="CODE")] = "FACTS_CHANGED",
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Take the close of a month back; on record, and the next run reports it as it is now."""
    from orchestration.cli_decide import desk_of, print_outcome
    from orchestration.ledger.approval_base import Account

    with desk_of(settings_of(home=home), actor) as (desk, _):
        with desk.ledger.read() as connection:
            found = closings(connection, period=period, tenant=tenant)
        if not found:
            raise UsageRefused(
                f"{period} is not closed for {tenant}; `meshline period list` shows what is."
            )
        outcome = desk.revoke(str(found[0]["approval_id"]), Account(actor), code, reason)
        print_outcome(outcome, as_json=as_json, lines=[f"The close of {period} is taken back."])


@period_app.command("list")
def list_periods(as_json: Json = False, home: Home = None) -> None:
    """Show the months that are published: closed or open, and what came late to them."""
    from orchestration.cli_display import amount, clean, print_json, stdout, table
    from orchestration.reading.periods import read_periods
    from orchestration.warehouse.reader import open_published

    with open_published(settings_of(home=home)) as published:
        rows = read_periods(published)
    if as_json:
        print_json(rows)
        return
    columns = (
        "period",
        "tenant",
        "currency",
        "stage",
        "amount>",
        "closed",
        "late>",
        "late amount>",
    )
    shown = table(
        "Months",
        columns,
        [
            [
                row["period_code"],
                clean(row["tenant"]),
                row["currency_code"],
                row["stage_code"],
                amount(row["amount"]),
                f"{row['closed_at']:%Y-%m-%d}" if row["closed_at"] is not None else "open",
                row["late_count"],
                amount(row["late_amount"]),
            ]
            for row in rows
        ],
    )
    stdout().print(shown if rows else "No document lies in any month yet.")


def closings(connection: object, *, period: str, tenant: str) -> list[dict[str, object]]:
    """Return the live requests to close a month, newest first."""
    from orchestration.core.work.approval_states import LIVE
    from orchestration.ledger.approval_desk import list_approvals

    rows = list_approvals(connection, sorted(LIVE), 1_000)  # type: ignore[arg-type]
    return [
        row
        for row in rows
        if row["action_code"] == CLOSE
        and row["decision"]["details"].get("period") == period
        and row["decision"]["tenant"] == tenant
    ]
