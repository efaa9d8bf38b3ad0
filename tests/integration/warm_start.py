"""Starts Meshline commands from a process that has imported everything already.

Most of a short run is the import of Dagster and Great Expectations. A kill at a random moment of
the work itself would wait for that each time; here it is done once, and each command is a fork.
Started as `python -m tests.integration.warm_start`; reads one JSON request a line from stdin and
answers each with the process id of the command.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("orchestration.cli_run", "orchestration.definitions", "expectations.engine")


class WarmStarter:
    """The client of that process; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.warm_start"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self._process.stdout.readline() == "ready\n"

    def start(self, arguments: Sequence[str], output: Path) -> int:
        """Start a command; its output goes to `<output>`, its exit code to `<output>.code`."""
        with self._lock:
            request = json.dumps({"arguments": list(arguments), "output": str(output)})
            self._process.stdin.write(request + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())

    def close(self) -> None:
        """End the process; commands that still run are left alone."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _become(arguments: Sequence[str], output: Path) -> None:
    """Be the command: own output, usual signals, and the exit code in a file."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, descriptor in enumerate((nothing, target, target)):
        os.dup2(descriptor, number)
    sys.argv = ["meshline", *arguments]
    from orchestration.cli import main

    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    Path(f"{output}.code").write_text(str(code or 0))
    os._exit(0)


def serve() -> None:
    """Fork a command for each request, until stdin is closed."""
    for module in HEAVY:
        importlib.import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the commands
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(request["arguments"], Path(request["output"]))
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
