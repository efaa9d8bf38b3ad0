"""The web application: its routes and what stands around them.

What belongs here: assembly. What does not: pages (`console.pages`) and rights.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute

from console.config import ConsoleConfig
from console.pages import ROUTERS
from console.state import State, make_state
from console.web.errors import add_error_pages
from console.web.guard import guard
from console.web.headers import Protection
from orchestration.core.errors import ContractError

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def build_app(config: ConsoleConfig) -> FastAPI:
    """Return the application of a console.

    Raises:
        ContractError: The policy, a panel or a setting is not valid, or a route has no place in
            the policy.
    """
    state = make_state(config)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        state.close()

    app = FastAPI(
        title="Meshline console",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=lifespan,
        dependencies=[Depends(guard)],
    )
    app.state.console = state
    for router in ROUTERS:
        app.include_router(router)
    _refuse_unlisted(app, state)
    add_error_pages(app)
    app.add_middleware(Protection, hosts=_hosts(config), is_secure=config.is_secure)
    return app


def route_names(app: FastAPI) -> tuple[str, ...]:
    """The names of all routes."""
    found: list[str] = []
    waiting = list(app.routes)
    while waiting:
        route = waiting.pop(0)
        if isinstance(route, APIRoute):
            found.append(route.name)
        waiting += list(getattr(getattr(route, "original_router", None), "routes", ()))
    return tuple(found)


def _refuse_unlisted(app: FastAPI, state: State) -> None:
    """Routes and the policy name each other, or the console does not start."""
    policy, names = state.policy, set(route_names(app))
    listed = {*policy.signed_in, *policy.anyone}
    listed |= {route for area in policy.areas.values() for route in area.routes}
    problems = [f"route {name} is not in the policy" for name in sorted(names - listed)]
    problems += [f"the policy names {name}, which is no route" for name in sorted(listed - names)]
    if problems:
        raise ContractError(
            "seeds/policies/console_roles.yml does not fit the console:\n  " + "\n  ".join(problems)
        )


def _hosts(config: ConsoleConfig) -> tuple[str, ...]:
    """The names that the console answers under; any when it listens everywhere behind a proxy."""
    named = [urlsplit(config.file.public_url).hostname] if config.file.public_url else []
    host = f"[{config.host}]" if ":" in config.host else config.host
    if host in {"0.0.0.0", "[::]"} and not named:  # noqa: S104, compared and not bound
        return ()
    return (*_LOOPBACK, host, *(name for name in named if name))
