"""The figures of a publication as a page.

What belongs here: the look of a summary. What does not: its figures
(`orchestration.reading.summary`). Only the command line may import this.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from orchestration.cli_display import amount, clean, severity, table, text
from orchestration.reading.summary import Summary

SHOWN_CLASSES = 15


def print_figures(console: Console, summary: Summary) -> None:
    """Print orders, legs and open exceptions."""
    rate = summary.reconciled_rate
    said = "no order is due yet"
    if rate is not None:
        said = (
            f"{rate * 100:.2f} % of the orders due ({summary.reconciled_count:,} of "
            f"{summary.due_count:,})"
        )
    console.print(f"Reconciled: {said}{_apart(summary)}")
    console.print()
    for title, columns, rows in _tables(summary):
        console.print(table(title, columns, rows))
        console.print()
    leaks = ", ".join(amount(total, code) for code, total in summary.leak_by_currency().items())
    console.print(f"Money at risk in open exceptions: {leaks or 'none'}")
    if summary.held:
        held = ", ".join(
            f"{row['artifact_count']:,} ({amount(row['amount'], row['currency_code'])})"
            for row in summary.held
        )
        console.print(f"Held back from downstream systems: {held}")
    console.print()


def print_where_next(console: Console, summary: Summary) -> None:
    """Say which commands show more."""
    console.print(Text("Where to look next", style="bold"))
    if summary.exceptions:
        worst = clean(summary.exceptions[0]["exception_code"])
        console.print(f"  meshline exceptions list --class {worst}")
    console.print("  meshline exceptions show ID      one difference with its evidence")
    console.print("  meshline order show KEY          one order: versions, legs, matches, events")
    console.print("  meshline status                  this page again")


def _apart(summary: Summary) -> str:
    """Orders that are in no rate."""
    parts = []
    if summary.zero_value_count:
        parts.append(f"{summary.zero_value_count:,} without value")
    if summary.not_real_count:
        parts.append(f"{summary.not_real_count:,} test or synthetic")
    return f"; counted apart: {', '.join(parts)}" if parts else ""


def _tables(summary: Summary) -> Iterable[tuple[str, list[str], Iterable[list[object]]]]:
    """The tables of a summary, empty ones left out."""
    if summary.orders:
        yield (
            "Orders",
            ["state", "orders>", "value>"],
            (
                [row["state_code"], row["order_count"], amount(row["amount"], row["currency_code"])]
                for row in summary.orders
            ),
        )
    if summary.legs:
        columns = ["leg_code", "due_count", "matched_count", "exception_count", "overdue_count"]
        yield (
            "Legs",
            ["leg", "due>", "matched>", "in exception>", "overdue>"],
            ([row[name] for name in columns] for row in summary.legs),
        )
    if summary.exceptions:
        shown = summary.exceptions[:SHOWN_CLASSES]
        rest = len(summary.exceptions) - len(shown)
        yield (
            "Open exceptions, the most money first"
            + (f" ({rest} smaller groups not shown)" if rest else ""),
            ["class", "severity", "owner", "open>", "money at risk>", "kind"],
            (_class_row(row) for row in shown),
        )


def _class_row(row: Mapping[str, Any]) -> list[object]:
    return [
        text(row["exception_code"], "bold"),
        severity(row["severity_code"]),
        row["owner_role"],
        row["exception_count"],
        amount(row["leak_amount"], row["currency_code"]),
        row["leak_kind"],
    ]
