"""What several folders of tests share: a run takes half a minute, so each process makes it once.

`make test` runs two processes side by side. Which tests belong in one of them is said here.
"""

from pathlib import Path

import pytest
from hypothesis import settings

from tests.integration.run_homes import Said, copy_home, reconcile_news, reconcile_samples

# The gate says the same of the same commit each time; `make soak` looks elsewhere with each run.
settings.register_profile("gate", derandomize=True)
settings.register_profile("search", derandomize=False, print_blob=True)
settings.load_profile("gate")

# Folders whose tests share something dear; in all others the tests of a file stay together.
TOGETHER = ("browser", "console", "dbt", "definitions", "scenarios")
# Long ones begin, so that no process is left with one when the other has ended.
FIRST = ("integration", "scenarios", "faults")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long tests first."""
    items.sort(key=lambda item: item.path.parent.name not in FIRST)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give each process whole files, or whole folders. Marks of groups are lost on pytest 9."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFolder(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            folder = file.rpartition("/")[0]
            return folder if folder.rpartition("/")[2] in TOGETHER else file

    return ByFolder(config, log)


@pytest.fixture(scope="session")
def first_run(tmp_path_factory) -> tuple[Path, Said]:
    """A home after its first run, which nobody may change, and what that run said."""
    home = tmp_path_factory.mktemp("first_run") / "home"
    return home, reconcile_samples(home, "--json")


@pytest.fixture(scope="session")
def second_run(first_run, tmp_path_factory) -> Path:
    """A home after a second run, which nobody may change: one order of it was changed and paid."""
    folder = tmp_path_factory.mktemp("second_run")
    home = copy_home(first_run[0], folder)
    said = reconcile_news(home, folder / "landing")
    assert said.exit_code == 0, said.stderr
    return home
