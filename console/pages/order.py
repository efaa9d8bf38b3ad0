"""One order: versions and what changed, legs with their amounts, matches with evidence, gates.

What belongs here: gathering and arranging, of now and of a past moment. What does not: judging, and
what was known when (`console.past`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.data import Data
from console.matches import matches_of
from console.pages.timeline import events_of
from console.past import Known, can_ask, known_at, moments_of, read_moment
from console.settled import settled_of_order
from console.web.deps import Marts, Parts
from console.web.errors import NotFound
from console.web.templating import render
from orchestration.core.errors import UsageRefused

router = APIRouter()
SHOWN_MATCHES = 200
ORDER = "select * from fct_orders where recon_key = $recon_key"
BY_ID = "select recon_key from fct_orders where order_id = $name limit 2"
VERSIONS = "select * from fct_order_versions where recon_key = $recon_key order by version_no"
LINES = "select * from fct_order_lines where recon_key = $recon_key order by version_no, line_key"
LEGS = "select * from fct_order_legs where recon_key = $recon_key"
GATES = "select * from fct_gate_results where recon_key = $recon_key order by gate_code"
EXCEPTIONS = """
    select * from fct_exceptions where recon_key = $recon_key
    order by due_at, exception_id
"""
ARTIFACTS = """
    select * from fct_artifacts where recon_key = $recon_key order by artifact_kind, artifact_id
"""
# The flow of an order as people tell it: goods, bill, money, sellers, revenue.
FLOW = (
    "fulfilment",
    "billing_plan",
    "invoice",
    "payment",
    "settlement",
    "settlement_batch",
    "bank",
    "seller_split",
    "payout",
    "revenue",
)
_TOLD = {
    "total_amount": "total",
    "contract_id": "contract",
    "order_status_code": "status",
    "currency_code": "currency",
    "customer_id": "customer",
}
_TOLD_OF_LINES = {
    "quantity": "quantity",
    "unit_price": "price",
    "net_amount": "net",
    "sku": "product",
    "is_cancelled": "cancelled",
    "seller_id": "seller",
    "service_end_on": "service until",
    "tax_amount": "tax",
}


@router.get("/orders/{key}", name="order")
def order(request: Request, state: Parts, data: Marts, key: str, at: str = "") -> Response:
    """The page of one order, by reconciliation key or by an id that only it bears.

    `at` is a past moment: then the page shows what was known of the order at it.
    """
    row = find(data, key)
    recon_key = row["recon_key"]
    versions = data.rows(VERSIONS, recon_key=recon_key)
    all_lines = data.rows(LINES, recon_key=recon_key)
    lines = [line for line in all_lines if line["version_no"] == row["version_no"]]
    legs = arrange_legs(data.rows(LEGS, recon_key=recon_key))
    exceptions = data.rows(EXCEPTIONS, recon_key=recon_key)
    known, problem = None, ""
    if at.strip():
        try:
            moment = read_moment(data, at)
            known = known_at(data, row, lines, legs, exceptions, moment)
        except UsageRefused as refused:
            problem = str(refused)
    shared = {
        "page": "orders",
        "row": row,
        "versions": describe_versions(versions, all_lines),
        "moments": moments_of(data, recon_key) if can_ask(data) else [],
        "as_of": data.published.as_of.replace(tzinfo=None),
        "known": known,
    }
    if known is not None:
        return _page_of_then(request, known, shared)
    return render(
        request,
        "order.html",
        status=400 if problem else 200,
        **shared,
        problem=problem,
        lines=lines,
        legs=legs,
        matches=arrange_matches(data, recon_key),
        gates=data.rows(GATES, recon_key=recon_key),
        exceptions=exceptions,
        artifacts=data.rows(ARTIFACTS, recon_key=recon_key) if data.has("fct_artifacts") else (),
        settled=settled_of_order(state.desk, data, recon_key),
        events=events_of(data, recon_key),
    )


def _page_of_then(request: Request, known: Known, shared: Mapping[str, Any]) -> Response:
    """The page of an order as it was known; versions are told apart by the run that knew them."""
    places = {code: place for place, code in enumerate(FLOW)}
    return render(
        request,
        "order_known.html",
        **shared,
        legs=sorted(known.legs, key=lambda pair: places.get(pair.row["leg_code"], len(FLOW))),
    )


def find(data: Data, key: str) -> dict[str, Any]:
    """Return the order that the viewer may see under this name.

    Raises:
        NotFound: There is none.
    """
    row = data.one(ORDER, recon_key=key)
    if row is None:
        found = data.rows(BY_ID, name=key)
        row = data.one(ORDER, recon_key=found[0]["recon_key"]) if len(found) == 1 else None
    if row is None:
        raise NotFound(
            f"No order that you may see goes by {key}. Search for a document of it above."
        )
    return row


def describe_versions(
    versions: Sequence[Mapping[str, Any]], lines: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return each version with what differs from the one before: (what, before, after)."""
    by_version: dict[int, dict[str, Mapping[str, Any]]] = {}
    for line in lines:
        by_version.setdefault(line["version_no"], {})[line["line_key"]] = line
    told = []
    before: Mapping[str, Any] | None = None
    for version in versions:
        changes = []
        if before is not None:
            changes += _differences("", before, version, _TOLD)
            changes += _line_changes(
                by_version.get(before["version_no"], {}), by_version.get(version["version_no"], {})
            )
        told.append({**version, "changes": changes})
        before = version
    return told


def _line_changes(
    before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, Any, Any]]:
    changes: list[tuple[str, Any, Any]] = []
    for key in sorted(set(before) | set(after)):
        name = f"Line {key.rpartition('-')[2]}"
        if key not in after:
            changes.append((f"{name}, {before[key]['sku']}", "on the order", "removed"))
        elif key not in before:
            changes.append((f"{name}, {after[key]['sku']}", "not there", "added"))
        else:
            changes += _differences(f"{name} ", before[key], after[key], _TOLD_OF_LINES)
    return changes


def _differences(
    prefix: str, before: Mapping[str, Any], after: Mapping[str, Any], names: Mapping[str, str]
) -> list[tuple[str, Any, Any]]:
    return [
        (
            f"{prefix}{label}".capitalize() if not prefix else f"{prefix}{label}",
            before[name],
            after[name],
        )
        for name, label in names.items()
        if name in before and before[name] != after[name]
    ]


def arrange_legs(legs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The legs in the order of the flow; unknown ones last."""
    places = {code: place for place, code in enumerate(FLOW)}
    return sorted(legs, key=lambda leg: (places.get(leg["leg_code"], len(FLOW)), leg["leg_code"]))


def arrange_matches(data: Data, recon_key: str) -> list[dict[str, Any]]:
    """Matches with their members on two sides, in the order of the flow."""
    found, all_members = matches_of(data, recon_key)
    members: dict[str, list[Mapping[str, Any]]] = {}
    for member in all_members:
        members.setdefault(member["match_id"], []).append(member)
    matches = [
        {
            **match,
            "expected": [
                each for each in members.get(match["match_id"], ()) if each["side"] == "expected"
            ],
            "actual": [
                each for each in members.get(match["match_id"], ()) if each["side"] == "actual"
            ],
        }
        for match in found[:SHOWN_MATCHES]
    ]
    places = {code: place for place, code in enumerate(FLOW)}
    return sorted(matches, key=lambda match: (places.get(match["leg_code"], 99), match["match_id"]))
