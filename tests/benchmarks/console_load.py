"""Load on the console: each page alone, first and again, and then many people at once.

What belongs here: measuring `meshline serve` over a home that is there. What does not: making that
home (`tests.benchmarks.console_large`), and judging (docs/benchmarks.md). By hand:

    .venv/bin/python -m tests.benchmarks.console_load HOME [--people 20] [--seconds 20]

The console runs in a process of its own, as people start it, and is measured once it has asked for
the figures of the publication ahead. On a shared machine its processor time says more than a clock.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from orchestration.settings import PROJECT_ROOT
from tests.console.people import PASSWORD, open_console, token_of

PAGES = ("/overview", "/exceptions", "/exceptions?q=sku", "/exceptions?severity=high&sort=amount",
         "/orders", "/settlements", "/sellers", "/quality", "/forecast", "/value", "/pilot",
         "/runs", "/rules", "/catalogue", "/audit", "/settled", "/incidents", "/approvals",
         "/panel/pass_rate_by_week.svg")  # fmt: skip
SAMPLE = 50
TICK = os.sysconf("SC_CLK_TCK")
QUIET_SECONDS, LONGEST_WAIT = 2.0, 600.0


@dataclass(frozen=True, slots=True)
class PageTime:
    """One page: milliseconds of the server, by its clock and of its processor."""

    path: str
    first_ms: float
    first_cpu_ms: float
    again_ms: float


@dataclass(frozen=True, slots=True)
class Load:
    """How a console answered.

    Attributes:
        pages: Each page alone.
        ahead_cpu_s: Processor time from the start until the figures had been asked for ahead.
        people: Who asked at once, in the second part.
        per_second: Pages that they were given in a second.
        median_ms: Half of these came within it; `p95_ms` 95 of 100.
        errors: Addresses that were not answered with a page.
    """

    pages: tuple[PageTime, ...]
    ahead_cpu_s: float
    people: int
    per_second: float
    median_ms: float
    p95_ms: float
    errors: tuple[str, ...]

    def report(self) -> str:
        """All of it as Markdown."""
        lines = ["| page | first ms | of the processor | again ms |", "|---|--:|--:|--:|"]
        lines += [
            f"| {page.path} | {page.first_ms:.0f} | {page.first_cpu_ms:.0f} | {page.again_ms:.0f} |"
            for page in self.pages
        ]
        said = (
            f"The figures asked for ahead took {self.ahead_cpu_s:.1f} s of the processor, the "
            f"start of the console included. {self.people} people at once: {self.per_second:.0f} "
            f"pages a second, median {self.median_ms:.0f} ms, 95 % within {self.p95_ms:.0f} ms, "
            f"{len(self.errors)} errors."
        )
        return "\n".join([*lines, "", said])


def main() -> None:
    """Measure a home, and print the report."""
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20)
    given = parser.parse_args()
    sys.stdout.write(measure(given.home, given.people, given.seconds).report() + "\n")


def measure(given: Path, people: int, seconds: float) -> Load:
    """Measure the console over a copy of a home."""
    with tempfile.TemporaryDirectory(dir=given.parent) as folder:
        home = Path(folder) / "home"
        home.mkdir()
        # A publication never changes, so it is linked and not copied; the ledger is written.
        shutil.copytree(given / "serving", home / "serving", symlinks=True, copy_function=_link)
        for path in (*given.glob("ledger.db*"), given / "dbt" / "target" / "manifest.json"):
            if path.exists():
                (home / path.relative_to(given)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, home / path.relative_to(given))
        orders, exceptions = _prepare(home)
        with _served(home) as (process, address):
            ahead = _wait_until_quiet(process.pid)
            cookies = _sign_in(address)
            alone = [*PAGES, exceptions[0], orders[0]]
            pages = _each_alone(address, cookies, process.pid, alone)
            return _at_once(
                address, cookies, [*PAGES, *exceptions, *orders], (people, seconds), (pages, ahead)
            )


def _link(source: str, target: str) -> None:
    """Take a file of a publication over; a copy where the folder is on another disk."""
    try:
        Path(target).hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


def _prepare(home: Path) -> tuple[list[str], list[str]]:
    """Add people to a home, and find orders and exceptions to open."""
    console = open_console(home)
    found = []
    with console.state.snapshots.pin() as published:
        for page, table, key in (
            ("orders", "fct_orders", "recon_key"),
            ("exceptions", "fct_exceptions", "exception_id"),
        ):
            rows = published.rows(f"select {key} from marts.{table} order by 1 limit {SAMPLE}")
            found.append([f"/{page}/{row[key]}" for row in rows])
    console.close()
    return found[0], found[1]


@contextmanager
def _served(home: Path) -> "Iterator[tuple[subprocess.Popen[str], str]]":
    """Start the console of a home as people do; end it afterwards."""
    command = [sys.executable, "-m", "orchestration.cli", "serve", "--home", str(home)]
    process = subprocess.Popen(
        [*command, "--port", "0"],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process, re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())[0]
    finally:
        process.terminate()
        process.wait(30)


def _processor_s(pid: int) -> float:
    """Processor time that a process has used, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def _wait_until_quiet(pid: int) -> float:
    """Wait until a process has done what it does ahead; return what that took of the processor."""
    end, known = time.monotonic() + LONGEST_WAIT, -1.0
    while time.monotonic() < end:
        now = _processor_s(pid)
        if now - known < 0.05 * QUIET_SECONDS:
            break
        known = now
        time.sleep(QUIET_SECONDS)
    return _processor_s(pid)


