"""The pilot report in the console: choosing what it is about, and the report itself.

What belongs here: the two routes. What does not: the figures (`console.pilot`).
"""

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.pilot import choose_scope, read_pilot, render_report
from console.web.deps import Marts, Me, Parts
from console.web.standalone import report_style, standalone
from console.web.templating import environment, link, render

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
    css = report_style()
    text = render_report(
        environment(), state.vocabulary, state.panels[CHART], read_pilot(data, scope), css
    )
    if save:
        state.store.note(viewer.account_id, viewer.email, "downloaded html", "pilot", str(scope))
    name = f"meshline-pilot-{scope.segment or 'all'}-{scope.to_on}" if save else ""
    return standalone(text, css, name)
