"""Versions of rules: which are in force, who released them, what proposed ones would change.

What belongs here: arranging what the register, the ledger and the home keep. What does not:
releasing (`meshline rules release`), shadowing (`orchestration.shadow`), the tables themselves
(`console.pages.rules`).

Counts by class are of the whole publication. Money is shown to who sees every row and amount, and
the orders that change to who may open orders, cut to those that they may see.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.access.viewer import Viewer
from console.downloads import Download, download
from console.state import State
from console.web.deps import Marts, Me, Parts
from console.web.errors import NotFound
from console.web.guard import Refused
from console.web.templating import render
from orchestration.releases import ACTION, Listed, list_versions
from orchestration.warehouse.shadow_results import (
    ShadowResult,
    find_result,
    list_results,
    result_id_of,
)

router = APIRouter()
SHOWN_ORDERS = 100
TEXTS = (
    "recon_key", "before_state", "after_state", "before_codes", "after_codes", "currency_code",
    "before_amount", "after_amount",
)  # fmt: skip
_LISTS = ",\n        ".join(f"unnest(cast(${name}s as varchar[])) as {name}" for name in TEXTS)
ORDERS = f"""
    with numbered as (
        select unnest(cast($places as bigint[])) as place,
        {_LISTS}
    )
    select
        fct_orders.order_id,
        numbered.recon_key,
        numbered.before_state,
        numbered.after_state,
        numbered.before_codes,
        numbered.after_codes,
        numbered.currency_code,
        cast(numbered.before_amount as decimal(18, 4)) as before_amount,
        cast(numbered.after_amount as decimal(18, 4)) as after_amount,
        cast(numbered.after_amount as decimal(18, 4))
            - cast(numbered.before_amount as decimal(18, 4)) as difference_amount
    from numbered
    inner join fct_orders
        on numbered.recon_key = fct_orders.recon_key
    order by numbered.place
"""


@router.get("/rules/versions", name="rule_versions")
def rule_versions(request: Request, state: Parts) -> Response:
    """Every version with its days and its release, requests for release, and shadow runs."""
    results = list_results(state.config.settings)
    kept = {result.result_id for result in results}
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    by_file: dict[str, list[dict[str, Any]]] = {}
    for listed in list_versions(state.config.settings):
        by_file.setdefault(listed.version.place, []).append(_version(listed, today))
    return render(
        request,
        "releases.html",
        page="rules",
        files=by_file,
        requests=[_request(row, kept) for row in state.desk.approvals_for(ACTION)],
        results=results,
        orders_are_shown=request.state.viewer.may_open(state.policy, "order"),
    )


@router.get("/rules/shadows/{result_id}", name="shadow")
def shadow(request: Request, state: Parts, data: Marts, viewer: Me, result_id: str) -> Response:
    """What one proposal would have changed: classes, and the orders that the viewer may see."""
    result = _find(state, result_id)
    may_open = viewer.may_open(state.policy, "order")
    orders: Sequence[Mapping[str, Any]] = ()
    if may_open and result.orders:
        orders = data.rows(ORDERS, **values_of(result))
    return render(
        request,
        "shadow.html",
        page="rules",
        result=result,
        may_open=may_open,
        shows_money=_sees_money(viewer),
        orders=orders[:SHOWN_ORDERS],
        order_count=len(orders),
    )


@router.get("/rules/shadows/{result_id}/orders.{form}", name="shadow_download")
def shadow_download(
    request: Request, state: Parts, viewer: Me, result_id: str, form: str
) -> Response:
    """The orders that would stand otherwise, as a file."""
    if not viewer.may_open(state.policy, "order"):
        raise Refused(f"Your role ({viewer.role.label}) does not include orders.")
    result = _find(state, result_id)
    wanted = Download(f"shadow-{result.result_id}", ORDERS, values_of(result))
    return download(request, state, viewer, form, wanted)


def values_of(result: ShadowResult) -> dict[str, list[Any]]:
    """The orders of a result column by column, as `ORDERS` binds them."""
    columns: dict[str, list[Any]] = {
        f"{name}s": [str(row[name]) for row in result.orders] for name in TEXTS
    }
    return columns | {"places": list(range(len(result.orders)))}


def _find(state: State, result_id: str) -> ShadowResult:
    result = find_result(state.config.settings, result_id)
    if result is None:
        raise NotFound(
            f"No shadow run is kept under {result_id}. `meshline rules shadow FILE` makes one; "
            "the page Rules, Versions and releases, lists those that are kept."
        )
    return result


def _sees_money(viewer: Viewer) -> bool:
    """Sums cannot be cut, so they are for who sees every row with its amount."""
    return viewer.role.rows.is_whole and "total_amount" not in viewer.role.hidden


def _version(listed: Listed, today: str) -> dict[str, Any]:
    """A version with how it stands on a day."""
    one = listed.version
    if listed.release is None:
        state = "not released"
    elif one.effective_from > today:
        state = "to come"
    elif one.effective_to and one.effective_to <= today:
        state = "ended"
    else:
        state = "in force"
    return {"version": one, "release": listed.release, "state": state}


def _request(row: Mapping[str, Any], kept: set[str]) -> dict[str, Any]:
    """A request for release with the shadow run that it was asked with, if that is kept."""
    details = row["decision"]["details"]
    result_id = result_id_of({one["place"]: one["sha256"] for one in details.get("files", [])})
    signed = {one["role"] for one in row["signatures"]}
    return {
        **row,
        "details": details,
        "result_id": result_id if result_id in kept else "",
        "wanting": [role for role in row["required_roles"] if role not in signed],
    }
