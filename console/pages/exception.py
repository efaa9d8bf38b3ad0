"""One exception: what happened, what it is worth, what was compared, what to do next.

What belongs here: gathering everything a resolver needs on one page. What does not: deciding
(`console.ledger_desk`).
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from console.by_hand import ACTIONS, FieldsWrong, ask, offers_of, review, tells_of_decision
from console.data import Data, Row
from console.ledger_desk import Desk
from console.matches import match_of
from console.pages.timeline import Event, events_of
from console.runbooks import fillings, read_runbook
from console.settled import ending_of, find_settled
from console.state import State
from console.web.deps import Marts, Me, Parts
from console.web.errors import NotFound
from console.web.guard import Refused
from console.web.templating import render
from orchestration.core.errors import ReconError, UsageRefused
from orchestration.ledger.approval_base import Outcome

router = APIRouter()
SHOWN_MEMBERS = 200
# What a role must be able to do for a step that is not named like it.
NEEDED = {
    "reopen": "resolve",
    "undo": "resolve",
    "step": "comment",
    **dict.fromkeys(ACTIONS, "request"),
}
ONE = "select * from fct_exceptions where exception_id = $exception_id"
ORDER = "select * from fct_orders where recon_key = $recon_key"
LEG = "select * from fct_order_legs where recon_key = $recon_key and leg_code = $leg_code"
OTHERS = """
    select exception_id, exception_code, ticket_severity_code as severity_code, native_ref,
        leak_amount, currency_code, due_at, explanation
    from fct_exceptions
    where recon_key = $recon_key and exception_id <> $exception_id
    order by opened_at, exception_id limit 20
"""
SETTLED = """
    select distinct native_id, line_no, allocated_amount, currency_code
    from fct_match_members
    where recon_key = $recon_key and stream = 'settlement_lines'
    order by native_id, line_no limit 20
"""
DOCUMENTS = """
    select leg_code, side, stream, native_id, line_no, allocated_amount, currency_code
    from fct_match_members
    where recon_key = $recon_key and side = 'actual' and stream <> 'settlement_lines'
    order by leg_code, stream, native_id, line_no limit 40
"""
INCIDENT = """
    select count(*) as member_count, count(distinct recon_key) as order_count
    from fct_exceptions where incident_id = $incident_id
"""
# Evidence that the page shows in a place of its own; everything else is listed under it.
_PLACED = frozenset(
    {
        "rule",
        "rule_version",
        "expected_amount",
        "actual_amount",
        "variance_amount",
        "expected_quantity",
        "actual_quantity",
        "received_amount",
        "returned_amount",
        "nearest_miss",
        "due_at",
        "documents",
        "expectations",
        "order_events",
    }
)


@router.get("/exceptions/{exception_id}", name="exception")
def exception(request: Request, state: Parts, data: Marts, exception_id: str) -> Response:
    """The page of one exception."""
    return _page(request, state, data, find(state, data, exception_id))


@router.post("/exceptions/{exception_id}", name="exception_act")
def exception_act(
    request: Request, state: Parts, viewer: Me, data: Marts, exception_id: str
) -> Response:
    """Take a step on its ticket, ask for a decision or review one; refusals are on the page."""
    form = request.state.form
    row = find(state, data, exception_id)
    action = form.get("action", "")
    needed = NEEDED.get(action, action)
    if not viewer.can(needed):
        raise Refused(f"Your role ({viewer.role.label}) cannot do that with a ticket.")
    try:
        if needed == "request":
            if "ticket_state_code" not in row:
                raise UsageRefused("It is settled: there is nothing to decide about any more.")
            _raise_refusal(ask(state.desk, viewer, data, row, members_of(data, row), form))
            if viewer.may_open(state.policy, "approvals"):
                return RedirectResponse("/approvals", 303)
            return RedirectResponse(f"/exceptions/{exception_id}", 303)
        if action == "review":
            _raise_refusal(review(state.desk, viewer, row, form))
            return RedirectResponse(f"/exceptions/{exception_id}", 303)
        state.desk.work(viewer, {exception_id: form.get("seen", "")}, form)
    except FieldsWrong as error:
        return _page(request, state, data, row, problem="", wrong=error.fields)
    except ReconError as error:
        return _page(request, state, data, row, problem=str(error))
    return RedirectResponse(f"/exceptions/{exception_id}", 303)


def _raise_refusal(outcome: Outcome) -> None:
    """A refusal that the ledger put on record, in words for the page."""
    if outcome.refused:
        raise UsageRefused(f"Not done, and the refusal is on record: {outcome.refused}.")


def _page(
    request: Request,
    state: State,
    data: Data,
    row: dict[str, Any],
    *,
    problem: str = "",
    wrong: Mapping[str, str] | None = None,
) -> Response:
    """The page, with what stood in the way of a step, and what was written in its form."""
    ticket = state.desk.tickets([row["exception_id"]]).get(row["exception_id"])
    desk = state.desk
    history = desk.history(row["exception_id"]) if ticket else []
    is_open = "ticket_state_code" in row
    may_decide = data.viewer.can("request") or data.viewer.can("review")
    can_ask = is_open and may_decide and data.viewer.person_id is not None
    tells = tells_of_decision(row)
    workers = _workers(desk, row, ticket)
    own_role = desk.role_of(data.viewer.person_id)
    return render(
        request,
        "exception.html",
        status=409 if problem or wrong else 200,
        page="exceptions",
        problem=problem,
        wrong=wrong or {},
        given=request.state.form if problem or wrong else {},
        offers=offers_of(desk, data, row, members_of(data, row)) if can_ask else None,
        ticket=ticket,
        history=history,
        ending=None if is_open else ending_of(row, history),
        ticks=desk.ticks(row["exception_id"]) if ticket else {},
        approvals=desk.approvals_of(row["exception_id"], row["recon_key"], row["native_ref"]),
        reviews=desk.reviews(row["native_ref"]) if tells else [],
        people=desk.people(workers) if ticket else [],
        workers=workers,
        own_role=own_role,
        can_work=own_role in workers,
        resolve_reasons=desk.reasons("resolve") if ticket else [],
        reopen_reasons=desk.reasons("reopen") if ticket else [],
        **gather(state, data, row),
    )


def _workers(desk: Desk, row: Row, ticket: Row | None) -> tuple[str, ...]:
    """The roles that may work on a ticket, as the ledger holds them to it; none without one."""
    if ticket is None:
        return ()
    taken_over = (ticket["assigned_role"],) if ticket["assigned_role"] else ()
    return tuple(dict.fromkeys((*desk.roles_for(row, datetime.now(UTC)), *taken_over)))


def find(state: State, data: Data, exception_id: str) -> dict[str, Any]:
    """Return an exception that the viewer may see: published, or as the ledger keeps it.

    Raises:
        NotFound: There never was one, or not for this viewer.
    """
    row = data.one(ONE, exception_id=exception_id) or find_settled(
        state.desk, data, state.vocabulary, exception_id
    )
    if row is None:
        raise NotFound(
            f"There is no exception {exception_id} that you may see, open or settled. Look for "
            "its order or document in the field above."
        )
    return row


def members_of(data: Data, row: Row) -> list[dict[str, Any]]:
    """The documents of an exception's match; none without one."""
    return match_of(data, row["match_id"], row["recon_key"])[1] if row["match_id"] else []


