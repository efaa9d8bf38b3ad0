"""A PostgreSQL of the tests' own, on loopback, in a temporary folder.

What belongs here: starting and stopping it, one database a test. What does not: any test.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

VERSIONS = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """The folder of the newest PostgreSQL that is installed."""
    found = sorted(VERSIONS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


@contextmanager
def server() -> Iterator[str]:
    """Run a server; yield the URL of its maintenance database. It trusts loopback alone."""
    folder = programs()
    assert folder is not None
    place = Path(tempfile.mkdtemp(prefix="meshline-pg-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user is not None:  # it refuses to run as root
        owner = pwd.getpwnam(user)
        os.chown(place, owner.pw_uid, owner.pw_gid)
    data, port = place / "data", _free_port()

    def run(*arguments: str) -> None:
        subprocess.run(
            arguments, check=True, user=user, cwd=place, capture_output=True, timeout=120
        )

    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={place} "
        "-c fsync=off -c shared_buffers=32MB -c max_connections=60"
    )
    control = str(folder / "pg_ctl")
    try:
        run(
            str(folder / "initdb"), "-D", str(data), "-U", "meshline", "-A", "trust", "-N",
            "-E", "UTF8", "--locale", "C.UTF-8",
        )  # fmt: skip
        run(control, "-D", str(data), "-w", "-l", str(place / "log"), "-o", options, "start")
        try:
            yield f"postgresql://meshline@127.0.0.1:{port}/postgres"
        finally:
            run(control, "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(place, ignore_errors=True)


def fresh_database(maintenance_url: str, name: str) -> str:
    """Make an empty database and return its URL."""
    with psycopg.connect(maintenance_url, autocommit=True) as connection:
        connection.execute(f'create database "{name}"')
    return f"{maintenance_url.rpartition('/')[0]}/{name}"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
