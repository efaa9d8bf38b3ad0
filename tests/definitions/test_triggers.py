"""Runs start once per state of the landing folder, and every hour."""

import dagster as dg
import pytest

from orchestration.connectors.contracts import load_contracts
from orchestration.defs.instance import CONFIG, write_instance_config
from orchestration.defs.schedules import JOB_NAME, hourly_schedule
from orchestration.defs.sensors import landing_sensor
from orchestration.settings import load_settings


@pytest.fixture
def landing(tmp_path):
    folder = tmp_path / "home" / "landing" / "generic"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def look(tmp_path, landing):
    settings = load_settings(home=tmp_path / "home")
    sensor = landing_sensor(settings, load_contracts(settings.seeds))

    def evaluate(cursor=None):
        return sensor(dg.build_sensor_context(cursor=cursor))

    return evaluate


def test_an_empty_landing_folder_starts_nothing(look):
    assert isinstance(look(), dg.SkipReason)


def test_the_same_files_ask_for_the_same_run_also_when_the_cursor_was_lost(look, landing):
    (landing / "customers.csv").write_text("customer_id\nc-1\n")
    first, again = look(), look()
    assert [one.run_key for one in first.run_requests] == [
        one.run_key for one in again.run_requests
    ]
    assert isinstance(look(first.cursor), dg.SkipReason)


def test_a_new_file_asks_for_another_run(look, landing):
    (landing / "customers.csv").write_text("customer_id\nc-1\n")
    first = look()
    (landing / "customers_2.csv").write_text("customer_id\nc-2\n")
    second = look(first.cursor)
    assert second.run_requests[0].run_key != first.run_requests[0].run_key


def test_a_file_that_is_still_being_written_starts_nothing(look, landing):
    (landing / "customers.csv.part").write_text("customer_id\n")
    assert isinstance(look(), dg.SkipReason)


def test_the_schedule_runs_the_job_every_hour():
    schedule = hourly_schedule()
    assert schedule.cron_schedule == "0 * * * *"
    assert schedule.job_name == JOB_NAME


def test_dagster_accepts_the_settings_of_a_home(tmp_path):
    settings = load_settings(home=tmp_path / "home")
    write_instance_config(settings)
    assert (settings.dagster_home / "dagster.yaml").read_text() == CONFIG
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        assert not instance.telemetry_enabled
        assert instance.run_monitoring_enabled
        assert instance.get_concurrency_config().pool_config.default_pool_limit == 1
