"""The pilot report in the console: choosing what it is about, and the report itself.

What belongs here: the two routes. What does not: the figures (`console.pilot`).
"""

import base64
import hashlib

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from console.pilot import choose_scope, read_pilot, render_report
from console.web.deps import Marts, Me, Parts
from console.web.headers import CONTENT_POLICY
from console.web.templating import STATIC, environment, link, render

router = APIRouter()
CHART = "pass_rate_by_week"


@router.get("/pilot", name="pilot")
def pilot(
    request: Request, data: Marts, segment: str = "", from_on: str = "", to_on: str = ""
) -> Response:
    """The figures, and the way to the report."""
    scope = choose_scope(data, segment, from_on, to_on)
    query = {"segment": scope.segment, "from_on": scope.from_on, "to_on": scope.to_on}
    return render(
        request,
        "pilot.html",
        page="pilot",
        report=read_pilot(data, scope),
        address=link("/pilot/report", query),
        download=link("/pilot/report", query, save="1"),
    )


@router.get("/pilot/report", name="pilot_report")
def pilot_report(
    state: Parts,
    viewer: Me,
    data: Marts,
    segment: str = "",
    from_on: str = "",
    to_on: str = "",
    save: str = "",
) -> Response:
    """The report: one file that needs nothing else. Its style is allowed by its hash alone."""
    scope = choose_scope(data, segment, from_on, to_on)
    css = (STATIC / "report.css").read_text(encoding="utf-8")
    text = render_report(
        environment(), state.vocabulary, state.panels[CHART], read_pilot(data, scope), css
    )
    mark = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    headers = {
        "content-security-policy": CONTENT_POLICY.replace(
            "style-src 'self'", f"style-src 'sha256-{mark}'"
        )
    }
    if save:
        name = f"meshline-pilot-{scope.segment or 'all'}-{scope.to_on}.html"
        headers["content-disposition"] = f'attachment; filename="{name}"'
        state.store.note(viewer.account_id, viewer.email, "downloaded html", "pilot", str(scope))
    return HTMLResponse(text, headers=headers)
