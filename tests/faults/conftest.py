"""Fixtures of the fault tests; what they hold is in `loader_harness.py`."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from delivery_bed import Bed, bed_in
from loader_harness import LoaderHarness, workplace_folder
from receiver import Handle, start_receiver

from orchestration.connectors.contracts import load_contracts
from orchestration.core.contracts import SourceContract
from orchestration.settings import PROJECT_ROOT, Settings

STREAMS = ("customers", "orders", "order_lines", "payments", "completeness")


@pytest.fixture(scope="session")
def generic_contracts() -> Mapping[str, SourceContract]:
    """The real contract of the generic extract with some of its streams: the same loader, but
    fewer tables to make for each test."""
    generic = load_contracts(PROJECT_ROOT / "seeds")["generic"]
    streams = {name: generic.streams[name] for name in STREAMS}
    return {"generic": generic.model_copy(update={"streams": streams})}


@pytest.fixture
def workplace() -> Iterator[Path]:
    """An empty folder for one home and one landing."""
    with workplace_folder() as folder:
        yield folder


@pytest.fixture
def harness(
    workplace: Path, generic_contracts: Mapping[str, SourceContract]
) -> Iterator[LoaderHarness]:
    """A fresh home and landing folder."""
    settings = Settings(
        home=workplace / "home", landing=workplace / "landing", memory_limit_mb=1024, threads=1
    )
    made = LoaderHarness(settings=settings, contracts=generic_contracts)
    yield made
    made.close()


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    """An empty outbox with a clock that is turned by hand."""
    with bed_in(tmp_path) as one:
        yield one


@pytest.fixture(scope="session")
def receiver_process() -> Iterator[Handle]:
    """One process for all tests; `receiver` empties it."""
    with start_receiver() as handle:
        yield handle


@pytest.fixture
def receiver(receiver_process: Handle) -> Handle:
    """An empty receiver without faults."""
    receiver_process.ask("/_reset")
    return receiver_process