def _sign_in(address: str) -> httpx2.Cookies:
    with httpx2.Client(base_url=address, timeout=120) as client:
        token = token_of(client.get("/sign-in").text)
        client.post("/sign-in", data={"email": "finance@example.com", "password": PASSWORD,
                                      "_token": token})  # fmt: skip
        client.get("/settings")
        return client.cookies


def _each_alone(
    address: str, cookies: httpx2.Cookies, pid: int, paths: Sequence[str]
) -> tuple[PageTime, ...]:
    found = []
    with httpx2.Client(base_url=address, cookies=cookies, timeout=120) as client:
        for path in paths:
            before = _processor_s(pid)
            first = _server_ms(client, path)
            used = (_processor_s(pid) - before) * 1000
            again = statistics.median(_server_ms(client, path) for _ in range(9))
            found.append(PageTime(_without_id(path), first, used, again))
    return tuple(found)


def _server_ms(client: httpx2.Client, path: str) -> float:
    answer = client.get(path)
    if answer.status_code != 200:
        return float("nan")
    return float(answer.headers["server-timing"].rpartition("=")[2])


def _without_id(path: str) -> str:
    """What kind of page it is: `/orders/rk1_...` as `/orders/one`."""
    one = re.fullmatch(r"/(orders|exceptions)/.+", path)
    return f"/{one[1]}/one" if one else path


def _at_once(
    address: str,
    cookies: httpx2.Cookies,
    paths: Sequence[str],
    crowd: tuple[int, float],
    alone: tuple[tuple[PageTime, ...], float],
) -> Load:
    """Let people ask for one page after the other, each of their own choice."""
    people, seconds = crowd
    times: list[float] = []
    errors: list[str] = []
    lock = threading.Lock()
    end = time.monotonic() + seconds

    def visit(number: int) -> None:
        place = number * 7
        with httpx2.Client(base_url=address, cookies=cookies, timeout=120) as client:
            while time.monotonic() < end:
                path = paths[place % len(paths)]
                place += 1
                begun = time.perf_counter()
                answer = client.get(path)
                took = (time.perf_counter() - begun) * 1000
                with lock:
                    times.append(took)
                    if answer.status_code != 200:
                        errors.append(f"{path}: {answer.status_code}")

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(people)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    times.sort()
    return Load(
        pages=alone[0],
        ahead_cpu_s=alone[1],
        people=people,
        per_second=len(times) / seconds,
        median_ms=statistics.median(times),
        p95_ms=times[int(len(times) * 0.95)],
        errors=tuple(errors),
    )


if __name__ == "__main__":
    main()