def gather(state: State, data: Data, row: dict[str, Any]) -> dict[str, Any]:
    """Everything that the page of an exception shows."""
    evidence = read_evidence(row["evidence"])
    by_order = {"recon_key": row["recon_key"]} if row["recon_key"] else None
    match: dict[str, Any] | None = None
    members: list[dict[str, Any]] = []
    if row["match_id"]:
        match, members = match_of(data, row["match_id"], row["recon_key"])
    order = data.one(ORDER, **by_order) if by_order else None
    leg = data.one(LEG, leg_code=row["leg_code"], **by_order) if by_order else None
    events: list[Event] = events_of(data, row["recon_key"]) if by_order else []
    as_of = data.published.as_of.replace(tzinfo=None)
    compared = compare(row, evidence, match, leg)
    # What a match shows of a settled one is of today, and not what was explained then.
    if "ticket_state_code" not in row and compared:
        compared["parts"] = []
    return {
        "row": row,
        "order": order,
        "match": match,
        "leg": leg,
        "members": members[:SHOWN_MEMBERS],
        "evidence": evidence,
        "more_evidence": {
            name: value
            for name, value in evidence.items()
            if name not in _PLACED and value not in (None, "", [], {})
        },
        "compared": compared,
        "others": data.rows(OTHERS, exception_id=row["exception_id"], **by_order)
        if by_order
        else (),
        "settled": data.rows(SETTLED, **by_order) if by_order else (),
        "documents": data.rows(DOCUMENTS, **by_order) if by_order else (),
        "incident": data.one(INCIDENT, incident_id=row["incident_id"])
        if row["incident_id"]
        else None,
        "events": events,
        "as_of": as_of,
        "is_late": row["due_at"] is not None and row["due_at"] < as_of,
        "runbook": read_runbook(
            state.config.settings,
            row["exception_code"],
            fillings(state.vocabulary, row, order, evidence, compared),
        ),
        "class_row": state.vocabulary.classes.get(row["exception_code"], {}),
    }


def read_evidence(text: str | None) -> dict[str, Any]:
    """The evidence as a mapping; what is no JSON object is kept under one name."""
    try:
        content = json.loads(text or "{}", parse_float=Decimal)
    except ValueError:
        return {"evidence": text}
    return content if isinstance(content, dict) else {"evidence": content}


def compare(
    row: Row, evidence: Mapping[str, Any], match: Row | None, leg: Row | None
) -> dict[str, Any]:
    """What was expected and what was reported, and how the difference is made up.

    Amounts are Decimal; a difference is positive when too much came. Its parts add up to it.
    """
    expected, actual = (
        _decimal(evidence.get("expected_amount")),
        _decimal(evidence.get("actual_amount")),
    )
    if expected is None and actual is None:
        return {}
    expected, actual = expected or Decimal(0), actual or Decimal(0)
    difference = actual - expected
    explained = -(match["residual_amount"] or Decimal(0)) if match else Decimal(0)
    parts = []
    if explained and match:
        parts.append((match["residual_class"], explained))
    if difference - explained:
        parts.append(("UNEXPLAINED", difference - explained))
    most = max(abs(expected), abs(actual), Decimal(1))
    quantities = (
        _decimal(evidence.get("expected_quantity")) or Decimal(0),
        _decimal(evidence.get("actual_quantity")) or Decimal(0),
    )
    return {
        "expected": expected,
        "actual": actual,
        "received": _decimal(evidence.get("received_amount")),
        "returned": _decimal(evidence.get("returned_amount")),
        "difference": difference,
        "parts": parts,
        "expected_share": abs(expected) / most * 100,
        "actual_share": abs(actual) / most * 100,
        "quantities": quantities if any(quantities) else None,
        "currency": row["currency_code"] or (leg["currency_code"] if leg else ""),
        "has_order": bool(expected),
    }


def _decimal(value: Any) -> Decimal | None:
    if value in (None, ""):
        return None
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return None
