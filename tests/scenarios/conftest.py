"""One warehouse run a wave, over all scenarios together, shared by their tests."""

import pytest

from tests.scenarios.judging import Publication
from tests.scenarios.reading import cases
from tests.scenarios.running import run_waves


@pytest.fixture(scope="session")
def published(tmp_path_factory) -> dict[int, Publication]:
    """What was published after each wave."""
    return run_waves(cases(), tmp_path_factory.mktemp("scenarios"))
