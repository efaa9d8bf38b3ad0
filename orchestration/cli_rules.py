"""`meshline rules`: what it prints.

What belongs here: the look of the answer, and the file of orders. What does not: deciding with
proposed rules (`orchestration.shadow`). Only `orchestration.cli` may import this.
"""

import csv
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from orchestration.cli_display import amount, print_json, stderr, stdout, table
from orchestration.cli_progress import observer
from orchestration.cli_run import terminated_like_interrupted
from orchestration.settings import Settings
from orchestration.shadow import Shadow, as_rows, shadow

SHOWN_ORDERS = 20


def show_shadow(settings: Settings, path: Path, out: Path | None, *, as_json: bool) -> int:
    """Shadow proposed rules and say what they would change; return 0."""
    settings.scratch.mkdir(parents=True, exist_ok=True)
    with (
        terminated_like_interrupted(),
        TemporaryDirectory(dir=settings.scratch) as folder,
        observer(stderr()) as watching,
    ):
        found = shadow(settings, path, Path(folder), datetime.now(UTC), watching)
    if out is not None:
        rows = as_rows(found.orders)
        with out.open("w", encoding="utf-8", newline="") as file:
            header = list(rows[0]) if rows else ["order_id"]
            writer = csv.DictWriter(file, header, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    if as_json:
        print_json(
            {
                "run_no": found.run.run_no,
                "as_of": found.run.as_of,
                "proposals": [{"file": one.place, "sha256": one.digest} for one in found.proposals],
                "classes": [asdict(one) for one in found.classes],
                "orders": [asdict(one) for one in found.orders],
                "is_same_product": found.is_same_product,
                "result_id": found.result_id,
            }
        )
    else:
        _print(found, out)
    return 0


def _print(found: Shadow, out: Path | None) -> None:
    """Print the answer for people."""
    console = stdout()
    files = ", ".join(one.place for one in found.proposals)
    console.print(
        f"{files} on what was known at {found.run.as_of:%Y-%m-%d %H:%M} UTC "
        f"(run {found.run.run_no}): {len(found.orders)} orders would stand otherwise. "
        "Nothing was changed.",
        soft_wrap=True,
    )
    if not found.is_same_product:
        console.print(
            "Rules or SQL have changed since that run, so part of this may come from them: run "
            "`meshline run` first to compare with the rules as they are.",
            soft_wrap=True,
        )
    if found.classes:
        console.print(
            table(
                "Exceptions by class",
                ["class", "currency", "before>", "after>", "new>", "gone>", "leak now>", "then>"],
                [
                    [
                        one.exception_code,
                        one.currency_code,
                        one.before_count,
                        one.after_count,
                        one.new_count,
                        one.gone_count,
                        amount(one.before_amount),
                        amount(one.after_amount),
                    ]
                    for one in found.classes
                ],
            )
        )
    if found.orders:
        console.print(
            table(
                "Orders, the most money first",
                ["order", "state now", "then", "exceptions now.", "then.", "leak now>", "then>"],
                [
                    [
                        one.order_id,
                        one.before_state,
                        one.after_state,
                        one.before_codes,
                        one.after_codes,
                        amount(one.before_amount),
                        amount(one.after_amount),
                    ]
                    for one in found.orders[:SHOWN_ORDERS]
                ],
            )
        )
    if len(found.orders) > SHOWN_ORDERS:
        console.print(f"and {len(found.orders) - SHOWN_ORDERS} more: --out FILE has them all.")
    console.print(f"Kept for the console, page Rules: shadows/{found.result_id}.json")
    if out is not None:
        console.print(f"All orders that change: {out}", soft_wrap=True)
