"""The door of every route: who comes, may they, and does a write come from our own page.

What belongs here: refusing. What does not: rights (`console.access.policy`) and row limits.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from console.access.viewer import Viewer
from console.accounts.store import people_under
from console.accounts.tokens import digest
from console.config import ConsoleConfig
from console.state import State

SESSION_PURPOSE = "session"
BEFORE_SIGN_IN = "before-sign-in"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_TEAM = "select person_id, manager_id from dim_people where person_id is not null"


class SignInFirst(Exception):
    """Nobody is signed in; `next_path` is where they wanted to go."""

    def __init__(self, next_path: str) -> None:
        super().__init__(next_path)
        self.next_path = next_path


class Refused(Exception):
    """Somebody is signed in and may not; the message says why, for people."""

    title = "Not for your role"


class NotOurForm(Refused):
    """A form is not one of ours, or of a page that was open for too long."""

    title = "Nothing was sent"


def cookie_name(config: ConsoleConfig, name: str) -> str:
    """Over TLS the name binds a cookie to this very host."""
    return f"__Host-{name}" if config.is_secure else name


async def guard(request: Request) -> None:
    """Let a request in, with `request.state.viewer` and `.form` set, or raise.

    Raises:
        SignInFirst: The route is not open to everyone, and nobody is signed in.
        Refused: The role may not use the route, or the write does not come from our page.
    """
    state: State = request.app.state.console
    route = request.scope["route"].name
    viewer = await run_in_threadpool(find_viewer, request, state)
    request.state.viewer = viewer
    request.state.form = {}
    if not state.policy.may_open(viewer.role_code if viewer else None, route):
        if viewer is None:
            raise SignInFirst(_path_of(request))
        raise Refused(
            f"Your role ({viewer.role.label}) does not include this page. "
            "Ask an administrator if you need it for your work."
        )
    if request.method not in _SAFE:
        form = await request.form(max_files=0, max_fields=200)
        request.state.form = {name: str(value) for name, value in form.items()}
        _check_origin(request)
        _check_token(request, state, viewer)


def find_viewer(request: Request, state: State) -> Viewer | None:
    """Return who is signed in; None when nobody is."""
    cookie = request.cookies.get(cookie_name(state.config, "meshline_session"))
    longest = state.policy.sign_in.longest_hours * 3600
    token = state.signer.read(SESSION_PURPOSE, cookie, longest)
    account = state.store.session(token) if isinstance(token, str) else None
    if account is None or account["role_code"] not in state.policy.roles:
        return None
    return viewer_of(account, state, digest(str(token)))


def viewer_of(account: Mapping[str, Any], state: State, session_id: str) -> Viewer:
    """The viewer that an account is."""
    role = state.policy.roles[account["role_code"]]
    person = account["person_id"]
    if person is None:
        team: tuple[str, ...] = ()
    elif role.rows.sales_owner == "team":
        team = tuple(sorted({*state.store.team_of(person), *_published_team(state, person)}))
    else:
        team = (person,)
    return Viewer(
        account_id=account["account_id"],
        name=account["name"],
        email=account["email"],
        role_code=account["role_code"],
        role=role,
        person_id=person,
        team=team,
        session_id=session_id,
    )


def _published_team(state: State, person_id: str) -> tuple[str, ...]:
    """Who reports to a person by the people that the source systems sent; none without them."""
    if not (state.config.settings.serving / "current.json").exists():
        return ()
    with state.snapshots.pin() as published:
        if "dim_people" not in published.tables:
            return ()
        rows = state.answers.get(
            ("team", published.path),
            lambda: published.rows(_TEAM.replace("dim_people", "marts.dim_people")),
        )
    return people_under(person_id, [(row["person_id"], row["manager_id"]) for row in rows])


def _check_origin(request: Request) -> None:
    """A write comes from a page of this very site."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in {"same-origin", "none"}:
        raise NotOurForm("This form was sent from another site. Open the page here and try again.")
    origin = request.headers.get("origin")
    if origin not in (None, "null") and urlsplit(origin).netloc != request.headers.get("host"):
        raise NotOurForm("This form was sent from another site. Open the page here and try again.")


def _check_token(request: Request, state: State, viewer: Viewer | None) -> None:
    """A write carries the token of its session; before sign-in, that of the page's cookie."""
    given = request.state.form.get("_token") or request.headers.get("x-write-token")
    if viewer is not None:
        is_ours = state.signer.is_write_token(viewer.session_id, given)
    else:
        cookie = request.cookies.get(cookie_name(state.config, "meshline_visit"))
        visit = state.signer.read(BEFORE_SIGN_IN, cookie, 24 * 3600)
        is_ours = isinstance(visit, str) and state.signer.is_write_token(visit, given)
    if not is_ours:
        raise NotOurForm(
            "This page was open too long or its cookies are blocked. Go back, reload it and try "
            "again; nothing was changed."
        )


def _path_of(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return quote(request.url.path) + query if request.method in _SAFE else "/"


def safe_next(path: str | None) -> str:
    """A path of our own to go on to; never another site."""
    if not path or not path.startswith("/") or path[:2] in {"//", "/\\"} or "\\" in path:
        return "/"
    return path if not any(ord(letter) < 32 for letter in path) else "/"
