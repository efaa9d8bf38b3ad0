"""A console as tests use it: people of every role, signed-in clients, forms with their token.

What belongs here: making and driving. What does not: tests. Only tests import this.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from pathlib import Path

from fastapi import FastAPI
from starlette.testclient import TestClient

from console.accounts.passwords import hash_password
from console.app import build_app
from console.config import load_config
from console.state import State
from orchestration.settings import load_settings

PASSWORD = "a sentence nobody guesses"
# The samples' people: two who sell, their manager, and one of each other role.
PERSONS = {
    "sales": "per-ines",
    "sales_leader": "per-tove",
    "finance": "per-abel",
    "operations": "per-dunya",
    "marketplace": "per-milo",
    "platform": "per-kei",
    "control": "per-bram",
}
MANAGERS = {"per-ines": "per-tove", "per-joko": "per-tove"}


@lru_cache(maxsize=1)
def password_hash() -> str:
    return hash_password(PASSWORD)


@dataclass
class Console:
    app: FastAPI

    @property
    def state(self) -> State:
        return self.app.state.console

    def visitor(self) -> TestClient:
        """A browser in which nobody is signed in."""
        return TestClient(
            self.app,
            base_url="http://127.0.0.1",
            follow_redirects=False,
            raise_server_exceptions=False,
        )

    def client(self, role: str) -> TestClient:
        """A browser in which a person of a role is signed in."""
        client = self.visitor()
        answer = sign_in(client, f"{role}@example.com", PASSWORD)
        assert answer.status_code == 303, answer.text
        return client

    def close(self) -> None:
        self.state.close()


def open_console(home: Path, *, with_people: bool = True) -> Console:
    app = build_app(load_config(load_settings(home=home), "127.0.0.1", 8700))
    console = Console(app)
    if with_people:
        for role in console.state.policy.roles:
            person = PERSONS.get(role)
            console.state.store.add_account(
                f"{role}@example.com",
                role.title(),
                role,
                person_id=person,
                manager_id=MANAGERS.get(person),
                password_hash=password_hash(),
            )
        console.state.store.add_account(
            "joko@example.com",
            "Joko",
            "sales",
            person_id="per-joko",
            manager_id="per-tove",
            password_hash=password_hash(),
        )
    # One address tries many passwords here; the throttle has tests of its own.
    console.state.throttle._most = 100_000
    return console


def colleague(console: Console) -> TestClient:
    """A browser in which a second person of finance is signed in, who signs what the first asks."""
    store = console.state.store
    if store.account_of_email("rhea@example.com") is None:
        store.add_account(
            "rhea@example.com", "Rhea", "finance", person_id="per-rhea",
            password_hash=password_hash(),
        )  # fmt: skip
    client = console.visitor()
    sign_in(client, "rhea@example.com", PASSWORD)
    return client


def token_of(text: str) -> str:
    """The write token of a page."""
    return re.search(r'name="_token" value="([0-9a-f]{64})"', text)[1]


def text_of(page: str) -> str:
    """What a person reads on a page: without tags, blanks as one."""
    content = page.partition("<main")[2].partition(">")[2] or page
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", content)).split())


def sign_in(client: TestClient, email: str, password: str):
    token = token_of(client.get("/sign-in").text)
    return client.post("/sign-in", data={"email": email, "password": password, "_token": token})


def post(client: TestClient, path: str, seen_on: str = "/settings", **fields: str):
    """Send a form as a page of ours would."""
    return client.post(path, data={"_token": token_of(client.get(seen_on).text), **fields})
