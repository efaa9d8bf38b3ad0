"""How Meshline calls dbt: arguments, environment, and what the results mean for a run.

What belongs here: everything about one dbt call that can be said without importing dbt or Dagster.
What does not: when dbt is called (`orchestration.runner`, `orchestration.defs.transform`), and SQL.
`orchestration.runner`, `orchestration.defs` and `orchestration.definitions` may import this.
"""

import hashlib
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.dbt_watch import DbtWatch
from orchestration.settings import Settings

# Which data tests a phase runs. The first: those over nothing that it has not built or read. The
# second, when all is built: every test that touches one of its models. Together that is each once.
TESTS_OF_PHASE: Mapping[str, str] = {"phase_1": "buildable", "phase_2": "eager"}
CHILD = Path(__file__).with_name("dbt_child.py")
MOMENT_FORMAT = "%Y-%m-%d %H:%M:%S.%f"
NOT_PART_OF_A_PROJECT = frozenset({"target", "logs", "dbt_packages", "samples", "__pycache__"})
ENVIRONMENT = "environment.json"
STAMP = "manifest.stamp"
SECONDS_BETWEEN_LOOKS = 0.05
SECONDS_TO_STOP = 20


@dataclass(frozen=True, slots=True)
class _Server:
    """The server of a run that this process makes, and the state of the project that it parses."""

    process: "subprocess.Popen[bytes]"
    digest: str


_servers: dict[Path, _Server] = {}


def build_arguments(
    phase: str, *, as_of: datetime, run_no: int, full_refresh: bool
) -> tuple[str, ...]:
    """Return the arguments of `dbt build` for one phase, without its selection.

    Unit tests are left out: they prove our SQL, which does not change from run to run.
    """
    moment = as_of.astimezone(UTC).strftime(MOMENT_FORMAT)
    arguments = [
        "build",
        "--vars",
        json.dumps({"as_of": moment, "run_no": run_no}),
        "--indirect-selection",
        TESTS_OF_PHASE[phase],
        "--exclude-resource-types",
        "unit_test",
        "--log-level-file",
        "info",
        *(["--full-refresh"] if full_refresh else []),
    ]
    return tuple(arguments)


def environment_of(settings: Settings) -> dict[str, str]:
    """Return what `profiles.yml` and `dbt_project.yml` read from the environment of dbt.

    The warehouse is named from the home, in which dbt works: a project that was parsed for one
    home is then known to be parsed for all others.
    """
    return {
        "MESHLINE_STATE": str(settings.home),
        "MESHLINE_WAREHOUSE": settings.warehouse.name,
        "MESHLINE_THREADS": str(settings.threads),
        "MESHLINE_MEMORY_MB": str(settings.memory_limit_mb),
        "MESHLINE_SCRATCH": settings.scratch.name,
        "DBT_PROFILES_DIR": str(settings.dbt_project),
        "DBT_PROJECT_DIR": str(settings.dbt_project),
        "DBT_TARGET_PATH": str(target_of(settings)),
        "DBT_LOG_PATH": str(target_of(settings)),
        "DBT_LOG_FORMAT": "json",
        "DBT_LOG_FORMAT_FILE": "text",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_USE_COLORS": "false",
        "DO_NOT_TRACK": "1",
    }


def target_of(settings: Settings) -> Path:
    """The folder of dbt's artifacts and of its partial parse, kept from run to run."""
    return settings.dbt_state / "target"


def write_launcher(settings: Settings) -> Path:
    """Write the executable that starts dbt for this home, and return its path."""
    environment = settings.dbt_state / ENVIRONMENT
    launcher = settings.dbt_state / "dbt"
    target_of(settings).mkdir(parents=True, exist_ok=True)
    settings.scratch.mkdir(parents=True, exist_ok=True)
    _replace(environment, json.dumps(environment_of(settings), indent=1))
    start, place = shlex.join([sys.executable, "-P", str(CHILD)]), shlex.quote(str(environment))
    _replace(launcher, f'#!/bin/sh\nexec {start} "$PPID" {place} "$@"\n', mode=0o755)
    return launcher


