"""The processes in which dbt runs: a call, and a server that has everything ready for calls.

What belongs here: nothing but that; it is started by path, so it imports nothing of Meshline.
What does not: which models to build (that is `orchestration.dbt_runs`). Nobody imports this.

    dbt_child.py PARENT ENVIRONMENT ARGUMENTS...
        one call of dbt for the process PARENT, made by the server when one is there
    dbt_child.py PARENT --serve ENVIRONMENT STAMP
        the server; STAMP is what it writes once it has parsed

To import dbt and to parse the project costs four seconds of each call. The server does both once a
run, beside the loader, and then forks for each call: the fork has all of it, opens the warehouse
itself, and is gone afterwards with every lock. Since the project is not parsed again, `--vars` that
differ from run to run cost nothing either.

A run that is killed cannot stop its children. A dbt left behind would go on writing the warehouse
and keep it locked against the next run, so each process here looks for its parent and goes with it.
"""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.2
BEGUN = "begun"
KILLED = 137
# What dbt keeps of a parse. One copy lies beside the project, so that a new home begins with it.
PARSED = "partial_parse.msgpack"


def end_with_parent(parent_pid: int) -> None:
    """End this process, whatever it is doing, as soon as the one that started it is gone."""

    def look() -> None:
        while os.getppid() == parent_pid:
            time.sleep(POLL_SECONDS)
        os._exit(KILLED)

    threading.Thread(target=look, daemon=True).start()


def call(environment: Path, arguments: list[str]) -> int:
    """Make one call of dbt, by the server or else in this process; return its exit code."""
    _enter_home(environment)
    code = _call_server(environment, arguments)
    return _invoke(arguments, None)[0] if code is None else code


def serve(environment: Path, stamp: str) -> int:
    """Parse the project once, say so, and answer calls until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller hears it, and hangs up
    _enter_home(environment)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(_address(environment))
    listener.listen()
    target = Path(os.environ["DBT_TARGET_PATH"])
    shared = Path(os.environ["DBT_PROJECT_DIR"], "target", PARSED)
    if not (target / PARSED).exists():
        _copy(shared, target / PARSED)
    # A manifest that others may be reading already is not written again: dbt writes it in place.
    quiet = ["--no-write-json"] if _is_parsed(target, stamp) else []
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        sys.stdout = nowhere
        code, manifest = _invoke(["parse", "--log-level-file", "info", *quiet], None)
        sys.stdout = sys.__stdout__
    if code:
        return code  # whoever waits sees the end, calls dbt itself, and hears why
    if not quiet:
        _copy(target / PARSED, shared)
    draft = target / ".manifest.stamp"
    draft.write_text(stamp, encoding="utf-8")
    draft.replace(target / "manifest.stamp")
    signal.signal(signal.SIGCHLD, _reap)
    server_pid = os.getpid()
    while True:
        connection, _ = listener.accept()
        if _is_ours(connection) and os.fork() == 0:
            listener.close()
            _answer(connection, manifest, server_pid)
        connection.close()


def _enter_home(environment: Path) -> None:
    """Take over the environment of a home's dbt, and work in its folder."""
    os.environ.update(json.loads(environment.read_text(encoding="utf-8")))
    os.chdir(os.environ["MESHLINE_STATE"])


def _copy(source: Path, place: Path) -> None:
    """Copy what dbt has parsed; it compares each file with it, so an old copy does no harm.

    Without the copy dbt parses all, so a folder that cannot be written is no fault.
    """
    draft = place.with_name(f".{place.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        place.parent.mkdir(exist_ok=True)
        shutil.copyfile(source, draft)
        draft.replace(place)


def _is_parsed(target: Path, stamp: str) -> bool:
    """Whether the manifest that lies there is that of the project as it is."""
    stamped = target / "manifest.stamp"
    return (target / "manifest.json").is_file() and (
        stamped.is_file() and stamped.read_text(encoding="utf-8") == stamp
    )


def _reap(_number: int, _frame: Any) -> None:
    """Let forks that have ended go."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _invoke(arguments: list[str], manifest: Any) -> tuple[int, Any]:
    """Run dbt in this process; return its exit code and, from a parse, the manifest."""
    from dbt.cli.main import dbtRunner

    result = dbtRunner(manifest=manifest).invoke(arguments)
    if result.success:
        return 0, result.result
    if result.exception is None:
        return 1, None
    print(result.exception, flush=True)  # noqa: T201, standard output is the way to the caller
    return 2, None


def _address(environment: Path) -> bytes:
    """The server's name: it is in no folder, so it is gone with the process and in no backup."""
    return b"\0meshline-" + hashlib.sha256(bytes(environment.resolve())).hexdigest().encode()


def _is_ours(connection: socket.socket) -> bool:
    """Whether the other end belongs to the user whom we run for; names are open to everybody."""
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return bool(struct.unpack("3i", found)[1] == os.getuid())


def _call_server(environment: Path, arguments: list[str]) -> int | None:
    """Hand a call and our own output to the server; None when there is none or it gave up."""
    if sys.platform != "linux":
        return None
    answers: list[str] = []
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection,
        contextlib.suppress(OSError),
    ):
        connection.connect(_address(environment))
        if _is_ours(connection):
            wanted = {
                "arguments": arguments,
                "cwd": str(Path.cwd()),
                "environment": dict(os.environ),
            }
            socket.send_fds(connection, [b"\0"], [1, 2])
            connection.sendall(json.dumps(wanted).encode() + b"\n")
            answers = connection.makefile().read().split()
    if answers[:1] != [BEGUN]:
        return None
    return int(answers[1]) if len(answers) > 1 else KILLED


def _answer(connection: socket.socket, manifest: Any, server_pid: int) -> None:
    """Make one call in this fork, its output going to the caller's, and end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    end_with_parent(server_pid)
    code = 2
    try:
        _, descriptors, _, _ = socket.recv_fds(connection, 1, 2)
        wanted = json.loads(connection.makefile().readline())
        for own, given in zip((1, 2), descriptors, strict=True):
            os.dup2(given, own)
            os.close(given)
        os.environ.clear()
        os.environ.update(wanted["environment"])
        os.chdir(wanted["cwd"])
        connection.sendall(f"{BEGUN}\n".encode())
        _end_with_caller(connection)
        code = _invoke(wanted["arguments"], manifest)[0]
        sys.stdout.flush()
        connection.sendall(f"{code}\n".encode())
    finally:
        os._exit(code)


def _end_with_caller(connection: socket.socket) -> None:
    """End this fork as soon as its caller has hung up."""

    def look() -> None:
        if not connection.recv(1):
            os._exit(KILLED)

    threading.Thread(target=look, daemon=True).start()


if __name__ == "__main__":
    end_with_parent(int(sys.argv[1]))
    try:
        if sys.argv[2] == "--serve":
            sys.exit(serve(Path(sys.argv[3]), sys.argv[4]))
        sys.exit(call(Path(sys.argv[2]), sys.argv[3:]))
    except KeyboardInterrupt:
        sys.exit(130)
