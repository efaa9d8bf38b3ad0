"""Fixtures of the fault tests; what they hold is in `loader_harness.py`."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from loader_harness import LoaderHarness

from orchestration.connectors.contracts import load_contracts
from orchestration.core.contracts import SourceContract
from orchestration.settings import PROJECT_ROOT, Settings


@pytest.fixture(scope="session")
def generic_contracts() -> Mapping[str, SourceContract]:
    """The real contract of the generic extract, alone: fewer tables, the same loader."""
    return {"generic": load_contracts(PROJECT_ROOT / "seeds")["generic"]}


@pytest.fixture
def harness(tmp_path: Path, generic_contracts: Mapping[str, SourceContract]) -> LoaderHarness:
    """A fresh home and landing folder."""
    settings = Settings(
        home=tmp_path / "home",
        landing=tmp_path / "landing",
        memory_limit_mb=1024,
        threads=2,
    )
    return LoaderHarness(settings=settings, contracts=generic_contracts)
