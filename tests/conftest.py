"""What several folders of tests share: a run takes half a minute, so each process makes it once.

`make test` runs two processes side by side. Which tests belong in one of them is said here.
"""

from pathlib import Path

import pytest
from hypothesis import settings

from tests.integration.run_homes import Said, reconcile_samples

# The gate says the same of the same commit each time; `make soak` looks elsewhere with each run.
settings.register_profile("gate", derandomize=True)
settings.register_profile("search", derandomize=False, print_blob=True)
settings.load_profile("gate")

# Folders whose tests share something dear; in all others the tests of a file stay together.
TOGETHER = ("browser", "console", "dbt", "definitions", "scenarios")
# Long ones begin, so that no process is left with one when the other has ended.
FIRST = ("integration", "scenarios", "faults")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name the tests that one process has to run, and put the long ones first."""
    for item in items:
        folder = item.path.parent.name
        group = folder if folder in TOGETHER else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: item.path.parent.name not in FIRST)


@pytest.fixture(scope="session")
def first_run(tmp_path_factory) -> tuple[Path, Said]:
    """A home after its first run, which nobody may change, and what that run said."""
    home = tmp_path_factory.mktemp("first_run") / "home"
    return home, reconcile_samples(home, "--json")
