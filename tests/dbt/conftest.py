"""One warehouse without rows, built once, for all tests of the SQL project."""

from collections.abc import Iterator

import duckdb
import pytest

from tests.dbt.macros import render
from tests.dbt.project import DbtHome, make_home


@pytest.fixture(scope="session")
def built_home(tmp_path_factory) -> DbtHome:
    """Return a home in which dbt has built every model over no rows at all."""
    home = make_home(tmp_path_factory.mktemp("dbt") / "home")
    done = home.dbt("build", "--exclude-resource-types", "test", "unit_test")
    assert done.returncode == 0, done.stdout
    return home


@pytest.fixture(scope="session")
def rendered(built_home) -> dict[str, str]:
    """Return the SQL of each macro by the name of its template."""
    return render(built_home)


@pytest.fixture
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    """Return an empty database of a test's own."""
    with duckdb.connect() as connection:
        yield connection
