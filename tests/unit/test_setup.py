"""`make setup` works once, works again only when it has to, and says what is missing.

The programs that it calls are stand-ins here that write down their calls: what they install in
earnest is proved by every run of CI in a fresh clone.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
case "$*" in
  "-c import sys;"*) exit "${PYTHON_FITS:-0}" ;;
  "--version") echo "Python 3.11.0" ;;
  "-m venv --clear .venv")
    rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python; cp "$0" .venv/bin/uv
    echo "VIRTUAL_ENV=$PWD/.venv" > .venv/bin/activate ;;
  "pip install"*) exit "${INSTALL_FAILS:-0}" ;;
esac
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    """A clone with the stand-in for Python."""
    clone = tmp_path / "clone"
    clone.mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, clone)
    for lock in ROOT.glob("requirements*.lock"):
        shutil.copy(lock, clone)
    program = clone / "fake-python"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    return clone


def _make(folder: Path, *targets: str, **environment: str) -> tuple[int, list[str], str]:
    """Run make; return its exit code, the calls it made, and what it said."""
    calls = folder.parent / "calls"
    calls.write_text("")
    done = subprocess.run(
        ["make", *targets, f"PYTHON={folder / 'fake-python'}"],
        cwd=folder,
        env={**_without_outer_make(), "CALLS": str(calls), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    asked = ("-c import sys;", "--version")
    lines = [
        line
        for line in calls.read_text().splitlines()
        if not line.split(" ", 1)[1].startswith(asked)
    ]
    return done.returncode, lines, done.stdout + done.stderr


def _without_outer_make() -> dict[str, str]:
    """The environment without what a make around the tests has put there."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}


def test_the_first_setup_installs_what_the_locks_name_and_nothing_unhashed(folder):
    code, calls, said = _make(folder, "setup")
    assert code == 0, said
    assert calls == [
        "fake-python -m venv --clear .venv",
        "python -m pip install --quiet --require-hashes --only-binary :all: "
        "-r requirements-setup.lock",
        "uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements.lock",
        "uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation "
        "--editable .",
    ]


def test_the_second_setup_does_nothing(folder):
    _make(folder, "setup")
    assert _make(folder, "setup")[:2] == (0, [])


def test_tests_add_the_tools_once(folder):
    _make(folder, "setup")
    code, calls, _ = _make(folder, "setup-dev")
    assert code == 0
    assert [call.split()[-1] for call in calls] == ["requirements-dev.lock"]
    assert _make(folder, "setup-dev", "setup")[1] == []


def test_a_changed_lock_is_installed_again(folder):
    _make(folder, "setup")
    with (folder / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    code, calls, _ = _make(folder, "setup")
    assert code == 0
    assert "-r requirements.lock" in calls[0]
    assert not any("venv" in call.split()[2] for call in calls), "the environment is kept"


def test_an_installation_that_failed_is_not_taken_for_done(folder):
    assert _make(folder, "setup", INSTALL_FAILS="1")[0] != 0
    code, calls, _ = _make(folder, "setup")
    assert code == 0
    assert any("-r requirements.lock" in call for call in calls)


def test_a_folder_that_was_moved_is_set_up_anew(folder):
    _make(folder, "setup")
    moved = folder.rename(folder.with_name("moved"))
    code, calls, _ = _make(moved, "setup")
    assert code == 0
    assert calls[0] == "fake-python -m venv --clear .venv"


def test_an_unfit_python_is_refused_with_what_to_do(folder):
    narrow = {"PATH": "/bin:/usr/bin", "PYTHON_FITS": "1"}
    programs = folder.parent / "bin"
    programs.mkdir()
    for name in ("python3.11", "python3.12", "python3.13", "python3"):
        shutil.copy(folder / "fake-python", programs / name)
    narrow["PATH"] = f"{programs}:{narrow['PATH']}"
    code, _, said = _make(folder, "setup", **narrow)
    assert code != 0
    assert "needs Python 3.11, 3.12 or 3.13" in said
    assert "make PYTHON=" in said
