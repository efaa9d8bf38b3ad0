"""Where a viewer lands, the search field of the top bar, saved views, own settings.

What belongs here: what every page offers. What does not: a page of its own.
"""

from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from console.data import Data
from console.settled import find_settled
from console.state import State
from console.web.deps import Marts, Me, Number, Parts
from console.web.guard import Refused, safe_next
from console.web.templating import link, render
from orchestration.core.errors import UsageRefused
from orchestration.reading.orders import NAMES

router = APIRouter()
_LONGEST_NAME = 60
_LONGEST_QUERY = 2_000
_EXCEPTION = """
    select exception_id from fct_exceptions
    where starts_with(exception_id, $name) or native_ref = $name
    order by exception_id limit 2
"""
_BATCH = """
    select native_id from fct_match_members
    where stream = 'settlement_batches' and native_id = $name limit 1
"""


@router.get("/", name="home")
def home(viewer: Me) -> Response:
    """The first page of the role."""
    return RedirectResponse(f"/{viewer.role.pages[0]}", 303)


@router.get("/find", name="find")
def find(viewer: Me, state: Parts, data: Marts, q: str = "") -> Response:
    """Go to what a name stands for: an exception, an order, a document, a batch; else search."""
    name = q.strip()[:200]
    if not name:
        return RedirectResponse("/", 303)
    ticket = _exception(state, data, name)
    if ticket and name.startswith("ex_"):
        return RedirectResponse(f"/exceptions/{ticket}", 303)
    keys = _orders(data, name)
    if len(keys) == 1 and viewer.may_open(state.policy, "order"):
        return RedirectResponse(f"/orders/{keys[0]}", 303)
    if ticket:
        return RedirectResponse(f"/exceptions/{ticket}", 303)
    if viewer.may_open(state.policy, "settlement") and data.rows(_BATCH, name=name):
        return RedirectResponse(f"/settlements/{quote(name, safe='')}", 303)
    page = "/orders" if keys and viewer.may_open(state.policy, "orders") else "/exceptions"
    return RedirectResponse(link(page, {"q": name}), 303)


def _exception(state: State, data: Data, name: str) -> str | None:
    """The one exception that goes by a name, open or settled."""
    rows = data.rows(_EXCEPTION, name=name)
    if rows:
        return str(rows[0]["exception_id"]) if len(rows) == 1 else None
    if not name.startswith("ex_"):
        return None
    return name if find_settled(state.desk, data, state.vocabulary, name) else None


def _orders(data: Data, name: str) -> tuple[str, ...]:
    """The orders that go by a name; the surest kind of name decides."""
    for table, sql in NAMES:
        if not data.has(table):
            continue
        bare = sql.replace("marts.", "").replace("?", "$name")
        rows = data.rows(f"select distinct recon_key from ({bare}) limit 3", name=name)
        keys = tuple(row["recon_key"] for row in rows if row["recon_key"])
        if keys:
            return keys
    return ()


@router.post("/views", name="save_view")
def save_view(request: Request, viewer: Me, state: Parts) -> Response:
    """Keep the filters of a page under a name."""
    form = request.state.form
    page, name, query = form.get("page", ""), form.get("name", "").strip(), form.get("query", "")
    if page not in viewer.role.pages:
        raise Refused("Your role does not include that page.")
    if not name or len(name) > _LONGEST_NAME or len(query) > _LONGEST_QUERY:
        raise UsageRefused(f"Give the view a name of at most {_LONGEST_NAME} characters.")
    state.store.save_view(viewer.account_id, page, name, query.lstrip("?"))
    return RedirectResponse(f"/{page}?{query.lstrip('?')}" if query else f"/{page}", 303)


@router.post("/views/{view_id}/remove", name="remove_view")
def remove_view(request: Request, viewer: Me, state: Parts, view_id: Number) -> Response:
    """Forget a view of one's own."""
    state.store.remove_view(viewer.account_id, view_id)
    return RedirectResponse(safe_next(request.state.form.get("next")), 303)


@router.get("/settings", name="settings")
def settings(request: Request, viewer: Me, state: Parts) -> Response:
    """Who I am here, what I may see, my saved views."""
    return render(
        request,
        "settings.html",
        page="settings",
        views=state.store.views(viewer.account_id, "exceptions"),
        account=state.store.account(viewer.account_id),
    )
