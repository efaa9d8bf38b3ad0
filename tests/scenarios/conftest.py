"""One warehouse run a wave, over all scenarios together, shared by their tests."""

from pathlib import Path

import pytest

from tests.scenarios.judging import Publication
from tests.scenarios.reading import cases
from tests.scenarios.running import run_waves


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """Where the waves land and run."""
    return tmp_path_factory.mktemp("scenarios")


@pytest.fixture(scope="session")
def published(folder) -> dict[int, Publication]:
    """What was published after each wave."""
    return run_waves(cases(), folder)


@pytest.fixture(scope="session")
def home(folder, published) -> Path:
    """The home after all waves; tests only read it."""
    assert published
    return folder / "home"
