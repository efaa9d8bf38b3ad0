"""The benchmark: Meshline beside the hand-written baseline, on the same generated files.

What belongs here: the steps, their order, and the tables that come of them.
What does not: measuring (`measure`) and the baseline (`baseline`).

`make bench`, or `python -m tests.benchmarks --orders 100000`. Needs a few GB under the work folder.
"""

import argparse
import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from orchestration.generator import generate, generate_change
from orchestration.settings import PROJECT_ROOT
from tests.benchmarks.console_part import bench_console
from tests.benchmarks.found import compare
from tests.benchmarks.measure import Measure, machine, run, size_mb

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
# Rows of the payments stream and bytes of its file, per order: enough to aim at a size.
PAYMENT_BYTES_PER_ORDER = 205
MARKERS = ("<!-- bench:begin -->", "<!-- bench:end -->")
# Of its own, so that one can be measured anew without the other.
CONSOLE_MARKERS = ("<!-- bench-console:begin -->", "<!-- bench-console:end -->")


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table.

    Attributes:
        name: What was run.
        measure: How it went.
        disk_mb: What stands on disk afterwards, MiB.
        note: What it found, or why it failed.
    """

    name: str
    measure: Measure
    disk_mb: int
    note: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured, and where.

    Attributes:
        work: Folder for files, homes and databases.
        orders: Generated orders.
        seed: Of the generator.
        defects: Share of orders with a defect.
        threads: For both sides.
        memory_mb: DuckDB's limit for both sides, MiB.
        loader_mb: Size of the file that the loaders are compared on; 0 leaves that out.
        console_orders: Orders that the console is asked about; 0 leaves that out.
        say: Told each step as it begins.
    """

    work: Path
    orders: int
    seed: int
    defects: Decimal
    threads: int
    memory_mb: int
    loader_mb: int
    console_orders: int
    say: Callable[[str], None]

    def limits(self) -> list[str]:
        """Return the options that hold both sides to the same resources."""
        return ["--threads", str(self.threads), "--memory-mb", str(self.memory_mb)]


def bench_flow(plan: Plan) -> tuple[list[Line], str]:
    """Measure baseline, full run, nothing new, 1 percent new; say what the full run found."""
    landing, home = plan.work / "landing", plan.work / "home"
    plan.say(f"generating {plan.orders:,} orders")
    made = generate(landing, plan.orders, plan.seed, plan.defects, AS_OF)
    lines = [_baseline(plan, landing, "baseline, hand-written SQL")]
    lines.append(_meshline(plan, "full run", home, landing, AS_OF))
    lines.append(_meshline(plan, "nothing new", home, landing, AS_OF + timedelta(minutes=1)))
    found = _found(lines[1], home, landing)
    change = generate_change(landing, plan.orders, plan.seed, Decimal("0.01"), AS_OF)
    lines.append(_meshline(plan, "1 % new or changed", home, landing, change.as_of))
    found_later = _found(lines[-1], home, landing)
    rows = sum(made.rows.values())
    said = (
        f"{plan.orders:,} orders, {rows:,} rows, {size_mb(landing):,} MiB of CSV; the change has "
        f"{sum(change.rows.values()):,} rows. Full run: {found} With the change: {found_later}"
    )
    return lines, said


def _found(line: Line, home: Path, landing: Path) -> str:
    """Return how a run's exceptions compare with the truth; the change adds no defect."""
    if line.measure.exit_code:
        return "not compared with the truth, as the run failed."
    return compare(home, landing / "truth" / "expected_exceptions.csv").sentence()


def bench_loader(plan: Plan) -> list[Line]:
    """Measure loading one large file, bare and with the loader."""
    landing = plan.work / "large"
    orders = plan.loader_mb * 1_000_000 // PAYMENT_BYTES_PER_ORDER
    plan.say(f"generating a payments file of about {plan.loader_mb} MB")
    generate(landing, orders, plan.seed, as_of=AS_OF, streams=("payments",))
    found = []
    for side, name in (("bare", "bare create table as"), ("loader", "loader")):
        plan.say(name)
        home = plan.work / f"load-{side}"
        command = [sys.executable, "-m", "tests.benchmarks.loading", side]
        command += ["--landing", str(landing), "--home", str(home), *plan.limits()]
        measure = run(command, PROJECT_ROOT)
        database = home / "warehouse.duckdb"
        disk = size_mb(database) if database.exists() else 0
        found.append(Line(name, measure, disk, _rows_or_error(measure)))
        shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(landing)
    return found


def _baseline(plan: Plan, landing: Path, name: str) -> Line:
    """Measure the baseline in a process of its own."""
    plan.say(name)
    database = plan.work / "baseline.duckdb"
    command = [sys.executable, "-m", "tests.benchmarks.baseline", "--landing", str(landing)]
    measure = run([*command, "--database", str(database), *plan.limits()], PROJECT_ROOT)
    note = _rows_or_error(measure)
    if measure.exit_code == 0:
        told = json.loads(measure.output)
        note = f"{note}; load {told['load_seconds']} s, legs {told['legs_seconds']} s"
    disk = size_mb(database) if database.exists() else 0
    return Line(name, measure, disk, note)


