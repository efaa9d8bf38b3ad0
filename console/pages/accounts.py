"""Accounts: who may sign in, with which role, and what was done in the console lately.

What belongs here: managing accounts, by administrators. What does not: signing in.
"""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from console.web.deps import Me, Number, Parts
from console.web.errors import NotFound
from console.web.guard import Refused
from console.web.templating import render
from orchestration.core.errors import UsageRefused

router = APIRouter()
_LONGEST = 254


@router.get("/accounts", name="accounts")
def accounts(request: Request, state: Parts) -> Response:
    """All accounts, and the latest activity."""
    return _page(request, state)


@router.post("/accounts", name="account_invite")
def account_invite(request: Request, viewer: Me, state: Parts) -> Response:
    """Add an account and show its one-time link, once."""
    form = request.state.form
    email, name, role = (form.get(field, "").strip() for field in ("email", "name", "role"))
    if "@" not in email or len(email) > _LONGEST or not name or len(name) > _LONGEST:
        raise UsageRefused("Give a name and an e-mail address.")
    if role not in state.policy.roles:
        raise UsageRefused("Choose one of the roles.")
    account_id = state.store.add_account(
        email,
        name,
        role,
        person_id=form.get("person_id", "").strip()[:_LONGEST] or None,
        manager_id=form.get("manager_id", "").strip()[:_LONGEST] or None,
    )
    state.store.note(viewer.account_id, viewer.email, "invited", email, role)
    address = f"{state.config.base_url}/welcome/{state.store.make_link(account_id, role)}"
    return _page(request, state, link_for=name, address=address)


@router.post("/accounts/{account_id}", name="account_change")
def account_change(request: Request, viewer: Me, state: Parts, account_id: Number) -> Response:
    """Switch an account on or off, change its role, or make a new link for it."""
    account = state.store.account(account_id)
    if account is None:
        raise NotFound("There is no such account.")
    action = request.state.form.get("action", "")
    if account_id == viewer.account_id and action != "link":
        raise Refused("Nobody changes their own role or switches themselves off.")
    if action == "link":
        state.store.note(viewer.account_id, viewer.email, "made a link", account["email"])
        token = state.store.make_link(account_id, account["role_code"])
        address = f"{state.config.base_url}/welcome/{token}"
        return _page(request, state, link_for=account["name"], address=address)
    if action in {"on", "off"}:
        state.store.change_account(account_id, is_active=action == "on")
    elif action == "role" and request.state.form.get("role") in state.policy.roles:
        state.store.change_account(account_id, role_code=request.state.form["role"])
    else:
        raise UsageRefused("Choose what to change.")
    state.store.note(
        viewer.account_id,
        viewer.email,
        f"account: {action}",
        account["email"],
        request.state.form.get("role", ""),
    )
    return RedirectResponse("/accounts", 303)


def _page(request: Request, state: Parts, *, link_for: str = "", address: str = "") -> Response:
    return render(
        request,
        "accounts.html",
        page="accounts",
        accounts=state.store.list_accounts(),
        activity=state.store.latest_activity(50),
        link_for=link_for,
        address=address,
    )
