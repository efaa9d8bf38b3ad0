"""Requests for decisions by hand, as the ledger has them.

What belongs here: reading them for pages. What does not: asking, signing and taking back
(`console.ledger_desk`), and which of them a viewer may see. Only the desk imports this.

Without a ledger, or before its first request, there are none.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from orchestration.ledger.reading import LedgerReader

Approval = dict[str, Any]
# What waits comes first, so that no request is lost behind many that were decided.
_LATEST = (
    "select * from approvals order by "
    "case when state_code in ('requested', 'in_force_unreviewed') then 0 else 1 end, "
    "requested_at desc, approval_id limit 300"
)
_OF_ORDER = "select * from approvals where recon_key = ? order by requested_at desc limit 50"
_ONE = "select * from approvals where approval_id = ?"
_REVIEWS = (
    "select at, actor_id, action, reason from events "
    "where subject_id = ? and action = 'override_reviewed' order by seq desc limit 20"
)
_OF_ACTION = "select * from approvals where action_code = ? order by requested_at desc limit 100"


def latest(reader: LedgerReader | None) -> list[Approval]:
    """The latest requests, what waits first."""
    return _read(reader, _LATEST, [])


def for_action(reader: LedgerReader | None, action_code: str) -> list[Approval]:
    """The latest requests for one action, newest first."""
    return _read(reader, _OF_ACTION, [action_code])


def one(reader: LedgerReader | None, approval_id: str | None) -> Approval | None:
    """One request; None when there is none."""
    return next(iter(_read(reader, _ONE, [approval_id])), None)


def about(
    reader: LedgerReader | None,
    exception_id: str,
    recon_key: str | None,
    native_ref: str | None,
) -> list[Approval]:
    """The requests about one exception, or the one that it tells of, newest first."""
    of_order = _rows(reader, _OF_ORDER, [recon_key]) if recon_key else ()
    # A match by hand may be asked for on the page of another order or document.
    rows = [*of_order, *_rows(reader, _LATEST, []), *_rows(reader, _ONE, [native_ref])]
    found = {
        row["approval_id"]: row
        for row in rows
        if exception_id in row["decision"] or row["approval_id"] == native_ref
    }
    return sorted(map(_approval, found.values()), key=_requested_at, reverse=True)


def reviews(reader: LedgerReader | None, subject: str) -> list[dict[str, Any]]:
    """What looking again at a decision or an alarm has shown, the latest first."""
    if reader is None or not reader.has_table("events"):
        return []
    return list(reader.rows(_REVIEWS, [subject]))


def _read(reader: LedgerReader | None, sql: str, values: Sequence[Any]) -> list[Approval]:
    return [_approval(row) for row in _rows(reader, sql, values)]


def _rows(reader: LedgerReader | None, sql: str, values: Sequence[Any]) -> Iterator[dict[str, Any]]:
    if reader is not None and reader.has_table("approvals"):
        yield from reader.rows(sql, list(values))


def _requested_at(row: Mapping[str, Any]) -> str:
    return str(row["requested_at"])


def _approval(row: Mapping[str, Any]) -> Approval:
    return {
        **row,
        "amount": Decimal(row["amount"]),
        "required_roles": tuple(row["required_roles"].split(";")),
        "signatures": json.loads(row["signatures"]),
        "decision": json.loads(row["decision"]),
    }
