"""Signing in and out, one-time links, the theme.

What belongs here: the pages before there is a viewer. What does not: managing accounts.
"""

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from console.accounts.oidc import SignInRefused
from console.accounts.passwords import hash_password, is_password, weaknesses
from console.state import State
from console.web.deps import Parts
from console.web.errors import NotFound
from console.web.guard import SESSION_PURPOSE, cookie_name, safe_next
from console.web.templating import render

router = APIRouter()
_WRONG = "This address and password do not go together. Check both and try again."
_LOCKED = (
    "Too many wrong passwords. Wait {minutes} minutes, or ask an administrator for a new link."
)
_SLOWLY = "Too many tries in a minute from here. Wait a minute and try again."
_OIDC = "meshline_oidc"


@router.get("/sign-in", name="sign_in")
def sign_in(request: Request, state: Parts, next: str = "") -> Response:  # noqa: A002, in the address
    """The form; whoever is signed in goes on at once."""
    if request.state.viewer is not None:
        return RedirectResponse(safe_next(next), 303)
    return _form(request, state, next_path=safe_next(next))


@router.post("/sign-in", name="sign_in_try")
def sign_in_try(request: Request, state: Parts) -> Response:
    """Check address and password; every failure sounds the same."""
    form = request.state.form
    email, next_path = form.get("email", "").strip().lower(), safe_next(form.get("next"))
    if not state.throttle.is_allowed(_client(request)):
        return _form(request, state, email=email, error=_SLOWLY, status=429, next_path=next_path)
    account = state.store.account_of_email(email)
    if account is not None and state.store.is_locked(account):
        minutes = state.policy.sign_in.lock_minutes
        problem = _LOCKED.format(minutes=minutes)
        return _form(request, state, email=email, error=problem, status=429, next_path=next_path)
    kept = account["password_hash"] if account is not None and account["is_active"] else None
    if not is_password(kept, form.get("password", "")):
        if account is not None:
            state.store.note_failure(account)
        state.store.note(None, email[:200], "sign-in refused", "password")
        return _form(request, state, email=email, error=_WRONG, status=401, next_path=next_path)
    assert account is not None  # noqa: S101, a password fits only an account
    return _let_in(state, account, next_path)


@router.post("/sign-out", name="sign_out")
def sign_out(request: Request, state: Parts) -> Response:
    """End the session here and on the server."""
    name = cookie_name(state.config, "meshline_session")
    token = state.signer.read(
        SESSION_PURPOSE, request.cookies.get(name), state.policy.sign_in.longest_hours * 3600
    )
    if isinstance(token, str):
        state.store.end_session(token)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(name, secure=state.config.is_secure, httponly=True, samesite="lax")
    return answer


@router.get("/welcome/{link}", name="welcome")
def welcome(request: Request, state: Parts, link: str) -> Response:
    """Where a one-time link leads: choose a password."""
    found = state.store.follow_link(link)
    if found is None:
        raise NotFound(
            "This link was used already or has ended. Ask an administrator for a new one, or run "
            "`meshline serve --new-link` on the machine of the console."
        )
    return render(request, "welcome.html", found=found, secret=link, errors=(), values={})


@router.post("/welcome/{link}", name="welcome_set")
def welcome_set(request: Request, state: Parts, link: str) -> Response:
    """Set the password of a new account and sign in."""
    form = request.state.form
    found = state.store.follow_link(link)
    if found is None:
        raise NotFound("This link was used already or has ended. Ask for a new one.")
    email = (found.email or form.get("email", "")).strip().lower()
    name = (found.name or form.get("name", "")).strip()
    password = form.get("password", "")
    errors = list(weaknesses(password, state.policy.sign_in.least_password_length, email=email))
    if "@" not in email or len(email) > 254:
        errors.append("Give your e-mail address.")
    if not name or len(name) > 100:
        errors.append("Give your name, as others should see it.")
    if password != form.get("again"):
        errors.append("The two passwords differ.")
    if found.account_id is None and state.store.account_of_email(email) is not None:
        errors.append("This address has an account already.")
    if errors:
        return render(
            request,
            "welcome.html",
            status=422,
            found=found,
            secret=link,
            errors=errors,
            values=form,
        )
    if not state.store.use_link(found):
        raise NotFound("This link was used by somebody else a moment ago. Ask for a new one.")
    hashed = hash_password(password)
    if found.account_id is None:
        account_id = state.store.add_account(email, name, found.role_code, password_hash=hashed)
    else:
        account_id = found.account_id
        state.store.change_account(
            account_id, name=name, password_hash=hashed, failure_count=0, locked_until=None
        )
    account = state.store.account(account_id)
    assert account is not None  # noqa: S101, it was just written
    return _let_in(state, account, "/")


