"""`meshline serve` and `console.yml`: where it listens, whom it trusts, what it prints."""

import re
import subprocess
import sys
import time
import urllib.request

import pytest
from starlette.testclient import TestClient

from console.app import build_app
from console.config import load_config
from orchestration.core.errors import ContractError, UsageRefused
from orchestration.settings import PROJECT_ROOT, load_settings
from tests.integration.run_homes import copy_home

START_SECONDS = 3.0


def test_it_starts_soon_and_prints_one_link_for_the_first_administrator(first_run, tmp_path):
    home = copy_home(first_run[0], tmp_path)
    begun = time.monotonic()
    server = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "serve", "--home", str(home), "--port", "0"],
        cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        address = re.search(r"http://127\.0\.0\.1:\d+", server.stdout.readline())[0]
        assert "One-time link" in server.stdout.readline()
        link = server.stdout.readline().strip()
        assert link.startswith(f"{address}/welcome/")
        with urllib.request.urlopen(link, timeout=10) as page:
            took = time.monotonic() - begun
            assert "setting up this console" in page.read().decode()
        # A loaded machine may take longer; what matters is seconds and not tens of them.
        assert took < START_SECONDS * 3
    finally:
        server.terminate()
        server.wait(timeout=20)


def test_a_taken_port_is_told_in_words(first_run, tmp_path):
    import socket

    home = copy_home(first_run[0], tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = subprocess.run(
            [sys.executable, "-m", "orchestration.cli", "serve", "--home", str(home), "--port",
             str(taken.getsockname()[1])],
            cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert "choose --port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "console.example.com"])
def test_a_public_address_without_tls_is_refused(tmp_path, host):
    with pytest.raises(UsageRefused, match="tls:"):
        load_config(load_settings(home=tmp_path), host, 8700)


def test_a_public_address_with_tls_or_a_trusted_proxy_is_taken(tmp_path):
    settings = load_settings(home=tmp_path)
    (tmp_path / "console.yml").write_text("tls: {certificate: a.crt, key: a.pem}\n")
    config = load_config(settings, "0.0.0.0", 8700)
    assert config.is_secure
    assert config.file.tls.certificate == tmp_path / "a.crt"
    (tmp_path / "console.yml").write_text(
        "public_url: https://meshline.example.com\ntrusted_proxies: [10.0.0.7]\n"
    )
    app = build_app(load_config(settings, "0.0.0.0", 8700))
    client = TestClient(app, base_url="https://meshline.example.com")
    answer = client.get("/sign-in")
    assert answer.status_code == 200
    assert "__Host-meshline_visit" in answer.headers["set-cookie"]
    assert "Secure" in answer.headers["set-cookie"]
    assert "strict-transport-security" in answer.headers
    assert client.get("/sign-in", headers={"host": "other.example"}).status_code == 400
    app.state.console.close()


def test_every_mistake_in_console_yml_is_told_at_once(tmp_path):
    (tmp_path / "console.yml").write_text("tls: {key: a}\npublic: x\noidc: {issuer: y}\n")
    with pytest.raises(ContractError) as refused:
        load_config(load_settings(home=tmp_path), "127.0.0.1", 8700)
    for told in ("tls.certificate", "public", "oidc.client_id", "oidc.roles"):
        assert told in str(refused.value)


def test_the_pilot_report_comes_from_the_command_line_too(first_run, tmp_path):
    out = tmp_path / "pilot.html"
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "report", "pilot", "--home",
         str(first_run[0]), "--segment", "commerce", "--out", str(out)],
        cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "<h1>Pilot report: Commerce</h1>" in out.read_text()
