"""The single checks of a run: what is kept of dbt's events and of the gates, and for how long."""

from datetime import UTC, datetime, timedelta

import pytest

from expectations.results import GateCheck, GateReport
from orchestration.dbt_watch import DbtWatch
from orchestration.session import RunRequest, RunSession
from orchestration.settings import load_settings
from orchestration.warehouse.run_checks import (
    KEPT,
    RunCheck,
    read_checks,
    runs_with_checks,
    write_checks,
)
from orchestration.warehouse.runs import Run

NOW = datetime(2026, 6, 30, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path):
    return load_settings(home=tmp_path)


def check(**fields):
    made = {
        "made_by": "dbt", "scope": "", "name": "test.m.t", "severity": "critical",
        "status": "pass", "judged_count": None, "failed_count": 0, "reason": "",
    }  # fmt: skip
    return RunCheck(**{**made, **fields})


def event(name, status, failures=None, **data):
    node = {"unique_id": "test.m.t", "node_name": "t", "node_status": status}
    return {
        "info": {"name": name, "level": "info", "msg": "words of dbt"},
        "data": {"num_failures": failures, "node_info": node, **data},
    }


@pytest.mark.parametrize(
    ("told", "status", "failed_count", "reason"),
    [
        (event("LogTestResult", "pass"), "pass", 0, ""),
        (event("LogTestResult", "fail", 3), "fail", 3, ""),
        (event("LogTestResult", "warn", 2), "warn", 2, ""),
        (event("LogTestResult", "Runtime Error"), "error", 0, "words of dbt"),
        (event("SkippingDetails", "None", resource_type="test"), "skipped", 0, ""),
    ],
)
def test_each_end_of_a_test_is_kept(told, status, failed_count, reason):
    watch = DbtWatch(advanced=lambda _done, _total, _name: None)
    watch.see(told)
    assert watch.checks == [check(status=status, failed_count=failed_count, reason=reason)]


def test_models_are_no_checks():
    watch = DbtWatch(advanced=lambda _done, _total, _name: None)
    watch.see(event("LogModelResult", "success"))
    watch.see(event("SkippingDetails", "None", resource_type="model"))
    assert watch.checks == []


def test_gates_say_whether_they_held_were_refused_or_broke(settings):
    session = RunSession(RunRequest(settings), Run(1, "run_1", NOW, NOW), contracts={})
    given = [
        ("critical", True, 0, {"reason": "r"}, "pass"),
        ("critical", False, 2, {"reason": "ask the source"}, "fail"),
        ("warning", False, 1, {"reason": "look"}, "warn"),
        ("critical", False, 0, {"error": "the table is gone"}, "error"),
    ]
    checks = tuple(
        GateCheck("s.orders", f"c{number}", severity, held, 5, unexpected, details)
        for number, (severity, held, unexpected, details, _) in enumerate(given)
    )
    session.gates.append(GateReport("source", checks))
    session.tests.append(check())
    found = session.checks()
    assert [one.status for one in found] == [*(each[-1] for each in given), "pass"]
    assert [one.made_by for one in found] == ["source"] * 4 + ["dbt"]
    assert found[1].reason == "ask the source"
    assert found[3].reason == "the table is gone"


def test_what_is_written_is_read_and_only_the_latest_are_kept(settings):
    for number in range(1, KEPT + 3):
        write_checks(settings, number, NOW + timedelta(hours=number), [check(name=f"t{number}")])
    assert runs_with_checks(settings) == tuple(range(KEPT + 2, 2, -1))
    assert read_checks(settings, 2) is None
    kept = read_checks(settings, KEPT)
    assert kept.checks == (check(name=f"t{KEPT}"),)
    assert kept.finished_at == NOW + timedelta(hours=KEPT)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"run_no": 1, "checks": [{"x": 1}]}'])
def test_a_file_that_is_none_of_ours_is_no_answer(settings, text):
    write_checks(settings, 1, NOW, [check()])
    (settings.home / "checks" / "run_1.json").write_text(text)
    (settings.home / "checks" / "notes.txt").write_text("mine")
    assert runs_with_checks(settings) == (1,)
    assert read_checks(settings, 1) is None


def test_a_home_without_checks_has_none(settings):
    assert runs_with_checks(settings) == ()
    assert read_checks(settings, 1) is None
