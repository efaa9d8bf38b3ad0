"""Fixtures of the ledger's tests: each database has its own, every test an empty one."""

import itertools
from collections.abc import Iterator

import pytest

from orchestration.ledger.store import Ledger, open_ledger
from tests.ledger import postgres
from tests.ledger.alert_bed import no_addresses, open_bed
from tests.ledger.tending import staffed

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server on loopback."""
    if postgres.programs() is None:
        pytest.skip("needs PostgreSQL: `make system-packages` installs it")
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request, tmp_path) -> str:
    """The URL of an empty ledger, in either database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'home' / 'ledger.db'}"
    server = request.getfixturevalue("postgres_url")
    return postgres.fresh_database(server, f"ledger_{next(_numbers)}")


@pytest.fixture
def ledger(ledger_url) -> Iterator[Ledger]:
    """An empty ledger, open for writing."""
    with open_ledger(ledger_url) as one:
        yield one


@pytest.fixture
def addresses(monkeypatch):
    """Every channel has an address; nothing is sent by a look."""
    no_addresses(monkeypatch)
    for role in ("SALES", "FINANCE", "OPERATIONS", "MARKETPLACE", "DATA", "PAGER", "CONTROL"):
        monkeypatch.setenv(f"MESHLINE_CHANNEL_{role}", "json://127.0.0.1:9/nobody")


@pytest.fixture
def bed(tmp_path, ledger_url, addresses):
    """A desk in either database, and its clock."""
    desk, clock = open_bed(tmp_path, ledger_url)
    staffed(desk.ledger)
    yield desk, clock
    desk.ledger.close()


@pytest.fixture
def light(tmp_path, addresses):
    """The same in SQLite alone, for what no database decides."""
    desk, clock = open_bed(tmp_path)
    staffed(desk.ledger)
    yield desk, clock
    desk.ledger.close()
