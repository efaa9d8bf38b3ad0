"""R-B4, R-F2, R-V5: one command reconciles what landed, and knows when there is nothing to do."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.core.errors import BlockedByCheck
from orchestration.reading.summary import read_summary
from orchestration.runner import ingest, open_run, transform
from orchestration.session import RunRequest
from orchestration.settings import PROJECT_ROOT, load_settings
from orchestration.steps import Step
from orchestration.warehouse.connection import writer
from orchestration.warehouse.news import NEXT_DEADLINE
from orchestration.warehouse.publisher import read_pointer
from orchestration.warehouse.reader import open_published
from orchestration.warehouse.run_lock import run_lock
from orchestration.warehouse.runs import last_run
from tests.integration.run_homes import AS_OF, SAMPLES, meshline, reconcile_samples

MOMENT = datetime.fromisoformat(AS_OF)
HEAVY = ("dagster", "dbt", "great_expectations")


def settings_of(home: Path, landing: Path = SAMPLES):
    return load_settings(home=home, landing=landing)


def news_of(settings, **request) -> tuple[str, ...]:
    """Why a run of this home would build, asked without building."""
    with open_run(RunRequest(settings, **request)) as session:
        ingest(session)
        return session.news.reasons


def test_a_run_publishes_and_prints_one_json_document(first_run):
    home, said = first_run
    assert said.exit_code == 0, said.stderr
    document = said.document
    assert document["status"] == "published"
    assert document["run_no"] == 1
    assert document["as_of"] == AS_OF
    assert [step["step"] for step in document["steps"]] == [
        "ingest",
        "source_gate",
        "phase_1",
        "validation_gate",
        "assignment",
        "phase_2",
        "published_gate",
        "tickets",
        "fingerprint",
        "publish",
    ]
    assert document["published"]["due_count"] > 100
    assert read_pointer(settings_of(home)).run_no == 1


def test_progress_in_a_pipe_is_one_plain_line_for_each_step(first_run):
    lines = first_run[1].stderr.splitlines()
    # Where nobody named a PostgreSQL, none is served.
    assert len(lines) == len(set(Step) - {Step.SERVE})
    assert all(line.startswith("done") and "\x1b" not in line for line in lines)


def test_each_public_table_has_a_fingerprint_with_its_row_count(first_run):
    with open_published(settings_of(first_run[0])) as published:
        rows = published.rows("select * from marts.run_fingerprints")
        tables = dict(published.tables)
    counted = {row["table_name"]: row["row_count"] for row in rows}
    assert counted
    assert counted == {name: tables[name] for name in counted}
    assert {row["run_id"] for row in rows} == {"run_1"}
    assert {len(row["fingerprint"]) for row in rows} == {32}


def test_a_run_with_nothing_new_keeps_the_publication_and_imports_nothing_heavy(published_home):
    program = (
        "-c",
        "import sys, atexit\n"
        "from orchestration.cli import main\n"
        f"atexit.register(lambda: print([m for m in {HEAVY!r} if m in sys.modules], "
        "file=sys.stderr))\n"
        "main()",
    )
    said = meshline(
        *("run", "--landing", SAMPLES, "--as-of", AS_OF, "--home", published_home, "--json"),
        program=program,
    )
    assert said.exit_code == 0, said.stderr
    assert said.document["status"] == "unchanged"
    assert said.stderr.splitlines()[-1] == "[]"
    assert read_pointer(settings_of(published_home)).run_no == 1


def test_the_first_deadline_that_passes_is_a_reason_to_build(published_home):
    settings = settings_of(published_home)
    with writer(settings) as connection:
        due = connection.execute(
            NEXT_DEADLINE, [MOMENT.replace(tzinfo=None), MOMENT.replace(tzinfo=None, year=2030)]
        ).fetchone()[0]
    due = due.replace(tzinfo=UTC)
    assert news_of(settings, as_of=due - timedelta(seconds=1)) == ()
    (reason,) = news_of(settings, as_of=due)
    assert reason.startswith("a deadline passed")


def test_rows_that_arrived_stay_a_reason_until_a_run_has_published_them(published_home, tmp_path):
    landing = tmp_path / "landing"
    (landing / "generic").mkdir(parents=True)
    (landing / "generic" / "customers_new.csv").write_text("customer_id\nc-new\n")
    settings = settings_of(published_home, landing)
    assert news_of(settings, as_of=MOMENT) == ("rows arrived",)
    assert news_of(settings, as_of=MOMENT) == ("rows arrived",)


def test_the_same_bytes_under_another_name_are_no_reason_to_build(published_home, tmp_path):
    landing = tmp_path / "landing"
    (landing / "generic").mkdir(parents=True)
    shutil.copy(SAMPLES / "generic" / "orders.csv", landing / "generic" / "orders_again.csv")
    assert news_of(settings_of(published_home, landing), as_of=MOMENT) == ()


def test_a_changed_rule_is_a_reason_to_build(published_home, tmp_path):
    seeds = Path(shutil.copytree(PROJECT_ROOT / "seeds", tmp_path / "seeds"))
    with (seeds / "rules" / "matching_rules.csv").open("a") as rules:
        rules.write("\n")
    settings = replace(settings_of(published_home), seeds=seeds)
    assert news_of(settings, as_of=MOMENT) == ("contracts, rules or models changed",)


def test_a_full_refresh_builds_without_news(published_home):
    assert news_of(settings_of(published_home), as_of=MOMENT, full_refresh=True) == (
        "a full refresh was asked for",
    )


def test_a_failed_invariant_blocks_and_readers_keep_the_last_good_publication(published_home):
    """Regression: figures that do not add up must never reach a reader."""
    settings = settings_of(published_home)
    with open_published(settings) as published:
        before = read_summary(published)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("update raw.accounting set amount = amount + 1 where stream = 'orders'")
    said = reconcile_samples(published_home, "--full-refresh", "--json")
    assert said.exit_code == 3, said.stderr
    assert said.document["status"] == "blocked"
    assert "assert_every_row_read_is_accounted_for" in said.document["message"]
    assert "Traceback" not in said.stderr
    with open_published(settings) as published:
        assert read_summary(published) == before
    record = last_run(settings, now=datetime.now(UTC))
    assert record.status == "blocked"
    assert "accounted_for" in meshline("status", "--home", published_home).stdout


def test_a_phase_called_alone_raises_what_its_checks_found(published_home):
    settings = settings_of(published_home)
    with open_run(RunRequest(settings, as_of=MOMENT, full_refresh=True)) as session:
        ingest(session)
        with writer(settings) as connection:
            connection.execute("delete from raw.accounting where stream = 'payments'")
        with pytest.raises(BlockedByCheck, match="accounted_for"):
            transform(session, "phase_2")


def test_a_model_that_does_not_compile_fails_the_run_with_its_name(published_home, tmp_path):
    from orchestration.cli_run import execute

    root = tmp_path / "project"
    shutil.copytree(
        PROJECT_ROOT / "dbt_project",
        root / "dbt_project",
        ignore=shutil.ignore_patterns("target", "logs"),
    )
    (root / "seeds").symlink_to(PROJECT_ROOT / "seeds")
    broken = root / "dbt_project" / "models" / "intermediate" / "states" / "int_broken.sql"
    broken.write_text("select * from {{ ref('int_that_nobody_wrote') }}\n")
    settings = replace(settings_of(published_home), dbt_project=root / "dbt_project")
    result = execute(RunRequest(settings, as_of=MOMENT))
    assert result.exit_code == 1
    assert "int_that_nobody_wrote" in result.message
    assert read_pointer(settings).run_no == 1


def test_a_second_run_is_told_who_holds_the_warehouse(published_home):
    with run_lock(settings_of(published_home)):
        said = reconcile_samples(published_home, "--json")
    assert said.exit_code == 75
    assert "process" in said.document["message"]
    assert said.document["status"] == "refused"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--as-of", "2020-01-01"], "lies before the last run"),
        (["--as-of", "yesterday"], "is not a moment"),
        (["--landing", "/nowhere/at/all"], "no landing folder"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_way_out(published_home, arguments, words):
    said = meshline("run", "--home", published_home, *arguments)
    assert said.exit_code == 2
    assert words in said.stderr
    assert "Traceback" not in said.stderr


def test_an_unexpected_error_is_one_line_and_a_log_file(tmp_path, monkeypatch, capsys):
    from orchestration import cli_run

    def divide(_session):
        raise ZeroDivisionError("division by zero\nand more")

    monkeypatch.setattr(cli_run, "ingest", divide)
    settings = settings_of(tmp_path / "home")
    assert cli_run.run(RunRequest(settings), as_json=False) == 1
    printed = capsys.readouterr()
    log = settings.home / "logs" / "errors.log"
    (line,) = printed.err.splitlines()
    assert line.startswith("meshline: ZeroDivisionError: division by zero.")
    assert str(log) in line
    assert "Traceback" not in printed.out
    assert "Traceback" in log.read_text()


def test_standard_output_of_a_refused_run_is_still_one_json_document(tmp_path):
    said = meshline("run", "--home", tmp_path, "--landing", tmp_path / "gone", "--json")
    assert json.loads(said.stdout)["exit_code"] == 2


def test_the_scheduled_job_makes_the_same_run_and_skips_what_nothing_new_needs(published_home):
    from dagster import DagsterInstance

    from orchestration.definitions import build_definitions
    from orchestration.defs.schedules import JOB_NAME

    settings = settings_of(published_home)
    job = build_definitions(settings).resolve_job_def(JOB_NAME)
    config = {"landing": str(SAMPLES), "as_of": AS_OF}
    with DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            instance=instance, run_config={"resources": {"run": {"config": config}}}
        )
    ended = {event.node_name for event in result.all_node_events if event.is_step_success}
    skipped = {event.node_name for event in result.all_node_events if event.is_step_skipped}
    assert ended == {"ingest"}
    assert {
        "gate_source",
        "phase_1",
        "matching__assignments",
        "phase_2",
        "gate_published",
        "serving__publication",
    } <= skipped
    assert last_run(settings, now=datetime.now(UTC)).status == "unchanged"
    assert read_pointer(settings).run_no == 1
