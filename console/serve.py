"""`meshline serve`: one process that answers browsers until it is stopped.

What belongs here: starting and what it prints. What does not: the application (`console.app`).
"""

import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from console.app import build_app
from console.charts import warm_up
from console.config import ConsoleConfig, with_port
from console.state import State
from console.warming import keep_warm
from console.web.templating import environment
from orchestration.core.errors import UsageRefused
from orchestration.warehouse.reader import NothingPublished
from orchestration.warehouse.snapshots import do_without_frames

ADMINISTRATOR = "administrator"


def serve(config: ConsoleConfig, tell: Callable[[str], None], *, new_link: bool = False) -> None:
    """Serve a console until it is stopped.

    Args:
        config: Where to listen and what to show.
        tell: Takes each line for the person who started it.
        new_link: Print a one-time link for an administrator although there are accounts.

    Raises:
        UsageRefused: The port is taken.
        ContractError: The policy, a panel or `console.yml` is not valid.
    """
    import uvicorn

    do_without_frames()
    listener = _listen(config)
    config = with_port(config, listener.getsockname()[1])
    app = build_app(config)
    state: State = app.state.console
    tell(f"Meshline console: {config.base_url}   (Ctrl-C stops it)")
    if new_link or not state.store.has_accounts():
        token = state.store.make_link(None, ADMINISTRATOR)
        tell(
            f"One-time link for an administrator, good for {state.policy.sign_in.link_hours} hours:"
        )
        tell(f"  {config.base_url}/welcome/{token}")
    with suppress(NothingPublished), state.snapshots.pin():
        pass
    if not (config.settings.serving / "current.json").exists():
        tell(f"Nothing is published in {config.settings.home} yet: run `meshline run` beside it.")
    stop = threading.Event()
    threading.Thread(target=_warm_up, args=(state, stop), daemon=True).start()
    tls = config.file.tls
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=bool(config.file.trusted_proxies),
            forwarded_allow_ips=list(config.file.trusted_proxies),
            ssl_certfile=str(tls.certificate) if tls else None,
            ssl_keyfile=str(tls.key) if tls else None,
            timeout_graceful_shutdown=5,
        )
    )
    sys.stdout.flush()
    try:
        server.run(sockets=[listener])
    finally:
        stop.set()


def _warm_up(state: State, stop: threading.Event) -> None:
    """Do what the first visitor would wait for: templates, the engine of the charts, figures."""
    templates = environment()
    for name in templates.list_templates(extensions=["html"]):
        templates.get_template(name)
    warm_up()
    keep_warm(state, stop)


def _listen(config: ConsoleConfig) -> socket.socket:
    """Take the port first: a taken one is told before anything else happens."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
    except OSError as error:
        listener.close()
        raise UsageRefused(
            f"{config.host}:{config.port} cannot be listened on ({error.strerror}). Another "
            "program holds it, or the address is not this machine's: choose --port or --host."
        ) from error
    listener.listen(128)
    return listener
