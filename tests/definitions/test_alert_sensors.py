"""Sensors of alerts: what they ask for, and how often."""

import dagster as dg
import pytest

from orchestration.alerting import Swept, open_desk
from orchestration.defs.alerts import (
    alerts_check,
    alerts_sensor,
    class_key,
    exceptions_sensor,
    failure_sensor,
    job_failed,
)
from orchestration.settings import load_settings
from tests.integration.run_homes import copy_home
from tests.ledger.alert_bed import no_addresses, open_bed, raised


@pytest.fixture(scope="module")
def home(first_run, tmp_path_factory):
    """A home with a publication and its tickets, of its own."""
    return load_settings(home=copy_home(first_run[0], tmp_path_factory.mktemp("alerts")))


def test_a_home_in_which_nothing_ran_is_left_alone(tmp_path):
    settings = load_settings(home=tmp_path / "home")
    assert isinstance(alerts_sensor(settings)(dg.build_sensor_context()), dg.SkipReason)
    assert isinstance(exceptions_sensor(settings)(dg.build_sensor_context()), dg.SkipReason)
    assert not (tmp_path / "home").exists()


def test_each_class_is_materialised_once_a_publication_with_its_figures(home):
    sensor = exceptions_sensor(home)
    first = sensor(dg.build_sensor_context())
    by_key = {event.asset_key: event.metadata for event in first.asset_events}
    figures = by_key[class_key("PAY_MISSING")]
    assert figures["open"].value >= 1
    assert figures["money_at_risk"].value
    assert all(name.startswith("cus-") for name in figures["worst_accounts"].value)
    assert figures["queue"].value.endswith("/exceptions?class=PAY_MISSING")
    assert isinstance(sensor(dg.build_sensor_context(cursor=first.cursor)), dg.SkipReason)
    gone = sensor(dg.build_sensor_context(cursor="run_0 BNK_UNKNOWN"))
    (zero,) = [one for one in gone.asset_events if one.asset_key == class_key("BNK_UNKNOWN")]
    assert zero.metadata["open"].value == 0


def test_the_look_asks_for_sending_once_per_state_and_only_when_something_may_go(home, monkeypatch):
    no_addresses(monkeypatch)
    sensor = alerts_sensor(home)
    (check,) = sensor(dg.build_sensor_context()).run_requests
    assert check.run_key == sensor(dg.build_sensor_context()).run_requests[0].run_key, (
        "the ledger was never held to its heads; that is asked for once an hour"
    )
    desk = open_desk(home)
    desk.check(Swept())
    desk.ledger.close()
    assert isinstance(sensor(dg.build_sensor_context()), dg.SkipReason)
    monkeypatch.setenv("MESHLINE_CHANNEL_CONTROL", "json://127.0.0.1:9/nobody")
    first, again = sensor(dg.build_sensor_context()), sensor(dg.build_sensor_context())
    assert first.run_requests[0].run_key == again.run_requests[0].run_key
    assert alerts_check(home)().passed


def test_a_failed_job_is_told_once(tmp_path):
    desk, _ = open_bed(tmp_path)
    try:
        found = [job_failed("deliver_artifacts", "0f3a"), job_failed("deliver_artifacts", "0f3a")]
        assert [desk.tell([one]) for one in found] == [1, 0]
        assert raised(desk.ledger) == {"run_failed": 1}
        assert failure_sensor(desk.settings).name == "failure_sensor"
    finally:
        desk.ledger.close()
