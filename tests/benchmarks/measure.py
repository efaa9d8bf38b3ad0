"""Measuring a command: wall time, peak memory of its whole process tree, size of what it wrote.

What belongs here: running and watching a process. What does not: which commands are compared.
"""

import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Measure:
    """How one command went.

    Attributes:
        seconds: Wall time.
        peak_mb: Most memory held at once by the process and its descendants, MiB; resident, so
            pages that two of them share count twice.
        exit_code: 0 when it went well.
        output: What it wrote to stdout.
        errors: The end of what it wrote to stderr.
    """

    seconds: float
    peak_mb: int
    exit_code: int
    output: str
    errors: str


def run(command: list[str], folder: Path) -> Measure:
    """Run a command in `folder` and watch it to its end."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=err)
        ended = threading.Event()
        peak = [0]
        watcher = threading.Thread(target=_watch, args=(process.pid, ended, peak))
        watcher.start()
        exit_code = process.wait()
        seconds = time.perf_counter() - begun
        ended.set()
        watcher.join()
        out.seek(0)
        err.seek(0)
        errors = err.read().decode(errors="replace")[-2000:]
        return Measure(seconds, peak[0] // 1024, exit_code, out.read().decode(), errors)


def _watch(pid: int, ended: threading.Event, peak: list[int]) -> None:
    """Keep the largest resident size of the tree, KiB, until the process has ended."""
    while not ended.wait(POLL_SECONDS):
        peak[0] = max(peak[0], sum(_resident_kb(one) for one in _tree(pid)))


def _tree(root: int) -> list[int]:
    """Return the process and all that descend from it."""
    found, fresh = [root], [root]
    while fresh:
        fresh = [child for pid in fresh for child in _children(pid)]
        found += fresh
    return found


def _children(pid: int) -> list[int]:
    """Return the processes started by any thread of a process; none when it is gone."""
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in path.read_text().split()]
        except OSError:
            continue
    return found


def _resident_kb(pid: int) -> int:
    """Return the resident size of a process; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)


def size_mb(path: Path) -> int:
    """Return the size of a file or folder, MiB, without following links."""
    files = [path] if path.is_file() else path.rglob("*")
    total = sum(one.stat().st_size for one in files if one.is_file() and not one.is_symlink())
    return round(total / 1024**2)


def machine() -> str:
    """Return what this machine is, in a few words."""
    cpus = Path("/proc/cpuinfo").read_text()
    model = next((line.split(":")[1] for line in cpus.splitlines() if "model name" in line), "CPU")
    memory = Path("/proc/meminfo").read_text().split()[1]
    cores = cpus.count("processor\t")
    return f"{cores} cores ({model.strip()}), {round(int(memory) / 1024**2)} GiB of memory"
