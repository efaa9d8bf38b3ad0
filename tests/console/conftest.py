"""What the tests of the console share: one home with a publication, one console over it."""

import pytest

from tests.console.people import Console, open_console
from tests.integration.run_homes import copy_home


@pytest.fixture(scope="session")
def console(first_run, tmp_path_factory) -> Console:
    """A console over the reconciled samples, with one person a role."""
    home = copy_home(first_run[0], tmp_path_factory.mktemp("console"))
    opened = open_console(home)
    yield opened
    opened.close()


@pytest.fixture
def empty_console(tmp_path) -> Console:
    """A console over a home in which nothing was published and nobody has an account."""
    opened = open_console(tmp_path / "home", with_people=False)
    yield opened
    opened.close()
