"""B1, B10: a run that is stopped says so, leaves nobody at the warehouse, and blocks no one."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.core.errors import WarehouseBusy
from orchestration.settings import PROJECT_ROOT, Settings, load_settings
from orchestration.warehouse.connection import writer
from orchestration.warehouse.runs import last_run
from tests.integration.run_homes import AS_OF, SAMPLES

LONGEST_SECONDS = 240
SECONDS_TO_NOTICE = 10


def start(home: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "orchestration.cli", "run", "--full-refresh", "--json"),
            *("--landing", str(SAMPLES), "--as-of", AS_OF, "--home", str(home)),
        ],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_until_dbt_builds(run: subprocess.Popen, home: Path, since: float) -> None:
    """Wait for the first lines that dbt writes about building."""
    log = home / "logs"
    last = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < last:
        assert run.poll() is None, run.communicate()
        for path in log.glob("run_*.log"):
            if path.stat().st_mtime > since and "OK created" in path.read_text():
                return
        time.sleep(0.1)
    raise AssertionError("dbt never began to build")


def processes_of(home: Path) -> list[str]:
    """Command lines of processes that name the home."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if str(home) in words:
                found.append(words)
    return found


def files_read(settings: Settings, last: float) -> int:
    """Count in the warehouse; a killed process loses its words before it lets go of its files."""
    while True:
        try:
            with writer(settings) as connection:
                return connection.execute("select count(*) from raw.files").fetchone()[0]
        except WarehouseBusy:
            if time.monotonic() > last:
                raise
            time.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_leaves_the_home_free_and_its_record_true(published_home, number):
    since = time.time()
    run = start(published_home)
    wait_until_dbt_builds(run, published_home, since)
    run.send_signal(number)
    stdout, stderr = run.communicate(timeout=LONGEST_SECONDS)

    if number == signal.SIGKILL:
        assert run.returncode == -signal.SIGKILL
    else:
        assert run.returncode == 130
        assert "Stopped." in stderr
        assert '"status": "interrupted"' in stdout
    assert "Traceback" not in stderr

    settings = load_settings(home=published_home)
    assert last_run(settings, now=datetime.now(UTC)).status == "interrupted"
    last = time.monotonic() + SECONDS_TO_NOTICE
    while processes_of(published_home) and time.monotonic() < last:
        time.sleep(0.1)
    assert processes_of(published_home) == []
    assert files_read(settings, last) > 0
