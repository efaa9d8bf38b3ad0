"""Runbooks: the playbook of an exception's class, with the values of this one filled in.

What belongs here: finding the playbook and giving its values. What does not: its shape
(`orchestration.core.policies.playbooks`) and its markup (the template shows it as text).
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from console import formats
from console.vocabulary import Vocabulary
from orchestration.core.policies.playbooks import Playbook, read_playbook
from orchestration.settings import Settings

_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,60}")


def read_runbook(
    settings: Settings, code: str, values: Mapping[str, str | None]
) -> Playbook | None:
    """Return the playbook of a class with values filled in; None when there is none."""
    if not _CODE.fullmatch(code):
        return None
    path = settings.seeds / "playbooks" / f"{code}.md"
    try:
        playbook = _read(path, path.stat().st_mtime_ns)
    except OSError:
        return None
    return playbook.filled(values) if playbook else None


@lru_cache(maxsize=256)
def _read(path: Path, _stamp: int) -> Playbook | None:
    return read_playbook(path.stem, path.read_text(encoding="utf-8"))[0]


def fillings(
    words: Vocabulary,
    row: Mapping[str, Any],
    order: Mapping[str, Any] | None,
    evidence: Mapping[str, Any],
    compared: Mapping[str, Any],
) -> dict[str, str | None]:
    """The values that a playbook may name, as people read them."""
    currency = row["currency_code"]

    def amount(value: Any) -> str | None:
        return None if value is None else formats.money(value, currency, words.exponents)

    version = f" version {evidence['rule_version']}" if evidence.get("rule_version") else ""
    difference = compared.get("difference")
    texts = {
        "order_id": order["order_id"] if order else row["native_ref"],
        "order_type": order["order_type"] if order else None,
        "customer_id": order["customer_id"] if order else None,
        "sales_owner": order["sales_owner_id"] if order else None,
        "line": row["line_key"].rpartition("-")[2],
        "leg": words.label(row["leg_code"]),
        "currency": currency,
        "expected_amount": amount(compared.get("expected")),
        "actual_amount": amount(compared.get("actual")),
        "difference": amount(abs(difference)) if difference is not None else None,
        "leak_amount": amount(row["leak_amount"]),
        "expected_quantity": _number(evidence.get("expected_quantity")),
        "actual_quantity": _number(evidence.get("actual_quantity")),
        "documents": evidence.get("documents"),
        "nearest_miss": evidence.get("nearest_miss"),
        "rule": f"{evidence['rule']}{version}" if evidence.get("rule") else None,
        "opened_at": formats.moment(row["opened_at"]),
        "due_at": formats.moment(row["due_at"]),
        "owner": words.label(row["owner_role"]),
        "approver": words.label(row["approver_role"]),
        "assignee": row["assignee_id"],
    }
    plain = (
        "exception_id",
        "exception_code",
        "recon_key",
        "native_ref",
        "source_system",
        "explanation",
        "incident_id",
        "tenant",
    )
    texts |= {name: row[name] for name in plain}
    return {name: None if value in (None, "") else str(value) for name, value in texts.items()}


def _number(text: Any) -> str | None:
    whole, _, decimals = str(text or "").partition(".")
    return ".".join(part for part in (whole, decimals.rstrip("0")) if part) or None
