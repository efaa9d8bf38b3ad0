"""Load on the console: server time of each page alone, cached and not, and under many people.

What belongs here: measuring a console over a home that is there. What does not: judging; the page
docs/benchmarks.md says what was measured. Run it by hand:

    .venv/bin/python -m tests.benchmarks.console_load HOME [--people 20] [--seconds 20]
"""

import argparse
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx2
import uvicorn

from orchestration.warehouse.snapshots import do_without_frames
from tests.console.people import PASSWORD, open_console, token_of

PAGES = ("/overview", "/exceptions", "/exceptions?q=sku", "/exceptions?severity=high&sort=amount",
         "/orders", "/settlements", "/sellers", "/quality", "/forecast", "/value", "/pilot",
         "/runs", "/rules", "/audit", "/settled", "/incidents", "/approvals")  # fmt: skip


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=20)
    given = parser.parse_args()
    do_without_frames()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        # A publication never changes, so it is linked and not copied; the ledger is written.
        shutil.copytree(given.home / "serving", home / "serving", symlinks=True, copy_function=link)
        for path in given.home.glob("ledger.db*"):
            shutil.copy2(path, home / path.name)
        measure(home, given.people, given.seconds)


def link(source: str, target: str) -> None:
    """Take a file of a publication over; a copy where the folder is on another disk."""
    try:
        Path(target).hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


def measure(home: Path, people: int, seconds: float) -> None:
    console = open_console(home)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    server = uvicorn.Server(uvicorn.Config(console.app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    cookies = sign_in(address)
    with console.state.snapshots.pin() as published:
        exceptions = [
            row["exception_id"]
            for row in published.rows(
                "select exception_id from marts.fct_exceptions order by exception_id limit 50"
            )
        ]
        orders = [
            row["recon_key"]
            for row in published.rows(
                "select recon_key from marts.fct_orders order by recon_key limit 50"
            )
        ]
    with httpx2.Client(base_url=address, cookies=cookies, timeout=60) as client:
        client.get("/settings")
        tell("page                                        first ms  again ms (median of 9)")
        for path in (*PAGES, f"/exceptions/{exceptions[0]}", f"/orders/{orders[0]}"):
            first, *again = (server_ms(client, path) for _ in range(10))
            tell(f"{path[:42]:42}  {first:8.1f}  {statistics.median(again):8.1f}")
        first, *again = (server_ms(client, "/panel/pass_rate_by_week.svg") for _ in range(10))
        tell(f"{'a chart':42}  {first:8.1f}  {statistics.median(again):8.1f}")
    paths = [
        *PAGES,
        *(f"/exceptions/{each}" for each in exceptions),
        *(f"/orders/{each}" for each in orders),
    ]
    report_load(address, cookies, paths, people, seconds)
    server.should_exit = True
    thread.join()
    console.close()


def sign_in(address: str) -> httpx2.Cookies:
    with httpx2.Client(base_url=address, timeout=60) as client:
        token = token_of(client.get("/sign-in").text)
        client.post("/sign-in", data={"email": "finance@example.com", "password": PASSWORD,
                                      "_token": token})  # fmt: skip
        return client.cookies


def server_ms(client: httpx2.Client, path: str) -> float:
    answer = client.get(path)
    if answer.status_code != 200:
        return float("nan")
    return float(answer.headers["server-timing"].rpartition("=")[2])


def report_load(address, cookies, paths, people: int, seconds: float) -> None:
    times, errors, lock = [], [], threading.Lock()
    end = time.monotonic() + seconds

    def visit(number: int) -> None:
        place = number * 7
        with httpx2.Client(base_url=address, cookies=cookies, timeout=60) as client:
            while time.monotonic() < end:
                path = paths[place % len(paths)]
                place += 1
                begun = time.perf_counter()
                answer = client.get(path)
                took = (time.perf_counter() - begun) * 1000
                with lock:
                    times.append(took)
                    if answer.status_code != 200:
                        errors.append((path, answer.status_code))

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(people)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    times.sort()
    tell(
        f"{people} people for {seconds:.0f} s: {len(times) / seconds:.0f} pages a second, median "
        f"{statistics.median(times):.0f} ms, 95 % within {times[int(len(times) * 0.95)]:.0f} ms, "
        f"{len(errors)} errors"
    )


if __name__ == "__main__":
    main()
