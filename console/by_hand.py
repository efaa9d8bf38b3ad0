"""Decisions by hand that are asked for on the page of an exception: write-offs, values, matches.

What belongs here: what the forms offer, and reading them with every problem told at once. What does
not: what is decided about (`orchestration.reading.decisions` finds it in the publication), asking
and signing (the ledger).

A form names only what the viewer may see: documents of others answer like documents that do not
exist.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from console.access.viewer import Viewer
from console.data import Data
from console.ledger_desk import LEAST_REASON, Desk
from orchestration.core.errors import UsageRefused
from orchestration.reading.decisions import (
    MANUAL_MATCH,
    VALUE_OVERRIDE,
    Extras,
    Proposal,
    propose,
)
from orchestration.reading.documents import VALUES, typed_value

if TYPE_CHECKING:
    from orchestration.ledger.approval_base import Outcome

WRITE_OFF = "write_off"
# What the buttons of the forms say: each asks for one kind of decision.
ACTIONS = {"request": WRITE_OFF, VALUE_OVERRIDE: VALUE_OVERRIDE, MANUAL_MATCH: MANUAL_MATCH}
LOOSE = """
    select exception_id, native_ref, leak_amount, currency_code, explanation
    from fct_exceptions
    where recon_key is null and match_id is null and leg_code = $leg_code and tenant = $tenant
        and (currency_code = $currency or $currency = '') and exception_id <> $exception_id
    order by abs(leak_amount - $amount), exception_id
    limit 12
"""
MAY_SEE = """
    select 1 as found from fct_orders where recon_key = $name or order_id = $name
    union all
    select 1 as found from fct_exceptions
    where native_ref = $name or exception_id = $name
    limit 1
