"""Decisions by hand on the page of an exception: asking for them, and looking at them again.

What belongs here: what the forms offer, and reading them with every problem told at once. What does
not: what is decided about (`orchestration.reading.decisions` finds it in the publication), asking
and signing (the ledger).

A form names only what the viewer may see: documents of others answer like documents that do not
exist.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from console.access.viewer import Viewer
from console.data import Data
from console.ledger_desk import LEAST_REASON, Desk
from orchestration.core.errors import UsageRefused
from orchestration.core.policies.rows import BREAK_GLASS_REVIEW
from orchestration.ledger.approval_base import APPROVAL_PREFIX
from orchestration.reading.decisions import (
    CHANGES,
    GATE_WAIVER,
    KEY_OVERRIDE,
    LEG_ACTIONS,
    MANUAL_MATCH,
    VALUE_CHANGE,
    VALUE_OVERRIDE,
    Extras,
    Proposal,
    closed_by,
    propose,
)
from orchestration.reading.documents import VALUES, typed_value

if TYPE_CHECKING:
    from orchestration.ledger.approval_base import Outcome

FORCED_MATCH, WRITE_OFF = LEG_ACTIONS
# What the buttons of the forms say: each asks for one kind of decision.
ACTIONS = {
    "request": WRITE_OFF,
    FORCED_MATCH: FORCED_MATCH,
    GATE_WAIVER: GATE_WAIVER,
    KEY_OVERRIDE: KEY_OVERRIDE,
    VALUE_CHANGE: VALUE_CHANGE,
    VALUE_OVERRIDE: VALUE_OVERRIDE,
    MANUAL_MATCH: MANUAL_MATCH,
}
GATES = "gate"
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
# Why a kind has nothing to decide about.
NO = {
    WRITE_OFF: "no documents that were compared differ in money by it.",
    FORCED_MATCH: "no documents that were compared differ by it.",
    GATE_WAIVER: "it is no check that holds the order.",
    KEY_OVERRIDE: "no key was changed by hand.",
    VALUE_CHANGE: "no value was changed by hand outside.",
}
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
        days: By kind of decision: for how many days it then holds; None until it is taken back.
        settling: What the publication says all of, so that people add the reason alone: by button
            what would be decided. Empty where a run would find nothing to close or to let go.
        documents: Documents whose value can be replaced, by the name that a form sends.
        loose: Documents of the leg that are matched with nothing, the nearest amount first.
        can_match: Whether something can be put together with it.
        nonce: Makes a double click one request.
        can_review: Whether it tells of a decision or an alarm that the viewer may review.
    """

    reasons: Mapping[str, Sequence[tuple[str, str]]]
    days: Mapping[str, int | None]
    settling: Mapping[str, Proposal]
    documents: Mapping[str, Row]
    loose: Sequence[Row]
    can_match: bool
    nonce: str
    can_review: bool


def offers_of(desk: Desk, data: Data, row: Row, members: Sequence[Row]) -> Offers:
    """What can be asked for about an open exception whose match has these members."""
    can_request = data.viewer.can("request")
    is_loose = row["recon_key"] is None and row["match_id"] is None
    can_match = can_request and bool(row["leg_code"]) and (is_loose or row["match_id"] is not None)
    asked = {
        "leg_code": row["leg_code"],
        "tenant": row["tenant"],
        "currency": row["currency_code"] or "",
        "exception_id": row["exception_id"],
        "amount": row["leak_amount"] or Decimal(0),
    }
    return Offers(
        reasons={kind: desk.reasons(kind) for kind in (*ACTIONS.values(), BREAK_GLASS_REVIEW)},
        days={
            kind: desk.model.validity_of(kind, _today()).effect_days for kind in ACTIONS.values()
        },
        settling=_settling(desk, data, row) if can_request else {},
        documents={
            _name(one): one
            for one in members
            if can_request and row["recon_key"] is not None and one["recon_key"] == row["recon_key"]
        },
        loose=data.rows(LOOSE, **asked) if can_match and not is_loose else (),
        can_match=can_match,
        nonce=secrets.token_hex(16),
        can_review=data.viewer.can("review") and tells_of_decision(row),
    )


def tells_of_decision(row: Row) -> bool:
    """Whether an exception tells of a decision of the ledger, or of an alarm about somebody's day.

    A value that was changed outside is of the same class; then a document of an order is named.
    """
    if row["exception_code"] != CHANGES[VALUE_CHANGE][0]:
        return False
    return str(row["native_ref"]).startswith(APPROVAL_PREFIX) or row["recon_key"] is None


def review(desk: Desk, viewer: Viewer, row: Row, form: Form) -> "Outcome":
    """Say what looking again at a decision has shown.

    Raises:
        FieldsWrong: Some field cannot be taken; all of them are named.
        UsageRefused: It tells of no decision.
    """
    if not tells_of_decision(row):
        raise UsageRefused("It tells of no decision by hand: there is nothing to review.")
    wrong = _reason_problems(desk.reasons(BREAK_GLASS_REVIEW), form)
    if wrong:
        raise FieldsWrong(wrong)
    return desk.decide(viewer, str(row["native_ref"]), form, None)


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
    if kind in NO and form["action"] not in offers.settling:
        raise UsageRefused(f"Nothing here can be settled by a {kind.replace('_', ' ')}: {NO[kind]}")
    wrong = _reason_problems(offers.reasons[kind], form)
    subject: Subject | None = None
    if kind == VALUE_OVERRIDE:
        subject = _value(row, offers, form, wrong)
    elif kind == MANUAL_MATCH:
        subject = _match(data, row, form, wrong)
    if wrong:
        raise FieldsWrong(wrong)
    if subject is None:
        proposal = offers.settling[form["action"]]
    else:
        order, what, extras = subject
        proposal = propose(data.published, desk.model, kind, order, what, _today(), extras)
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


def _settling(desk: Desk, data: Data, row: Row) -> dict[str, Proposal]:
    """What can be asked for of which the publication says all, by button."""
    order, exception = str(row["recon_key"] or row["exception_id"]), str(row["exception_id"])
    found: dict[str, Proposal] = {}
    for action, what in _candidates(row, exception):
        try:
            found[action] = propose(
                data.published, desk.model, ACTIONS[action], order, what, _today()
            )
        except UsageRefused:
            continue
    if FORCED_MATCH in found and row["leak_amount"]:
        found["request"] = closed_by(found[FORCED_MATCH], WRITE_OFF)
    return found


def _candidates(row: Row, exception: str) -> Iterator[tuple[str, str]]:
    """Buttons that may have something to ask for, and what of the order; `propose` decides."""
    if row["match_id"] is not None:
        yield FORCED_MATCH, exception
    if row["recon_key"] is None:
        return
    if row["family_code"] == GATES:
        yield GATE_WAIVER, str(row["exception_code"])
    for kind, (code, _) in CHANGES.items():
        if row["exception_code"] == code:
            yield kind, exception


def _today() -> date:
    return datetime.now(UTC).date()


def _reason_problems(reasons: Sequence[tuple[str, str]], form: Form) -> dict[str, str]:
    wrong = {}
    if form.get("code", "") not in {code for code, _ in reasons}:
        wrong["code"] = "Choose a reason of the list."
    if len(" ".join(form.get("reason", "").split())) < LEAST_REASON:
        wrong["reason"] = f"Say why in at least {LEAST_REASON} characters: others go by it."
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