def ensure_manifest(settings: Settings) -> Path:
    """Return the manifest of the dbt project, parsed anew only when the project has changed.

    Raises:
        DbtFailed: The project does not parse; the message is dbt's.
    """
    manifest = target_of(settings) / "manifest.json"
    digest = digest_of_project(settings)
    server = _servers.get(settings.home)
    if server is not None and server.digest == digest:
        while server.process.poll() is None and not _is_parsed(settings, digest):
            time.sleep(SECONDS_BETWEEN_LOOKS)
    if not _is_parsed(settings, digest):
        watch = DbtWatch(advanced=lambda _done, _total, _name: None)
        code = _call(settings, ["parse", "--log-level-file", "info"], watch)
        watch.raise_if_unfit(phase="parse", exit_code=code, log=target_of(settings) / "dbt.log")
        _replace(target_of(settings) / STAMP, digest)
    return manifest


def start_server(settings: Settings) -> None:
    """Begin to import dbt and to parse the project beside other work; safe to call twice.

    Without a server every call does this for itself, so it may fail without harm.
    """
    if settings.home in _servers or sys.platform != "linux":
        return
    write_launcher(settings)
    digest = digest_of_project(settings)
    with (settings.dbt_state / "server.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603, our own code and paths
            [
                *(sys.executable, "-P", str(CHILD), str(os.getpid()), "--serve"),
                str(settings.dbt_state / ENVIRONMENT),
                digest,
            ],
            cwd=settings.dbt_project,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    _servers[settings.home] = _Server(process, digest)


def stop_server(settings: Settings) -> None:
    """End the server of a home, and with it any call that it still makes."""
    server = _servers.pop(settings.home, None)
    if server is not None:
        server.process.kill()
        server.process.wait()


def _is_parsed(settings: Settings, digest: str) -> bool:
    """Whether the manifest that lies there is that of the project as it is."""
    stamp = target_of(settings) / STAMP
    is_there = stamp.is_file() and (target_of(settings) / "manifest.json").is_file()
    return is_there and stamp.read_text(encoding="utf-8") == digest


def build(settings: Settings, phase: str, arguments: Sequence[str], watch: DbtWatch) -> None:
    """Run one phase without Dagster, its events going to `watch`, and raise what its end means.

    Raises:
        BlockedByCheck: A data test failed.
        DbtFailed: A model could not be built.
    """
    code = _call(settings, [*arguments, "--select", f"tag:{phase}"], watch)
    watch.raise_if_unfit(phase=phase, exit_code=code, log=target_of(settings) / "dbt.log")


def digest_of_project(settings: Settings) -> str:
    """Hash what the manifest is made from: the dbt project, its seeds, the versions involved."""
    digest = hashlib.sha256(f"{sys.version_info}|{settings.dbt_project}".encode())
    for path in project_files(settings):
        digest.update(f"{path}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def project_files(settings: Settings) -> Iterator[Path]:
    """Every file of the dbt project and of the seeds in a fixed order, without samples."""
    for root in (settings.dbt_project, settings.seeds):
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(
                name
                for name in folders
                if name not in NOT_PART_OF_A_PROJECT and not name.startswith(".")
            )
            for name in sorted(names):
                if not name.startswith("."):
                    yield Path(folder, name)


def _call(settings: Settings, arguments: Sequence[str], watch: DbtWatch) -> int:
    """Run dbt to its end, its events going to `watch`; return its exit code."""
    process = subprocess.Popen(  # noqa: S603, our own launcher and our own arguments
        [str(write_launcher(settings)), *arguments],
        cwd=settings.dbt_project,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        for line in process.stdout or ():
            try:
                event = json.loads(line)
            except ValueError:
                watch.errors.append(line.strip())
                continue
            watch.see(event)
    except BaseException:
        stop(process)
        raise
    return process.wait()


def stop(process: "subprocess.Popen[Any]") -> None:
    """End a dbt that is still at work: left behind, it would keep the warehouse locked."""
    process.terminate()
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _replace(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Write a small file so that nobody ever reads half of it."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(mode)
    draft.replace(path)