@router.get("/oidc", name="oidc_begin")
async def oidc_begin(request: Request, state: Parts, next: str = "") -> Response:  # noqa: A002
    """Send the browser to the identity provider."""
    if state.provider is None:
        raise NotFound("No identity provider is set up: sign in with a password.")
    request.scope["session"] = {}
    answer = await state.provider.begin(request, f"{state.config.base_url}/oidc/return")
    answer.set_cookie(
        cookie_name(state.config, _OIDC),
        state.signer.sign(_OIDC, {"session": request.session, "next": safe_next(next)}),
        max_age=600,
        httponly=True,
        samesite="lax",
        secure=state.config.is_secure,
    )
    return answer


@router.get("/oidc/return", name="oidc_return")
async def oidc_return(request: Request, state: Parts) -> Response:
    """Take the provider's answer, and let in whom a group gives a role."""
    if state.provider is None:
        raise NotFound("No identity provider is set up: sign in with a password.")
    name = cookie_name(state.config, _OIDC)
    kept: Any = state.signer.read(_OIDC, request.cookies.get(name), 600)
    if not isinstance(kept, dict):
        raise SignInRefused("This sign-in took too long or its cookie is gone: begin again.")
    request.scope["session"] = kept["session"]
    identity = await state.provider.identify(request)
    role = state.provider.role_of(identity, tuple(state.policy.roles))
    account = await run_in_threadpool(_account_of, state, identity, role)
    answer: Response = await run_in_threadpool(_let_in, state, account, safe_next(kept["next"]))
    answer.delete_cookie(name, secure=state.config.is_secure, httponly=True, samesite="lax")
    return answer


@router.post("/theme", name="theme")
def theme(request: Request, state: Parts) -> Response:
    """Choose light, dark or the system's way; works without scripts."""
    wanted = request.state.form.get("theme", "system")
    answer = RedirectResponse(safe_next(request.state.form.get("next")), 303)
    answer.set_cookie(
        "meshline_theme",
        wanted if wanted in {"light", "dark"} else "system",
        max_age=31_536_000,
        samesite="lax",
        httponly=True,
        secure=state.config.is_secure,
    )
    return answer


def _account_of(state: State, identity: Any, role: str) -> Any:
    """The account of an identity; made at the first sign-in, its role renewed at each.

    An address alone never takes over a local account: an administrator links the two by hand.
    """
    account = state.store.account_of_subject(identity.subject)
    values = {"role_code": role, "name": identity.name}
    if identity.person_id:
        values["person_id"] = identity.person_id
    if account is None:
        if state.store.account_of_email(identity.email) is not None:
            raise SignInRefused(
                "Your address has a local account here. Sign in with its password, or ask an "
                "administrator to remove it."
            )
        account_id = state.store.add_account(
            identity.email or identity.subject,
            subject=identity.subject,
            **values,
        )
    elif not account["is_active"]:
        raise SignInRefused("Your account is switched off. Ask an administrator.")
    else:
        account_id = account["account_id"]
        if any(account[name] != value for name, value in values.items()):
            state.store.change_account(account_id, **values)
    return state.store.account(account_id)


def _let_in(state: State, account: Any, next_path: str) -> Response:
    """Begin a session and go on; the session is a new one, whatever the browser had."""
    token = state.store.begin_session(account["account_id"])
    state.store.note(account["account_id"], account["email"], "signed in", account["role_code"])
    answer = RedirectResponse(next_path, 303)
    answer.set_cookie(
        cookie_name(state.config, "meshline_session"),
        state.signer.sign(SESSION_PURPOSE, token),
        max_age=state.policy.sign_in.longest_hours * 3600,
        httponly=True,
        samesite="lax",
        secure=state.config.is_secure,
    )
    return answer


def _form(
    request: Request, state: State, *, status: int = 200, error: str = "", **values: str
) -> Response:
    return render(
        request,
        "sign_in.html",
        status=status,
        error=error,
        provider=state.provider.oidc if state.provider else None,
        has_accounts=state.store.has_accounts(),
        values={"email": "", "next_path": "/", **values},
    )


def _client(request: Request) -> str:
    return request.client.host if request.client else "unknown"
