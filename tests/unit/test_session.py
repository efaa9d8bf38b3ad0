"""A run's own account of itself: steps, first error, status."""

from datetime import UTC, datetime

import pytest

from orchestration.core.errors import BlockedByCheck, ReconError
from orchestration.session import News, RunRequest, RunSession
from orchestration.settings import load_settings
from orchestration.steps import Step
from orchestration.warehouse.runs import Run

NOW = datetime(2026, 6, 30, tzinfo=UTC)


@pytest.fixture
def session(tmp_path):
    request = RunRequest(load_settings(home=tmp_path))
    return RunSession(request, Run(1, "run_1", NOW, NOW), contracts={})


def test_steps_are_timed_and_noted_in_order(session):
    with session.step(Step.INGEST) as scope:
        scope.note = "3 files"
    with session.step(Step.PHASE_1):
        pass
    assert [one.step for one in session.outcomes] == [Step.INGEST, Step.PHASE_1]
    assert session.outcomes[0].note == "3 files"
    assert all(one.ok and one.seconds >= 0 for one in session.outcomes)
    assert [one["step"] for one in session.report()["steps"]] == ["ingest", "phase_1"]


def test_the_first_error_is_the_one_that_counts(session):
    first = ReconError("first")
    with pytest.raises(ReconError), session.step(Step.INGEST):
        raise first
    session.fail(ReconError("second"))
    assert session.failure is first
    assert not session.outcomes[0].ok


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (BlockedByCheck("unfit"), "blocked"),
        (ReconError("broken"), "failed"),
        (ValueError("broken"), "failed"),
        (KeyboardInterrupt(), "interrupted"),
    ],
)
def test_the_status_says_what_the_error_was(session, failure, status):
    session.fail(failure)
    assert session.status == status


def test_a_run_that_looked_and_found_nothing_is_unchanged(session):
    session.news = News("hash", ())
    assert session.is_unchanged
    assert session.status == "unchanged"


def test_a_run_is_published_only_with_a_file(session, tmp_path):
    session.news = News("hash", ("rows arrived",))
    assert session.status == "failed"
    session.published = tmp_path / "run_1.duckdb"
    assert session.status == "published"
