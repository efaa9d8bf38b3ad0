"""What can be said to the command line, and that no answer obeys what stands in source data."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from rich.console import Console
from typer.testing import CliRunner

from orchestration.cli import app, parse_moment, parse_rate
from orchestration.cli_display import amount, clean, print_json, table, text
from orchestration.cli_progress import Bars, Lines, line_of, observer
from orchestration.core.errors import UsageRefused
from orchestration.settings import PROJECT_ROOT
from orchestration.steps import Step, StepOutcome

HEAVY = ("dagster", "dbt", "great_expectations")


def run_cli(*arguments, cwd=PROJECT_ROOT):
    return subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_answers_at_a_glance():
    """Nothing that takes seconds to import is imported for it."""
    program = (
        "import sys, atexit\n"
        "from orchestration.cli import main\n"
        f"atexit.register(lambda: print([m for m in {(*HEAVY, 'duckdb')!r} if m in sys.modules]))\n"
        "main()"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, "--help"], capture_output=True, text=True, check=False
    )
    assert said.stdout.splitlines()[-1] == "[]"
    for command in ("run", "status", "exceptions", "order", "contracts", "generate"):
        assert command in said.stdout


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("exceptions", "list"), ("exceptions", "show", "x"), ("order", "show", "x")],
)
def test_reading_commands_import_nothing_heavy(arguments, tmp_path):
    program = (
        "import sys\n"
        "from orchestration.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", program, *arguments, "--home", str(tmp_path)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stdout.splitlines()[-1] == "[]"


def test_every_command_takes_a_home():
    runner = CliRunner()
    for command in (
        ["run"],
        ["status"],
        ["exceptions", "list"],
        ["exceptions", "show"],
        ["order", "show"],
        ["contracts", "check"],
        ["generate"],
    ):
        assert "--home" in runner.invoke(app, [*command, "--help"]).output, command


def test_an_empty_home_says_what_to_do_first(tmp_path):
    said = run_cli("status", "--home", tmp_path)
    assert said.returncode == 0
    assert "make run" in said.stdout
    listed = run_cli("exceptions", "list", "--home", tmp_path)
    assert listed.returncode == 1
    assert "meshline run" in listed.stderr
    assert "Traceback" not in listed.stderr


@pytest.mark.parametrize("arguments", [("run", "--no-such-option"), ("orders",), ("order", "show")])
def test_wrong_usage_ends_with_2(arguments):
    assert run_cli(*arguments).returncode == 2


def test_contracts_can_be_checked_alone():
    said = run_cli("contracts", "check")
    assert said.returncode == 0
    assert "generic: version" in said.stdout


def test_generating_is_repeatable_and_names_the_next_command(tmp_path):
    for name in ("first", "second"):
        said = run_cli("generate", "--orders", 50, "--defects", "0.1", "--out", tmp_path / name)
        assert said.returncode == 0, said.stderr
        assert "meshline run --landing" in said.stdout
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.csv")}
        for name in ("first", "second")
    )
    assert first
    assert first == second


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("2026-06-30", datetime(2026, 6, 30, tzinfo=UTC)),
        ("2026-06-30T12:00:00", datetime(2026, 6, 30, 12, tzinfo=UTC)),
        ("2026-06-30T12:00:00+02:00", datetime(2026, 6, 30, 10, tzinfo=UTC)),
        ("2026-06-30T12:00:00Z", datetime(2026, 6, 30, 12, tzinfo=UTC)),
    ],
)
def test_moments_are_read_as_utc_unless_they_say_otherwise(given, moment):
    assert parse_moment(given) == moment


@pytest.mark.parametrize("given", ["today", "30.06.2026", ""])
def test_what_is_no_moment_is_refused_with_an_example(given):
    with pytest.raises(UsageRefused, match="2026-06-30T12:00:00Z"):
        parse_moment(given)


def test_a_share_is_exact():
    assert parse_rate("0.1") == Decimal("0.1")
    with pytest.raises(UsageRefused, match="share"):
        parse_rate("ten")


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("two\nlines\r", "two\\nlines\\r"),
        ("\u202eturned", "\\u202eturned"),
        ("zero\u200bwidth\x00", "zero\\u200bwidth\\x00"),
        ("[bold]markup[/bold]", "[bold]markup[/bold]"),
        (":smile: café 日本", ":smile: café 日本"),
    ],
)
def test_text_of_others_is_shown_and_never_obeyed(hostile, shown):
    console = Console(width=200, force_terminal=True, color_system="truecolor", record=True)
    with console.capture() as captured:
        console.print(text(hostile))
        console.print(table("t", ["column"], [[hostile]]))
    assert clean(hostile) == shown
    assert captured.get().count(shown) == 2


def test_json_is_ascii_with_amounts_as_text(capsys):
    print_json(
        {
            "amount": Decimal("12.5000"),
            "name": "\x1b[31mcafé",
            "at": datetime(2026, 6, 30, tzinfo=UTC),
            "rows": ({"none": None, "flag": True},),
        }
    )
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert json.loads(printed) == {
        "amount": "12.5000",
        "name": "\x1b[31mcafé",
        "at": "2026-06-30T00:00:00+00:00",
        "rows": [{"none": None, "flag": True}],
    }


@pytest.mark.parametrize(
    ("value", "currency", "shown"),
    [
        (Decimal("1234.5000"), "EUR", "1,234.50 EUR"),
        (Decimal("396.3630"), "KWD", "396.363 KWD"),
        (Decimal("-0.0100"), None, "-0.01"),
        (Decimal(100), "JPY", "100.00 JPY"),
        (Decimal("0E-4"), "EUR", "0.00 EUR"),
        (None, "EUR", "-"),
    ],
)
def test_amounts_show_every_decimal_they_have(value, currency, shown):
    assert amount(value, currency) == shown


def test_progress_is_lines_in_a_pipe_and_bars_on_a_terminal():
    assert isinstance(observer(Console(force_terminal=False)), Lines)
    assert isinstance(observer(Console(force_terminal=True)), Bars)


def test_a_finished_step_is_one_line():
    outcome = StepOutcome(Step.PHASE_1, 12.34, "104 models\nand tests", ok=False)
    assert line_of(outcome) == ("FAILED   12.3 s  build orders and legs: 104 models\\nand tests")


def test_bars_survive_steps_that_report_what_sources_sent():
    with Bars(Console(force_terminal=True, file=sys.stderr)) as bars:
        bars.started(Step.INGEST)
        bars.advanced(Step.INGEST, 1, 0, "[red]\x1b[2J.csv")
        bars.finished(StepOutcome(Step.INGEST, 0.1, "", ok=True))
