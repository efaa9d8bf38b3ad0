"""Runs killed with -9 at drawn moments lose nothing and leave nothing (R-B4; faults B1, B2, B10).

The proof is the fingerprint of every mart: the same as in a home that was never killed.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestration.session import Step
from tests.integration.kills import (
    CHAIN,
    LAST,
    Fingerprints,
    Outcome,
    fingerprints_of,
    kill_in_a_row,
    raw_rows_of,
    run_undisturbed,
    seconds_of_steps,
)
from tests.integration.warm_start import ROOT, WarmStarter

SAMPLES = ROOT / "seeds" / "samples"
SEED = 20261123
AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A home that was never killed.

    Attributes:
        home: Where it is.
        seconds: Of each step, with what came before it.
        fingerprints: Of its marts, by table.
        rows: Row count of each of its raw tables.
    """

    home: Path
    seconds: dict[Step, float]
    fingerprints: Fingerprints
    rows: dict[str, int]


@pytest.fixture(scope="module")
def starter() -> Iterator[WarmStarter]:
    started = WarmStarter()
    yield started
    started.close()


@pytest.fixture(scope="module")
def undisturbed(starter, tmp_path_factory) -> Undisturbed:
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    seconds = seconds_of_steps(run_undisturbed(home, SAMPLES, starter))
    return Undisturbed(home, seconds, fingerprints_of(home), raw_rows_of(home))


def _outcomes(
    homes: int, folder: Path, starter: WarmStarter, undisturbed: Undisturbed
) -> list[Outcome]:
    """Kill runs in so many homes; the first kills of the first home hit a cold process."""

    def kill(number: int) -> Outcome:
        return kill_in_a_row(
            folder / f"home_{number}",
            SAMPLES,
            starter,
            seed=SEED + number,
            durations=undisturbed.seconds,
            plan=(*CHAIN, LAST[number % len(LAST)]),
            cold=2 if number == 0 else 0,
        )

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(kill, range(homes)))


def _later(undisturbed: Undisturbed, starter: WarmStarter) -> Fingerprints:
    """What the marts are after a second run, which knows the tickets that the first one opened."""
    run_undisturbed(undisturbed.home, SAMPLES, starter, "--full-refresh")
    return fingerprints_of(undisturbed.home)


def _assert_undamaged(
    outcomes: list[Outcome], undisturbed: Undisturbed, starter: WarmStarter, kills: int
) -> None:
    knowing = any(outcome.knows_tickets for outcome in outcomes)
    later = _later(undisturbed, starter) if knowing else {}
    hits = Counter(step for outcome in outcomes for step in outcome.kills)
    assert undisturbed.fingerprints, "an empty comparison proves nothing"
    for number, outcome in enumerate(outcomes):
        assert not outcome.problems, f"home {number}: {outcome.problems}"
        assert outcome.rows == undisturbed.rows, f"home {number}"
        known = later if outcome.knows_tickets else undisturbed.fingerprints
        assert outcome.fingerprints == known, f"home {number}"
    assert hits.total() >= kills, hits
    assert hits[Step.INGEST] >= kills // 4, hits
    assert hits[Step.PHASE_1] + hits[Step.PHASE_2] >= kills // 5, hits


def test_forty_kills_in_load_and_transform_change_no_result(tmp_path, starter, undisturbed):
    outcomes = _outcomes(2, tmp_path, starter, undisturbed)
    _assert_undamaged(outcomes, undisturbed, starter, kills=40)


@pytest.mark.soak
def test_two_hundred_kills_change_no_result(tmp_path, starter, undisturbed):
    outcomes = _outcomes(10, tmp_path, starter, undisturbed)
    _assert_undamaged(outcomes, undisturbed, starter, kills=200)
