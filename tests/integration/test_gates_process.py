"""A gate lets go of the warehouse, writes no files of its own and talks to nobody."""

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import expectations
from expectations import run_source_gate
from orchestration.settings import PROJECT_ROOT
from orchestration.warehouse.connection import writer
from tests.integration.gates_support import (
    CONTRACTS,
    GENERIC,
    home_settings,
    insert_rows,
    make_warehouse,
)

AS_OF = datetime(2026, 6, 1, 12, tzinfo=UTC)

_OPEN_FOR_WRITING = """
import sys
from pathlib import Path
from orchestration.settings import Settings
from orchestration.warehouse.connection import writer
home = Path(sys.argv[1])
with writer(Settings(home=home, landing=home)) as connection:
    connection.execute("create table raw.by_another_process (n bigint)")
    print(connection.execute("select count(*) from gates.failed_rows").fetchone()[0])
"""

_QUIET_GATE = """
import socket, sys
def refuse(*args, **kwargs):
    raise AssertionError("a gate opened a network connection")
socket.socket.connect = refuse
socket.create_connection = refuse
socket.getaddrinfo = refuse
from datetime import UTC, datetime
from pathlib import Path
from expectations import run_source_gate
from tests.integration.gates_support import CONTRACTS, home_settings
report = run_source_gate(
    home_settings(Path(sys.argv[1])), CONTRACTS, 1, 0, datetime(2026, 6, 1, tzinfo=UTC)
)
assert report.checks and report.passed
assert not list(Path.cwd().iterdir()), "the temporary folder is used"
"""


def _home_with_orders(home: Path):
    settings = home_settings(home)
    make_warehouse(settings)
    with writer(settings) as connection:
        insert_rows(
            connection,
            GENERIC["shipments"],
            10,
            values={"delivered_at": "case i when 1 then timestamp '2025-01-01' end"},
        )
    return settings


def _python(code: str, *arguments: object, cwd: Path = PROJECT_ROOT, **environment: str):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT), **environment},
    )


def test_another_process_can_write_the_warehouse_after_a_gate(tmp_path):
    settings = _home_with_orders(tmp_path / "home")

    report = run_source_gate(settings, CONTRACTS, 1, 0, AS_OF)

    assert report.warnings
    done = _python(_OPEN_FOR_WRITING, settings.home)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1"


def test_another_process_can_write_the_warehouse_after_a_gate_that_broke(tmp_path, monkeypatch):
    settings = _home_with_orders(tmp_path / "home")
    monkeypatch.setattr("expectations.runner.write_results", lambda *_args: 1 / 0)

    try:
        run_source_gate(settings, CONTRACTS, 1, 0, AS_OF)
    except ZeroDivisionError:
        pass
    else:
        raise AssertionError

    done = _python(_OPEN_FOR_WRITING, settings.home)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "0", "a gate keeps all of its answers or none"


def test_a_gate_is_quiet_sends_nothing_and_leaves_no_files(tmp_path):
    settings = _home_with_orders(tmp_path / "home")
    with writer(settings) as connection:
        connection.execute("update raw.generic__shipments set delivered_at = null")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    before = {path.relative_to(tmp_path) for path in tmp_path.rglob("*")}

    done = _python(
        _QUIET_GATE, settings.home, cwd=elsewhere, HOME=str(elsewhere), TMPDIR=str(elsewhere)
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {path.relative_to(tmp_path) for path in tmp_path.rglob("*")} == before


def test_a_gate_may_be_called_while_the_import_is_still_running_in_a_thread(tmp_path):
    settings = _home_with_orders(tmp_path / "home")
    thread = threading.Thread(target=expectations.warm)
    thread.start()

    report = run_source_gate(settings, CONTRACTS, 1, 0, AS_OF)

    thread.join()
    assert report.checks


def test_an_open_connection_is_used_and_left_open(tmp_path):
    settings = _home_with_orders(tmp_path / "home")

    with writer(settings) as connection:
        insert_rows(connection, GENERIC["orders"], 3)
        report = run_source_gate(connection, CONTRACTS, 1, 0, AS_OF)
        assert connection.execute("select count(*) from gates.validation_results").fetchone() == (
            len(report.checks),
        )
