"""B9, R-F2: the job that the schedule starts is a run like any other, with its lock."""

import pytest
from dagster import DagsterInstance

from orchestration.definitions import build_definitions
from orchestration.defs.schedules import JOB_NAME
from orchestration.settings import load_settings
from orchestration.warehouse.run_lock import run_lock


@pytest.fixture
def job(tmp_path, settings, manifest):
    """The job of another home over the same, already parsed project."""
    home = load_settings(home=tmp_path / "home")
    definitions = build_definitions(home, manifest=manifest)
    return home, definitions.resolve_job_def(JOB_NAME)


def test_a_job_that_finds_the_home_busy_fails_with_the_reason(job):
    home, reconcile = job
    with run_lock(home), DagsterInstance.ephemeral() as instance:
        result = reconcile.execute_in_process(instance=instance, raise_on_error=False)
        record = instance.get_run_by_id(result.run_id)
        messages = [
            str(entry.dagster_event.event_specific_data.error)
            for entry in instance.all_logs(record.run_id)
            if entry.dagster_event is not None and entry.dagster_event.is_failure
        ]
    assert not result.success
    assert any("Another run" in message for message in messages)


def test_a_bad_moment_in_the_configuration_fails_before_anything_is_touched(job):
    home, reconcile = job
    with DagsterInstance.ephemeral() as instance:
        result = reconcile.execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"resources": {"run": {"config": {"as_of": "soon"}}}},
        )
    assert not result.success
    assert not home.warehouse.exists()
