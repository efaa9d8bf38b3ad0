"""How a request that cannot be answered ends: a page in words, never a traceback.

What belongs here: errors to pages. What does not: raising them.
"""

import secrets
import traceback
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from console.accounts.oidc import SignInRefused
from console.web.guard import Refused, SignInFirst
from console.web.templating import link, render
from orchestration.core.errors import ReconError, UsageRefused
from orchestration.settings import Settings
from orchestration.warehouse.reader import NothingPublished

_WORDS = {
    404: ("Nothing is here", "The address is mistyped, or what it showed was settled and is gone."),
    405: ("That is not possible here", "Go back and use the buttons of the page."),
    413: ("Too much", "That is more than a form of this console can hold."),
}


class NotFound(Exception):
    """What was asked for is not in this publication, or not for this viewer; says what to do."""


def add_error_pages(app: FastAPI) -> None:
    """Give every kind of error its page."""
    app.add_exception_handler(SignInFirst, _sign_in_first)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(NotFound, _not_found)
    app.add_exception_handler(NothingPublished, _nothing_published)
    app.add_exception_handler(SignInRefused, _sign_in_refused)
    app.add_exception_handler(ReconError, _expected)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def _page(request: Request, status: int, title: str, message: str, **more: Any) -> Response:
    return render(
        request, "error.html", status=status, title=title, message=message, **{"steps": (), **more}
    )


def _sign_in_first(request: Request, error: Any) -> Response:
    address = link("/sign-in", {"next": error.next_path if error.next_path != "/" else ""})
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"hx-redirect": address})
    return RedirectResponse(address, 303)


def _refused(request: Request, error: Any) -> Response:
    return _page(request, 403, error.title, str(error))


def _not_found(request: Request, error: Any) -> Response:
    return _page(request, 404, "Not found", str(error))


def _nothing_published(request: Request, _error: Any) -> Response:
    return _page(
        request,
        503,
        "Nothing is published yet",
        "The console shows what the last finished run published, and no run has finished in this "
        "home yet. Whoever operates it starts one by either of these:",
        steps=("make run", "meshline run --landing DIR"),
    )


def _sign_in_refused(request: Request, error: Any) -> Response:
    return _page(request, 403, "Sign-in did not work", str(error))


def _expected(request: Request, error: Any) -> Response:
    is_lookup = isinstance(error, UsageRefused) and request.method in {"GET", "HEAD"}
    status = 404 if is_lookup else 409
    return _page(request, status, "That did not work", str(error))


def _unreadable(request: Request, error: Any) -> Response:
    names = sorted({str(each["loc"][-1]) for each in error.errors()})
    return _page(
        request,
        422,
        "The address has a value that cannot be used",
        f"Look at: {', '.join(names)}. Remove it from the address, or choose it on the page.",
    )


def _http(request: Request, error: Any) -> Response:
    title, message = _WORDS.get(error.status_code, ("That did not work", "Go back and try again."))
    return _page(request, error.status_code, title, message)


def _unexpected(request: Request, error: Exception) -> Response:
    number = secrets.token_hex(4)
    settings: Settings = request.app.state.console.config.settings
    _write_down(settings, number, request, error)
    return _page(
        request,
        500,
        "This should not happen",
        f"The details are in the log of the console under {number}. Nothing was changed.",
    )


def _write_down(settings: Settings, number: str, request: Request, error: Exception) -> None:
    """Keep the details for whoever runs the console; a full disk must not hide the page."""
    path = settings.home / "logs" / "errors.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(
                f"--- {datetime.now(UTC).isoformat()} console {number} {request.url.path!r}\n"
            )
            log.write("".join(traceback.format_exception(error)))
    except OSError:
        return
