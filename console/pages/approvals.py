"""Approvals: what waits for a signature, and what was decided.

What belongs here: showing requests and taking a person's step. What does not: who must sign and
whether somebody may (the ledger decides, and records refusals too).
"""

import secrets
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from console.data import Data
from console.web.deps import Marts, Me, Parts
from console.web.errors import NotFound
from console.web.guard import Refused
from console.web.templating import render
from orchestration.core.errors import UsageRefused
from orchestration.reading.decisions import newest_version

router = APIRouter()
WAITING = frozenset({"requested", "in_force_unreviewed"})


@router.get("/approvals", name="approvals")
def approvals(request: Request, state: Parts, data: Marts) -> Response:
    """What waits first, then what was decided lately."""
    rows = [row for row in state.desk.approvals() if _may_see(data, row)]
    return render(
        request,
        "approvals.html",
        page="approvals",
        waiting=[row for row in rows if row["state_code"] in WAITING],
        decided=[row for row in rows if row["state_code"] not in WAITING][:100],
        reject_reasons=state.desk.reasons("reject"),
        revoke_reasons=state.desk.reasons("revoke"),
        nonce=secrets.token_hex(16),
    )


@router.post("/approvals/{approval_id}", name="approval_act")
def approval_act(
    request: Request, viewer: Me, state: Parts, data: Marts, approval_id: str
) -> Response:
    """Sign, reject or take back."""
    form = request.state.form
    action = form.get("action", "")
    # Who asked, who signed and whose role had to sign take back; the ledger knows who did.
    needed = ("request", "approve") if action == "revoke" else ("approve",)
    if not any(viewer.can(each) for each in needed):
        raise Refused(f"Your role ({viewer.role.label}) does not {needed[0]}.")
    row = state.desk.approval(approval_id)
    if row is None or not _may_see(data, row):
        raise NotFound("There is no such request that you may see.")
    key = row["recon_key"]
    version = newest_version(data.published, key) if key is not None else None
    outcome = state.desk.decide(viewer, approval_id, form, version)
    if outcome.refused:
        raise UsageRefused(f"Not done, and the refusal is on record: {outcome.refused}.")
    return RedirectResponse("/approvals", 303)


def _may_see(data: Data, row: dict[str, Any]) -> bool:
    """Requests about an order are seen by who sees the order; others by who sees everything."""
    if data.viewer.role.rows.is_whole or row["requester_id"] == data.viewer.person_id:
        return True
    sql = "select 1 as found from fct_orders where recon_key = $recon_key"
    return bool(row["recon_key"] and data.one(sql, recon_key=row["recon_key"]))
