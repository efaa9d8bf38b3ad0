"""What the tests of whole runs share: a run takes half a minute, so it is made once."""

from pathlib import Path

import pytest

from orchestration.settings import PROJECT_ROOT
from tests.integration.run_homes import AS_OF, Said, copy_home, meshline


@pytest.fixture
def published_home(first_run, tmp_path) -> Path:
    """A home with a publication, for one test alone."""
    return copy_home(first_run[0], tmp_path)


@pytest.fixture(scope="session")
def olist_extracts() -> Path:
    """The published Olist extracts; they are not part of this repository."""
    folder = PROJECT_ROOT.parent / "shared" / "data" / "olist"
    if not folder.is_dir():
        pytest.skip("needs the Olist extracts in ../shared/data/olist, which are not here")
    return folder


@pytest.fixture(scope="session")
def olist_run(olist_extracts, tmp_path_factory) -> tuple[Path, Said]:
    """A home in which all of Olist was reconciled, and what that run said."""
    home = tmp_path_factory.mktemp("olist_run") / "home"
    landing = olist_extracts.parent
    return home, meshline("run", "--landing", landing, "--as-of", AS_OF, "--home", home, "--json")
