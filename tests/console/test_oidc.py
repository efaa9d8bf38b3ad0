"""Signing in by an identity provider, against a real one that runs here."""

import re
import socket
import subprocess
import sys
import time
import urllib.request

import httpx2
import pytest
from starlette.testclient import TestClient

from console.app import build_app
from console.config import load_config
from orchestration.settings import load_settings


@pytest.fixture(scope="module")
def issuer():
    """A provider on a free port, with Fay in finance and Ned in no group of ours."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "oidc_provider_mock",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    provider = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    for _ in range(100):
        try:
            urllib.request.urlopen(f"{address}/.well-known/openid-configuration", timeout=5)
            break
        except OSError:
            time.sleep(0.1)
    people = {
        "fay": {"email": "Fay@Example.com", "name": "Fay", "groups": ["fin"], "person": "per-abel"},
        "ned": {"email": "ned@example.com", "name": "Ned", "groups": ["else"]},
        "ines": {"email": "local@example.com", "name": "Ines", "groups": ["fin"]},
    }
    for subject, claims in people.items():
        answer = httpx2.put(f"{address}/users/{subject}", json=claims)
        assert answer.status_code < 300, answer.text
    yield address
    provider.terminate()
    provider.wait(timeout=20)


@pytest.fixture
def app(issuer, tmp_path):
    (tmp_path / "console.yml").write_text(
        f"oidc:\n  issuer: {issuer}\n  client_id: meshline\n  person_claim: person\n"
        "  client_secret_file: secret\n  roles: {fin: finance, ops: operations}\n"
    )
    (tmp_path / "secret").write_text("not-a-secret\n")
    made = build_app(load_config(load_settings(home=tmp_path), "127.0.0.1", 8700))
    yield made
    made.state.console.close()


def walk(app, subject: str, *, change=lambda url: url):
    """Go through the provider as a person would; return the client and the last answer."""
    client = TestClient(app, base_url="http://127.0.0.1:8700", follow_redirects=False)
    begun = client.get("/oidc?next=/settings")
    assert begun.status_code == 302
    assert "code_challenge_method=S256" in begun.headers["location"]
    agreed = httpx2.post(begun.headers["location"], data={"sub": subject})
    back = change(agreed.headers["location"])
    return client, client.get(re.sub(r"^http://[^/]+", "", back))


def test_a_person_of_a_known_group_signs_in_with_its_role(app):
    client, answer = walk(app, "fay")
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings")
    account = app.state.console.store.account_of_email("fay@example.com")
    assert (account["role_code"], account["person_id"]) == ("finance", "per-abel")
    assert client.get("/settings").status_code == 200
    assert account["password_hash"] is None


def test_a_role_is_read_anew_at_each_sign_in(app, issuer):
    walk(app, "fay")
    claims = {"email": "fay@example.com", "name": "Fay", "groups": ["ops"], "person": "per-abel"}
    httpx2.put(f"{issuer}/users/fay", json=claims)
    walk(app, "fay")
    assert app.state.console.store.account_of_email("fay@example.com")["role_code"] == "operations"
    httpx2.put(f"{issuer}/users/fay", json={**claims, "groups": ["fin"]})


def test_a_person_without_a_role_here_is_told_so(app):
    client, answer = walk(app, "ned")
    assert answer.status_code == 403
    assert "none of your groups has a role" in answer.text
    assert client.get("/overview").status_code == 303


def test_an_address_alone_does_not_take_over_a_local_account(app):
    app.state.console.store.add_account("local@example.com", "L", "administrator")
    _, answer = walk(app, "ines")
    assert answer.status_code == 403
    assert "has a local account" in answer.text


def test_a_forged_state_or_a_code_without_its_cookie_is_refused(app):
    _, answer = walk(app, "fay", change=lambda url: re.sub(r"state=[^&]+", "state=forged", url))
    assert answer.status_code == 403
    other = TestClient(app, base_url="http://127.0.0.1:8700", follow_redirects=False)
    assert other.get("/oidc/return?code=x&state=y").status_code == 403


def test_a_provider_that_is_gone_is_told_in_words(tmp_path):
    (tmp_path / "console.yml").write_text(
        "oidc: {issuer: 'http://127.0.0.1:9', client_id: m, roles: {fin: finance}}\n"
    )
    made = build_app(load_config(load_settings(home=tmp_path), "127.0.0.1", 8700))
    answer = TestClient(made, base_url="http://127.0.0.1:8700").get("/oidc")
    assert answer.status_code == 403
    assert "cannot be reached" in answer.text
    made.state.console.close()
