"""R-B3: whatever order the same rows arrive in, and in however many loads, the marts are the same.

The record of what was known when differs by nature and is left out of fingerprints; so is the list
of files, since the same rows come in other files.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb
import pytest

from tests.integration.histories import Delivery, land_loads, land_shuffled, random_history
from tests.integration.run_homes import AS_OF, meshline

# Which file a row came in, and how often it came, is said of deliveries and not of the business.
OF_DELIVERIES = frozenset({"fct_files", "fct_source_accounting", "platform_feed_health"})


def _run(home: Path, landing: Path, threads: int) -> None:
    """Make one run with so many threads."""
    before = os.environ.get("MESHLINE_THREADS")
    os.environ["MESHLINE_THREADS"] = str(threads)
    try:
        said = meshline("run", "--home", home, "--landing", landing, "--as-of", AS_OF, "--json")
    finally:
        if before is None:
            del os.environ["MESHLINE_THREADS"]
        else:
            os.environ["MESHLINE_THREADS"] = before
    assert said.exit_code == 0, said.stderr


def _fingerprints(home: Path) -> dict[str, tuple[int, str]]:
    """Rows and fingerprint of each mart as published last."""
    with duckdb.connect(str(home / "serving" / "current.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "select table_name, row_count, fingerprint from marts.run_fingerprints "
            "where run_no = (select max(run_no) from marts.run_fingerprints)"
        ).fetchall()
    return {name: (count, mark) for name, count, mark in rows if name not in OF_DELIVERIES}


def _published(
    folder: Path, history: Iterable[Delivery], batches: Sequence[Sequence[int]], threads: int
) -> dict[str, tuple[int, str]]:
    """Load batches of loads one after the other, a run each."""
    history = tuple(history)
    for number, loads in enumerate(batches):
        land_loads(history, loads, folder / f"landing_{number}")
        _run(folder / "home", folder / f"landing_{number}", threads)
    return _fingerprints(folder / "home")


def _shuffled(
    folder: Path, history: Iterable[Delivery], threads: int
) -> dict[str, tuple[int, str]]:
    """Load everything at once, in other files and with its rows in any order."""
    land_shuffled(history, folder / "landing", seed=7)
    _run(folder / "home", folder / "landing", threads)
    return _fingerprints(folder / "home")


def test_two_batches_and_shuffled_rows_at_once_give_equal_marts_e121(tmp_path):
    history = random_history(loads=4, seed=11)
    in_pairs = _published(tmp_path / "pairs", history, [(1, 2), (3, 4)], threads=2)
    assert _shuffled(tmp_path / "once", history, threads=1) == in_pairs


@pytest.mark.soak
@pytest.mark.parametrize("seed", [1, 2])
def test_thirty_loads_one_by_one_in_pairs_and_at_once_give_equal_marts(tmp_path, seed):
    history = random_history(loads=30, seed=seed)
    loads = tuple(range(1, 31))
    at_once = _shuffled(tmp_path / "once", history, threads=8)
    pairs = [loads[start : start + 2] for start in range(0, 30, 2)]
    assert _published(tmp_path / "pairs", history, pairs, threads=1) == at_once
    assert _published(tmp_path / "single", history, [(one,) for one in loads], threads=2) == at_once