def _meshline(plan: Plan, name: str, home: Path, landing: Path, as_of: datetime) -> Line:
    """Measure one run of the command."""
    plan.say(name)
    command = ["env", f"MESHLINE_MEMORY_MB={plan.memory_mb}", f"MESHLINE_THREADS={plan.threads}"]
    command += [sys.executable, "-m", "orchestration.cli", "run", "--home", str(home)]
    command += ["--landing", str(landing), "--as-of", as_of.isoformat(), "--json"]
    measure = run(command, PROJECT_ROOT)
    return Line(name, measure, size_mb(home), _steps_or_error(measure))


def _rows_or_error(measure: Measure) -> str:
    """Return how many rows a side loaded, or the end of its error."""
    if measure.exit_code:
        return _error(measure)
    return f"{json.loads(measure.output)['rows']:,} rows"


def _steps_or_error(measure: Measure) -> str:
    """Return where a run's time went, or the end of its error."""
    if measure.exit_code:
        return _error(measure)
    told = json.loads(measure.output)
    steps = [f"{one['step']} {one['seconds']:.1f} s" for one in told.get("steps", ())]
    return f"{told.get('status', 'done')}: {', '.join(steps)}"


def _error(measure: Measure) -> str:
    """Return the last line of an error, fit for a table."""
    last = (measure.errors.strip() or measure.output.strip() or "no message").splitlines()[-1]
    return f"FAILED with {measure.exit_code}: {last[:160].replace('|', '/')}"


def table(lines: list[Line]) -> str:
    """Return the lines as Markdown; times and sizes against the first line too."""
    first = lines[0]
    rows = [
        "| what | wall | against the first | peak memory | on disk | |",
        "|---|--:|--:|--:|--:|---|",
    ]
    for line in lines:
        ratio = line.measure.seconds / first.measure.seconds
        rows.append(
            f"| {line.name} | {line.measure.seconds:.1f} s | {ratio:.2f} x "
            f"| {line.measure.peak_mb:,} MiB | {line.disk_mb:,} MiB | {line.note} |"
        )
    return "\n".join(rows)


def write_between_markers(page: Path, text: str, markers: tuple[str, str] = MARKERS) -> None:
    """Replace what stands between the markers of a page; without them, add them at its end."""
    begin, end = markers
    block = f"{begin}\n{text}\n{end}"
    old = page.read_text(encoding="utf-8") if page.exists() else "# Benchmarks\n\n"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    new = pattern.sub(lambda _: block, old) if pattern.search(old) else f"{old}\n{block}\n"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(new, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks and print their tables; 1 when a measured command failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--defects", type=Decimal, default=Decimal("0.02"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory-mb", type=int, default=4096)
    parser.add_argument("--loader-mb", type=int, default=1000, help="0 leaves the loaders out")
    parser.add_argument(
        "--console-orders", type=int, default=1_000_000, help="0 leaves the console out"
    )
    parser.add_argument("--only", choices=("flow", "loader", "console"), help="one of the parts")
    parser.add_argument("--work", type=Path, help="folder for the files; kept when given")
    parser.add_argument("--write", type=Path, help="page to write the tables into")
    wanted = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="meshline-bench-") as temporary:
        plan = Plan(
            work=(wanted.work or Path(temporary)).absolute(),
            orders=wanted.orders,
            seed=wanted.seed,
            defects=wanted.defects,
            threads=wanted.threads,
            memory_mb=wanted.memory_mb,
            loader_mb=wanted.loader_mb,
            console_orders=wanted.console_orders,
            say=lambda text: print(f"bench: {text} ...", file=sys.stderr),  # noqa: T201 - progress
        )
        texts, is_well = _measure(plan, wanted.only)
    for markers, text in texts.items():
        sys.stdout.write(text + "\n")
        if wanted.write:
            write_between_markers(wanted.write, text, markers)
    return 0 if is_well else 1


def _measure(plan: Plan, only: str | None) -> tuple[dict[tuple[str, str], str], bool]:
    """Return reports by the markers of their place, and whether everything went well."""
    measured_on = f"Measured on {machine()}"
    limits = f"{plan.threads} threads and {plan.memory_mb:,} MiB for DuckDB on both sides"
    parts: list[str] = []
    lines: list[Line] = []
    if only in (None, "flow"):
        flow, said = bench_flow(plan)
        parts += [said, table(flow)]
        lines += flow
    if plan.loader_mb and only in (None, "loader"):
        loads = bench_loader(plan)
        parts += [f"Loading one payments file of {plan.loader_mb:,} MB.", table(loads)]
        lines += loads
    texts = {}
    if parts:
        texts[MARKERS] = "\n\n".join([f"{measured_on}; {limits}.", *parts])
    is_well = not any(line.measure.exit_code for line in lines)
    if plan.console_orders and only in (None, "console"):
        said, load = bench_console(plan.work, plan.console_orders, AS_OF, plan.say)
        texts[CONSOLE_MARKERS] = f"{measured_on}. {said}"
        is_well = is_well and load is not None and not load.errors
    return texts, is_well
