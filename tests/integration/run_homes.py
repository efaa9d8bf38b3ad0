"""Homes in which the samples were reconciled once, and the command line as people call it.

What belongs here: making such a home, copying it, calling `meshline`. What does not: a test.
Only tests import this.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.settings import PROJECT_ROOT

SAMPLES = PROJECT_ROOT / "seeds" / "samples"
# Some deadlines of the samples are still to come then.
AS_OF = "2026-06-10T00:00:00+00:00"
# Two days later SO-26007 is of 25 seats instead of 20, the first 20 are paid for, and SO-26099 is
# new.
LATER = "2026-06-12T00:00:00+00:00"
_RENEWAL = {
    "order_id": "SO-26007", "order_type": "renewal", "channel": "direct",
    "customer_id": "cus-ent-07", "contract_id": "CT-07-2", "renews_order_id": "SO-25007",
    "opportunity_id": "OPP-SO-26007", "sales_owner_id": "per-ines", "currency": "USD",
    "ordered_at": "2026-05-09T10:07:00Z", "effective_on": "2026-05-26", "ends_on": "2027-05-25",
    "payment_terms": "net_30", "tax_amount": "1980.00", "total_amount": "25980.00",
    "status": "confirmed", "approved_by": "per-tove", "updated_at": "2026-06-11T09:00:00Z",
}  # fmt: skip
_NEW = {
    **dict.fromkeys(("renews_order_id", "opportunity_id", "ends_on"), ""),
    "order_id": "SO-26099", "order_type": "new", "ordered_at": "2026-06-11T09:30:00Z",
    "effective_on": "2026-06-11", "tax_amount": "0.00", "total_amount": "240.00",
}  # fmt: skip
_SEATS = {
    "order_id": "SO-26007", "line_no": "1", "sku": "SUB-PLAN-PRO", "quantity": "25",
    "unit_price": "960.00", "tax_class": "standard", "tax_amount": "1980.00",
    "service_start_on": "2026-05-26", "service_end_on": "2027-05-25", "status": "open",
    "updated_at": "2026-06-11T09:00:00Z",
}  # fmt: skip
_GOODS = {
    "order_id": "SO-26099", "sku": "HW-GATEWAY", "quantity": "1", "unit_price": "240.00",
    "tax_amount": "0.00", "service_start_on": "", "service_end_on": "",
}  # fmt: skip
_PAID = {
    "payment_id": "SO-26007-P1", "kind": "sale", "order_ref": "SO-26007",
    "customer_id": "cus-ent-07", "amount": "20784.00", "currency": "USD",
    "occurred_at": "2026-06-11T08:00:00Z", "method": "bank_transfer", "status": "succeeded",
    "updated_at": "2026-06-11T08:00:00Z",
}  # fmt: skip
NEWS: Mapping[str, Sequence[Mapping[str, str]]] = {
    "orders": (_RENEWAL, {**_RENEWAL, **_NEW}),
    "order_lines": (_SEATS, {**_SEATS, **_GOODS}),
    "payments": (_PAID,),
}


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and how it ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """Standard output as the one JSON document that it has to be."""
        return json.loads(self.stdout)


def meshline(*arguments: str | Path, program: Sequence[str] = ("-m", "orchestration.cli")) -> Said:
    """Call the command line in a process of its own."""
    done = subprocess.run(
        [sys.executable, *program, *map(str, arguments)],
        cwd=PROJECT_ROOT,
        env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def reconcile_samples(home: Path, *options: str) -> Said:
    """Run the samples in a home, at the moment that all these tests share."""
    return meshline("run", "--landing", SAMPLES, "--as-of", AS_OF, "--home", home, *options)


def reconcile_news(home: Path, folder: Path) -> Said:
    """Run once more in a home of the samples, over what came two days later."""
    for name, rows in NEWS.items():
        place = folder / "generic" / f"{name}_2026-06-11.csv"
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return meshline("run", "--landing", folder, "--as-of", LATER, "--home", home, "--json")


def copy_home(home: Path, folder: Path) -> Path:
    """Return a copy of a home that a test may do anything to."""
    return Path(shutil.copytree(home, folder / "home", symlinks=True))