"""
TICK = "with_"
MOST_NAMES = 50
Row = Mapping[str, Any]
Form = Mapping[str, str]
# The order, what of it, and the value or members: as `propose` takes them.
Subject = tuple[str, str, Extras]


class FieldsWrong(UsageRefused):
    """A form cannot be taken; every field that stands in the way is named.

    Attributes:
        fields: What is wrong, by the name of the field.
    """

    def __init__(self, fields: Mapping[str, str]) -> None:
        """`fields` holds one sentence for each field."""
        super().__init__(" ".join(fields.values()))
        self.fields = dict(fields)


@dataclass(frozen=True, slots=True)
class Offers:
    """What the forms of one exception offer.

    Attributes:
        reasons: By kind of decision: codes and words.
        write_off: What writing its difference off would decide; None where no group of an order's
            leg differs: a run finds nothing there to close.
        documents: Documents whose value can be replaced, by the name that a form sends.
        loose: Documents of the leg that are matched with nothing, the nearest amount first.
        can_match: Whether something can be put together with it.
        nonce: Makes a double click one request.
    """

    reasons: Mapping[str, Sequence[tuple[str, str]]]
    write_off: Proposal | None
    documents: Mapping[str, Row]
    loose: Sequence[Row]
    can_match: bool
    nonce: str


def offers_of(desk: Desk, data: Data, row: Row, members: Sequence[Row]) -> Offers:
    """What can be asked for about an open exception whose match has these members."""
    is_loose = row["recon_key"] is None and row["match_id"] is None
    can_match = bool(row["leg_code"]) and (is_loose or row["match_id"] is not None)
    asked = {
        "leg_code": row["leg_code"],
        "tenant": row["tenant"],
        "currency": row["currency_code"] or "",
        "exception_id": row["exception_id"],
        "amount": row["leak_amount"] or Decimal(0),
    }
    return Offers(
        reasons={kind: desk.reasons(kind) for kind in ACTIONS.values()},
        write_off=_write_off(desk, data, row),
        documents={
            _name(one): one
            for one in members
            if row["recon_key"] is not None and one["recon_key"] == row["recon_key"]
        },
        loose=data.rows(LOOSE, **asked) if can_match and not is_loose else (),
        can_match=can_match,
        nonce=secrets.token_hex(16),
    )


def ask(
    desk: Desk,
    viewer: Viewer,
    data: Data,
    row: Row,
    members: Sequence[Row],
    form: Form,
) -> "Outcome":
    """Ask for what a form says about an exception; others sign it.

    Raises:
        FieldsWrong: Some field cannot be taken; all of them are named.
        UsageRefused: Nothing of that kind is open.
    """
    from orchestration.ledger.approval_asking import Request

    kind = ACTIONS[form["action"]]
    offers = offers_of(desk, data, row, members)
    wrong = _reason_problems(offers, kind, form)
    subject: Subject | None = None
    if kind == VALUE_OVERRIDE:
        subject = _value(row, offers, form, wrong)
    elif kind == MANUAL_MATCH:
        subject = _match(data, row, form, wrong)
    if wrong:
        raise FieldsWrong(wrong)
    proposal = offers.write_off
    if subject is not None:
        order, what, extras = subject
        proposal = propose(data.published, desk.model, kind, order, what, _today(), extras)
    if proposal is None:
        raise UsageRefused("Nothing here can be written off: no leg of an order differs by it.")
    return desk.ask(
        viewer,
        Request(
            decision=proposal.decision,
            reason_code=form["code"],
            reason=form["reason"].strip(),
            nonce=form.get("nonce", ""),
            accountable_role=proposal.accountable_role,
            customer_id=proposal.customer_id,
            tier_code=proposal.tier_code,
        ),
    )


def _write_off(desk: Desk, data: Data, row: Row) -> Proposal | None:
    """The whole difference of the group that an exception is about."""
    if not row["leak_amount"] or row["recon_key"] is None or row["match_id"] is None:
        return None
    order, what = str(row["recon_key"]), str(row["exception_id"])
    try:
        return propose(data.published, desk.model, WRITE_OFF, order, what, _today())
    except UsageRefused:
        return None


def _today() -> date:
    return datetime.now(UTC).date()


def _reason_problems(offers: Offers, kind: str, form: Form) -> dict[str, str]:
    wrong = {}
    if form.get("code", "") not in {code for code, _ in offers.reasons[kind]}:
        wrong["code"] = "Choose a reason of the list."
    if len(" ".join(form.get("reason", "").split())) < LEAST_REASON:
        wrong["reason"] = f"Say why in at least {LEAST_REASON} characters: others sign by it."
    return wrong


def _value(row: Row, offers: Offers, form: Form, wrong: dict[str, str]) -> Subject:
    """The document, and the value that is to count for it."""
    document, value = form.get("document", ""), form.get("value", "").strip()
    value_code = form.get("value_code", "")
    if document not in offers.documents:
        wrong["document"] = "Choose the document whose value is replaced."
    if value_code not in VALUES:
        wrong["value_code"] = "Choose whether an amount or a quantity is replaced."
    else:
        try:
            typed_value(value_code, value)
        except UsageRefused as refused:
            wrong["value"] = str(refused)
    return str(row["recon_key"]), document, Extras(value_code, value)


def _match(data: Data, row: Row, form: Form, wrong: dict[str, str]) -> Subject:
    """What is put together with the order of an exception, or with a document without one."""
    ticked = [name.removeprefix(TICK) for name in form if name.startswith(TICK)]
    typed = form.get("members", "").replace(",", " ").split()
    names = list(dict.fromkeys([*ticked, *typed]))
    is_loose = row["recon_key"] is None and row["match_id"] is None
    if not names:
        wrong["members"] = (
            "Name the order that this document belongs to."
            if is_loose
            else "Tick or name what belongs together with it."
        )
    elif len(names) > MOST_NAMES:
        wrong["members"] = f"Name at most {MOST_NAMES} documents and orders."
    elif not data.viewer.role.rows.is_whole:
        hidden = [name for name in names if data.one(MAY_SEE, name=name) is None]
        if hidden:
            wrong["members"] = f"{', '.join(hidden)}: nothing that you may see goes by that."
    own = row["recon_key"] or row["exception_id"]
    if is_loose and names:
        return names[0], row["leg_code"], Extras(members=(own, *names[1:]))
    return own, row["leg_code"], Extras(members=tuple(names))


def _name(member: Row) -> str:
    """A document as a decision names it: its id, with the line where it has one."""
    line = f"/{member['line_no']}" if member["line_no"] else ""
    return f"{member['native_id']}{line}"
