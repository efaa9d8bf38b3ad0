"""Templates: the environment with our filters, and what every page is given.

What belongs here: how values become text in a template. What does not: any page's content.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.requests import Request

from console import formats
from console.accounts.tokens import digest
from console.people import People
from console.pilot import change
from console.state import State
from console.vocabulary import KINDS, MATCH_KINDS, ROLES, SEGMENTS, TICKETS, TIERS
from console.web.guard import BEFORE_SIGN_IN, cookie_name

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"
STATIC = TEMPLATES.parent / "static"
_NEW_VISIT = "meshline-new-visit"
_PLACE = re.compile(r"\{([a-z_]+)\}")


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates of the console; names that a page was not given are errors."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        count=formats.count,
        quantity=formats.quantity,
        percent=formats.percent,
        hours=formats.hours,
        moment=formats.moment,
        day=formats.day,
        month=formats.month,
        iso=formats.iso,
        span=formats.span,
        feed=formats.feed,
        actor=formats.actor,
    )
    made.globals.update(
        tiers=TIERS,
        segments=SEGMENTS,
        roles=ROLES,
        kinds=KINDS,
        ticket_states=TICKETS,
        match_kinds=MATCH_KINDS,
        decimal=Decimal,
        asset_version=_asset_version(),
    )
    return made


def render(request: Request, name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page; to a script that exchanges the content of one, the content alone."""
    state: State = request.app.state.console
    text = (
        environment()
        .get_template(name)
        .render(
            page_values(request, state)
            | {"page": values.pop("page", ""), "frame": _frame(request)}
            | values
        )
    )
    answer = HTMLResponse(text, status, {"vary": "HX-Request"})
    _remember_visit(request, state, answer)
    return answer


def _frame(request: Request) -> str:
    """What stands around the content of a page."""
    asked = request.headers
    is_part = "hx-request" in asked and "hx-history-restore-request" not in asked
    return "bare.html" if is_part else "base.html"


def page_values(request: Request, state: State) -> dict[str, Any]:
    """What every template may use."""
    viewer = getattr(request.state, "viewer", None)
    words = state.vocabulary

    def money(amount: Any, currency: str | None = "") -> Markup:
        """An amount with its currency, aligned by figures."""
        text = formats.money(amount, currency, words.exponents)
        if amount is None or not currency:
            return Markup('<span class="amount">{}</span>').format(text)
        return Markup('<span class="amount">{} <span class="unit">{}</span></span>').format(
            text, currency
        )

    def plain(amount: Any, currency: str | None = "") -> str:
        """An amount without its currency, where the column says it."""
        return formats.money(amount, currency, words.exponents)

    people = People(state.desk.names)
    theme = request.cookies.get("meshline_theme", "system")
    return {
        "viewer": viewer,
        "policy": state.policy,
        "menu": _menu(state, viewer),
        "theme": theme if theme in {"light", "dark"} else "system",
        "token": write_token(request, state),
        "money": money,
        "money_of": money,
        "plain": plain,
        "told": told,
        "label": words.label,
        "person": people.shown,
        "named": people.named,
        "words": words,
        "path": request.url.path,
        "query": request.url.query,
        "link": link,
        "now": datetime.now(UTC),
        "ago": formats.distance,
        "published": getattr(request.state, "published", None),
        "timedelta": timedelta,
        "change": change,
    }


def write_token(request: Request, state: State) -> str:
    """The token for the forms of this page; before sign-in it is tied to a cookie."""
    viewer = getattr(request.state, "viewer", None)
    if viewer is not None:
        return state.signer.write_token(viewer.session_id)
    visit = state.signer.read(
        BEFORE_SIGN_IN, request.cookies.get(cookie_name(state.config, "meshline_visit")), 12 * 3600
    )
    if not isinstance(visit, str):
        from console.accounts.tokens import new_token

        visit = new_token()
        request.scope[_NEW_VISIT] = visit
    return state.signer.write_token(visit)


def _remember_visit(request: Request, state: State, answer: HTMLResponse) -> None:
    visit = request.scope.get(_NEW_VISIT)
    if visit is not None:
        answer.set_cookie(
            cookie_name(state.config, "meshline_visit"),
            state.signer.sign(BEFORE_SIGN_IN, visit),
            httponly=True,
            samesite="strict",
            secure=state.config.is_secure,
        )


def _menu(state: State, viewer: Any) -> list[tuple[str, str, str]]:
    """Name, label and address of what the viewer may open."""
    if viewer is None:
        return []
    return [
        (name, area.label, f"/{name}")
        for name, area in state.policy.areas.items()
        if name in viewer.role.pages
    ]


def link(path: str, values: Mapping[str, Any], **changes: Any) -> str:
    """An address with a query of the values, some of them changed; empty ones are left out."""
    merged = {**values, **changes}
    pairs = [
        (name, each)
        for name, value in merged.items()
        for each in (value if isinstance(value, list | tuple) else [value])
        if each not in (None, "")
    ]
    return f"{path}?{urlencode(pairs)}" if pairs else path


def fill(pattern: str, row: Mapping[str, Any]) -> str:
    """An address with {columns} of a row in it, quoted."""
    return _PLACE.sub(lambda found: quote(str(row.get(found[1], "")), safe=""), pattern)


def told(value: Any) -> str:
    """A value of an order in the list of its changes."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return formats.quantity(value)
    if isinstance(value, date):
        return formats.day(value)
    return "none" if value in (None, "") else str(value)


def _asset_version() -> str:
    """Changes with any of our static files, so that browsers may keep them for long."""
    return digest("".join(path.read_text() for path in sorted(STATIC.iterdir()) if path.is_file()))[
        :12
    ]
