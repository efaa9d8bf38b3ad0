"""One console in a process of its own, one browser, and people of the roles that are looked at."""

import shutil
import threading
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import sync_playwright

from orchestration.settings import PROJECT_ROOT
from tests.console.people import PASSWORD, open_console
from tests.integration.run_homes import copy_home

PICTURES = PROJECT_ROOT / ".cache" / "console-pictures"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="session")
def console(second_run, tmp_path_factory):
    """A console over two runs of the samples."""
    return open_console(copy_home(second_run, tmp_path_factory.mktemp("browser")))


@pytest.fixture(scope="session")
def address(console):
    """Its address, on a free port of this machine."""
    import socket

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    server = uvicorn.Server(uvicorn.Config(console.app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=20)


@pytest.fixture(scope="session")
def chromium():
    """Debian's browser; `make test` installs it where it is absent."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs chromium, which `make system-packages` installs where it may")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def open_as(chromium, address):
    """Open a browser in which a person of a role is signed in; every request is watched."""
    contexts = []

    def opened(role: str, *, width: int = 1360, scheme: str = "light", scripts: bool = True):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme,
            java_script_enabled=scripts, base_url=address,
        )  # fmt: skip
        contexts.append(context)
        page = context.new_page()
        page.asked = []
        page.complaints = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda said: page.complaints.append(f"{said.type}: {said.text}"))
        sign_in(page, role)
        return page

    yield opened
    for context in contexts:
        context.close()


def sign_in(page, who: str) -> None:
    """Sign somebody in by the form."""
    page.goto("/sign-in")
    page.fill("#email", f"{who}@example.com")
    page.fill("#password", PASSWORD)
    page.click("main button.main")
    page.wait_for_url(lambda url: "/sign-in" not in url)


@pytest.fixture
def keep():
    """Keep a picture of a page, for people to look at."""

    def kept(page, name: str) -> Path:
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{name}.png"
        page.screenshot(path=path, full_page=True)
        return path

    return kept
