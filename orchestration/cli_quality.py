"""`meshline quality`, `value-map` and `synthetic`: what they do and print.

What belongs here: the look of answers, and the order of a synthetic run. What does not: the
questions (`orchestration.reading`) and the cases (`orchestration.synthetic`). Only the command line
may import this.
"""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from rich.text import Text

from orchestration.cli_display import amount, clean, print_json, stderr, stdout, table, text
from orchestration.reading.quality import Target, qualified, read_targets
from orchestration.reading.value_map import VITAL_SHARE, read_value_map
from orchestration.settings import Settings
from orchestration.synthetic import Injection, inject, read_results
from orchestration.warehouse.reader import open_published

DAYS_BACK = 90
LONG_LOOK_DAYS = 400
_VERDICTS = {True: ("met", "green"), False: ("missed", "bold red"), None: ("not measured", "dim")}


def show_quality(settings: Settings, days: int, *, as_json: bool) -> None:
    """Print every quality target with its figure, its sample and whether it is met."""
    with open_published(settings) as published:
        as_of = published.as_of
        bound = {
            "from_on": (as_of - timedelta(days=days)).date(),
            "as_of": as_of.replace(tzinfo=None),
            "segment": "",
            "tier": "",
        }

        def ask(sql: str) -> tuple[dict[str, Any], ...]:
            named = {name: value for name, value in bound.items() if f"${name}" in sql}
            return published.rows(qualified(sql), named)

        targets = read_targets(ask, published.tables.__contains__)
    if as_json:
        print_json({"as_of": as_of, "days": days, "targets": [asdict(one) for one in targets]})
        return
    rows = [
        (
            one.code,
            one.name,
            one.target,
            _written(one),
            one.sample_count,
            text(*_VERDICTS[one.is_met]),
        )
        for one in targets
    ]
    page = stdout()
    page.print(
        table(
            f"Quality over {days} days up to {clean(as_of)} UTC",
            ("", "what.", "target", "measured>.", "of>", ""),
            rows,
        )
    )
    for one in targets:
        said = [one.why] if one.measured is None else []
        if one.beside:
            said.append(one.beside)
        if said:
            page.print(f"{one.code}: {' '.join(said)}", soft_wrap=True)
    if days < LONG_LOOK_DAYS and sum(one.measured is None for one in targets) > 1:
        page.print(
            f"[dim]Only {days} days were looked at; "
            f"`meshline quality --days {LONG_LOOK_DAYS}` looks further back.[/dim]"
        )


def _written(target: Target) -> str:
    """A figure as people read it."""
    if target.measured is None:
        return "-"
    if target.form == "percent":
        return f"{Decimal(target.measured) * 100:.2f} %"
    if target.form == "hours":
        return f"{Decimal(str(target.measured)):.1f} h"
    return clean(target.measured)


def show_value_map(settings: Settings, limit: int, *, as_json: bool) -> None:
    """Print which causes, accounts and orders bring most exceptions."""
    with open_published(settings) as published:
        found, as_of = read_value_map(published, limit), published.as_of
    if as_json:
        print_json({"as_of": as_of, **asdict(found)})
        return
    page = stdout()
    if not found.causes:
        page.print("Nothing is open: there is no exception to map.")
        return
    page.print(
        f"{found.vital_count} of {len(found.causes)} causes bring {VITAL_SHARE * 100:.0f} % of all "
        "open exceptions: begin with those."
    )
    page.print(
        table(
            "Causes",
            ("cause", "owner", "open>", "orders>", "share>", "added up>"),
            [
                (
                    text(row["exception_code"], "bold" if place < found.vital_count else ""),
                    row["owner_role"],
                    row["exception_count"],
                    row["order_count"],
                    _percent(row["share_rate"]),
                    _percent(row["cumulative_rate"]),
                )
                for place, row in enumerate(found.causes)
            ],
        )
    )
    page.print(
        table(
            "Accounts, by what is at stake: worth of their orders, raised by churn risk",
            ("customer", "tier", "owner", "open>", "pass rate>", "churn>", "worth>", "at risk>"),
            [
                (
                    row["customer_id"],
                    row["customer_tier"],
                    row["sales_owner_id"],
                    row["open_exception_count"],
                    _percent(row["pass_rate"]),
                    _percent(row["churn_risk_rate"]),
                    amount(row["total_amount"], row["currency_code"]),
                    amount(row["leak_amount"], row["currency_code"]),
                )
                for row in found.accounts
            ],
        )
    )
    page.print(
        table(
            "Orders, likewise",
            ("order", "type", "customer", "open>", "churn>", "worth>", "at risk>"),
            [
                (
                    row["order_id"],
                    row["order_type"],
                    row["customer_id"],
                    row["open_exception_count"],
                    _percent(row["churn_risk_rate"]),
                    amount(row["total_amount"], row["currency_code"]),
                    amount(row["leak_amount"], row["currency_code"]),
                )
                for row in found.orders
            ],
        )
    )
    page.print("One order: meshline order show ORDER. One cause: meshline exceptions list --class")


def _percent(value: Any) -> str:
    return "-" if value is None else f"{Decimal(str(value)) * 100:.0f} %"


def land_synthetic(settings: Settings, moment: datetime | None) -> Injection:
    """Land the cases of the day and say so."""
    landed = inject(settings, (moment or datetime.now(UTC)).date())
    new = f"{landed.written_count} new" if landed.written_count else "all there already"
    stderr().print(
        f"{landed.case_count} synthetic cases of {landed.day} in {len(landed.files)} files of "
        f"{settings.landing} ({new}).",
        soft_wrap=True,
    )
    return landed


def run_synthetic(settings: Settings, moment: datetime | None, *, as_json: bool) -> int:
    """Land the cases of the day, make a run, print what came of them, return the exit code."""
    from orchestration.cli_run import execute
    from orchestration.session import RunRequest

    landed = land_synthetic(settings, moment)
    result = execute(RunRequest(settings=settings, as_of=moment))
    if result.message:
        stderr().print(f"meshline: {result.message}", soft_wrap=True, style="red")
    if result.exit_code:
        return result.exit_code
    return show_synthetic(settings, 1, as_json=as_json, least=landed.case_count)


def show_synthetic(settings: Settings, days: int, *, as_json: bool, least: int = 0) -> int:
    """Print the results of the last days; 0 when every case came out right, else 1."""
    with open_published(settings) as published:
        every = read_results(published)
    shown = sorted({row["injected_on"] for row in every}, reverse=True)[:days]
    rows = [row for row in every if row["injected_on"] in shown]
    failed = [row for row in rows if row["result_code"] != "PASS"]
    if as_json:
        print_json({"failed_count": len(failed), "results": rows})
    elif not rows:
        stdout().print("No synthetic order is in this publication: meshline synthetic run.")
    else:
        stdout().print(_results(rows))
        stdout().print(
            Text(
                f"{len(rows) - len(failed)} of {len(rows)} came out as expected."
                + (" Look at the others before you trust other figures." if failed else ""),
                style="bold red" if failed else "",
            )
        )
    return 1 if failed or len(rows) < least else 0


def _results(rows: list[dict[str, Any]]) -> Any:
    return table(
        "Synthetic orders",
        ("day", "case", "what is wrong with it.", "expected", "found", "state", ""),
        [
            (
                row["injected_on"],
                row["case_id"],
                row["title"],
                row["expected_codes"] or "nothing",
                row["actual_codes"] or "nothing",
                row["actual_state"],
                text(row["result_code"], "green" if row["result_code"] == "PASS" else "bold red"),
            )
            for row in rows
        ],
    )
