"""Fixtures of the ledger's tests: each database has its own, every test an empty one."""

import itertools
from collections.abc import Iterator

import pytest

from orchestration.ledger.store import Ledger, open_ledger
from tests.ledger import postgres

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
