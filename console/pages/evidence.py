"""An order's evidence pack: everything that shows why it stands as it stands, as one file.

What belongs here: gathering it. What does not: the page of the order (`console.pages.order`), whose
arrangements it shares, and how a file that stands alone is answered (`console.web.standalone`).

Amounts and rows are cut to what the viewer may see, as on the page: the pack says for whom it was
made.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from console.matches import matches_of
from console.pages.order import (
    ARTIFACTS,
    EXCEPTIONS,
    GATES,
    LEGS,
    LINES,
    VERSIONS,
    arrange_legs,
    describe_versions,
    find,
)
from console.pages.timeline import events_of
from console.settled import settled_of_order
from console.state import State
from console.web.deps import Marts, Me, Parts
from console.web.standalone import report_style, standalone
from console.web.templating import render

router = APIRouter()
# Of the ledger itself: what the marts have of it ends with the last run.
RECORD = """
    select seq, at, actor_id, actor_role, action, reason, hash from events
    where recon_key = ?
    order by seq
"""
# The last head that was signed when this was published: it covers every event before it.
HEAD = """
    select size, root, last_hash, signed_at, signed_by, key_id, signature from ledger_heads
    order by size desc limit 1
"""
FINGERPRINTS = """
    select table_name, row_count, fingerprint from run_fingerprints
    where table_name in ('fct_orders', 'fct_order_legs', 'fct_matches', 'fct_match_members')
    order by table_name
"""


@router.get("/orders/{key}/evidence", name="order_evidence")
def order_evidence(
    request: Request, state: Parts, data: Marts, viewer: Me, key: str, save: str = ""
) -> Response:
    """Versions, legs, documents compared, gates, artifacts, exceptions, and who did what."""
    row = find(data, key)
    by_key = {"recon_key": row["recon_key"]}
    all_lines = data.rows(LINES, **by_key)
    matches, members = matches_of(data, row["recon_key"])
    css = report_style()
    page = render(
        request,
        "evidence.html",
        css=Markup(css),  # noqa: S704, our own file
        row=row,
        versions=describe_versions(data.rows(VERSIONS, **by_key), all_lines),
        lines=[line for line in all_lines if line["version_no"] == row["version_no"]],
        legs=arrange_legs(data.rows(LEGS, **by_key)),
        matches=matches,
        members=members,
        gates=data.rows(GATES, **by_key),
        artifacts=data.rows(ARTIFACTS, **by_key) if data.has("fct_artifacts") else (),
        exceptions=data.rows(EXCEPTIONS, **by_key),
        settled=settled_of_order(state.desk, data, row["recon_key"]),
        events=events_of(data, row["recon_key"]),
        record=_record(state, row["recon_key"]),
        head=data.one(HEAD) if data.has("ledger_heads") else None,
        fingerprints=data.rows(FINGERPRINTS) if data.has("run_fingerprints") else (),
        run_no=data.published.run_no,
        as_of=data.published.as_of.replace(tzinfo=None),
        made_at=datetime.now(UTC).replace(tzinfo=None),
    )
    if save:
        state.store.note(
            viewer.account_id, viewer.email, "downloaded html", "evidence", row["recon_key"]
        )
    name = f"meshline-evidence-{row['order_id']}-run-{data.published.run_no}" if save else ""
    return standalone(bytes(page.body).decode(), css, name)


def _record(state: State, recon_key: str) -> list[Mapping[str, Any]]:
    """The events of an order in the ledger; none where nothing was ever recorded."""
    with state.desk.reader() as reader:
        return list(reader.rows(RECORD, [recon_key])) if reader is not None else []
