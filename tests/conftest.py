"""What several folders of tests share: a run takes half a minute, so it is made once."""

from pathlib import Path

import pytest
from hypothesis import settings

from tests.integration.run_homes import Said, reconcile_samples

# The gate says the same of the same commit each time; `make soak` looks elsewhere with each run.
settings.register_profile("gate", derandomize=True)
settings.register_profile("search", derandomize=False, print_blob=True)
settings.load_profile("gate")


@pytest.fixture(scope="session")
def first_run(tmp_path_factory) -> tuple[Path, Said]:
    """A home after its first run, which nobody may change, and what that run said."""
    home = tmp_path_factory.mktemp("first_run") / "home"
    return home, reconcile_samples(home, "--json")
