"""One warehouse without rows, built once, for all tests of the SQL project."""

import pytest

from tests.dbt.project import DbtHome, make_home


@pytest.fixture(scope="session")
def built_home(tmp_path_factory) -> DbtHome:
    """Return a home in which dbt has built every model over no rows at all."""
    home = make_home(tmp_path_factory.mktemp("dbt") / "home")
    done = home.dbt("build", "--exclude-resource-types", "test", "unit_test")
    assert done.returncode == 0, done.stdout
    return home
