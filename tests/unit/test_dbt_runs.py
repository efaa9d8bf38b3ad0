"""Calls of dbt: what they are told, and what their ends mean for a run."""

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from orchestration import dbt_runs
from orchestration.core.errors import BlockedByCheck
from orchestration.dbt_runs import (
    build_arguments,
    digest_of_project,
    ensure_manifest,
    environment_of,
    write_launcher,
)
from orchestration.dbt_watch import DbtFailed, DbtWatch
from orchestration.settings import load_settings

LOG = Path("dbt.log")


def result(name, status, unique_id, failures=None):
    return {
        "info": {"name": name, "level": "info", "msg": f"1 of 2 {status} {unique_id}"},
        "data": {
            "index": 1,
            "total": 2,
            "num_failures": failures,
            "node_info": {"unique_id": unique_id, "node_name": "n", "node_status": status},
        },
    }


@pytest.fixture
def watch():
    return DbtWatch(advanced=lambda _done, _total, _name: None)


@pytest.fixture
def project(tmp_path):
    """Settings of a small project that nobody parses."""
    dbt, seeds = tmp_path / "dbt_project", tmp_path / "seeds"
    (dbt / "models").mkdir(parents=True)
    (seeds / "rules").mkdir(parents=True)
    (dbt / "models" / "a.sql").write_text("select 1")
    (seeds / "rules" / "r.csv").write_text("a\n1\n")
    return replace(load_settings(home=tmp_path / "home"), dbt_project=dbt, seeds=seeds)


def test_the_moment_is_naive_utc_and_unit_tests_are_left_out():
    moment = datetime(2026, 6, 30, 14, tzinfo=timezone(timedelta(hours=2)))
    arguments = build_arguments("phase_1", as_of=moment, run_no=7, full_refresh=False)
    assert arguments[0] == "build"
    told = json.loads(arguments[arguments.index("--vars") + 1])
    assert told == {"as_of": "2026-06-30 12:00:00.000000", "run_no": 7}
    assert arguments[arguments.index("--exclude-resource-types") + 1] == "unit_test"
    assert "--full-refresh" not in arguments
    assert "--full-refresh" in build_arguments("phase_2", as_of=moment, run_no=7, full_refresh=True)


def test_a_call_that_ends_well_raises_nothing(watch):
    watch.see(result("LogModelResult", "success", "model.m.a"))
    watch.see(result("LogTestResult", "pass", "test.m.t"))
    watch.raise_if_unfit(phase="phase_1", exit_code=0, log=LOG)
    assert watch.summary() == "1 models and tests"


def test_failed_tests_alone_block_the_run_and_are_named(watch):
    watch.see(result("LogTestResult", "fail", "test.m.assert_it", failures=3))
    with pytest.raises(BlockedByCheck, match="assert_it: 3 rows"):
        watch.raise_if_unfit(phase="phase_2", exit_code=1, log=LOG)


def test_a_model_that_fails_is_a_failure_and_no_block(watch):
    watch.see(result("LogTestResult", "fail", "test.m.assert_it", failures=3))
    watch.see(result("LogModelResult", "error", "model.m.broken"))
    watch.see({"info": {"name": "x", "level": "error", "msg": "Table t does not exist"}})
    with pytest.raises(DbtFailed, match=r"broken(.|\n)*Table t does not exist"):
        watch.raise_if_unfit(phase="phase_2", exit_code=1, log=LOG)


def test_a_call_that_dies_without_a_word_is_a_failure(watch):
    with pytest.raises(DbtFailed, match="exit code 137"):
        watch.raise_if_unfit(phase="phase_1", exit_code=137, log=LOG)


def test_progress_counts_nodes():
    seen = []
    watch = DbtWatch(advanced=lambda done, total, name: seen.append((done, total, name)))
    watch.see(result("LogSeedResult", "success", "seed.m.s"))
    assert seen == [(1, 2, "n")]


def test_the_digest_moves_with_models_and_seeds_but_not_with_artifacts_or_samples(project):
    before = digest_of_project(project)
    for ignored in ("dbt_project/target", "dbt_project/logs", "seeds/samples"):
        folder = project.seeds.parent / ignored
        folder.mkdir(parents=True)
        (folder / "x.json").write_text("{}")
    assert digest_of_project(project) == before
    (project.seeds / "rules" / "r.csv").write_text("a\n2\n")
    assert digest_of_project(project) != before


def test_the_project_is_parsed_once_and_again_when_it_changed(project, monkeypatch):
    calls = []

    def call(settings, arguments, _watch):
        calls.append(arguments[0])
        dbt_runs.target_of(settings).mkdir(parents=True, exist_ok=True)
        (dbt_runs.target_of(settings) / "manifest.json").write_text("{}")
        return 0

    monkeypatch.setattr(dbt_runs, "_call", call)
    ensure_manifest(project)
    ensure_manifest(project)
    assert calls == ["parse"]
    (project.dbt_project / "models" / "a.sql").write_text("select 2")
    ensure_manifest(project)
    assert calls == ["parse", "parse"]


def test_artifacts_and_work_files_stay_in_the_home(project):
    environment = environment_of(project)
    assert environment["MESHLINE_STATE"] == str(project.home)
    for name in ("DBT_TARGET_PATH", "DBT_LOG_PATH"):
        assert environment[name].startswith(str(project.home))
    for name in ("MESHLINE_WAREHOUSE", "MESHLINE_SCRATCH"):
        assert not Path(environment[name]).is_absolute(), "named from the home"


def test_the_launcher_survives_odd_folder_names(tmp_path):
    settings = load_settings(home=tmp_path / "a home 'with' $odd \"name\"")
    launcher = write_launcher(settings)
    assert launcher.stat().st_mode & 0o111
    written = launcher.read_text()
    assert written.startswith("#!/bin/sh\n")
    assert write_launcher(settings) == launcher
    assert launcher.read_text() == written
