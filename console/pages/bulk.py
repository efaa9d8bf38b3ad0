"""Several exceptions at once: the steps of the queue's ticked rows.

What belongs here: what a form of the queue asks for. What does not: what a step means (the ledger
decides; it does all of them or none).
"""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from console.web.deps import Marts, Me, Parts
from console.web.errors import NotFound
from console.web.guard import Refused, safe_next
from orchestration.core.errors import UsageRefused

router = APIRouter()
TICK = "t_"
STEPS = frozenset({"assign", "comment", "resolve"})
_VISIBLE = """
    select count(*) as n from fct_exceptions where exception_id in (select unnest($ids))
"""


@router.post("/exceptions/bulk", name="exceptions_act")
def exceptions_act(request: Request, state: Parts, viewer: Me, data: Marts) -> Response:
    """Assign, comment or resolve all that are ticked; of them, each as it was shown."""
    form = request.state.form
    action = form.get("action", "")
    if action not in STEPS or not viewer.can(action):
        raise Refused(f"Your role ({viewer.role.label}) cannot do that with tickets.")
    seen = {
        name.removeprefix(TICK): version
        for name, version in form.items()
        if name.startswith(TICK + "ex_")
    }
    if not seen:
        raise UsageRefused("Tick at least one exception in the list first.")
    if data.value(_VISIBLE, ids=sorted(seen)) != len(seen):
        raise NotFound("Some of these were settled meanwhile, or are not yours to see. Look again.")
    state.desk.work(viewer, seen, form)
    back = safe_next(form.get("next"))
    joined = "&" if "?" in back else "?"
    return RedirectResponse(f"{back}{joined}done={len(seen)}", 303)
