"""The single checks of a run: dbt's tests and the gates', how each ended and what to do.

What belongs here: showing what a run kept of its checks. What does not: making them, and the rows
that fail (they are in the warehouse, which nobody opens while a run writes it).
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from console.pages.catalogue import known_catalogue
from console.state import State
from console.web.deps import Me, Parts
from console.web.errors import NotFound
from console.web.templating import render
from orchestration.reading.catalogue import DataTest
from orchestration.warehouse.run_checks import (
    RunCheck,
    RunChecks,
    read_checks,
    runs_with_checks,
)

router = APIRouter()
MAKERS = {
    "dbt": "Tests of the models",
    "source": "Source gate",
    "validation": "Validation gate",
    "published": "Published gate",
}
STATUSES = ("fail", "error", "warn", "skipped", "pass")
_SKIPPED = "What it judges was not built, since something before it failed: mend that first."
_FIRST = {code: place for place, code in enumerate(STATUSES)}


@dataclass(frozen=True, slots=True)
class Line:
    """One check as it is shown.

    Attributes:
        check: As the run kept it.
        name: For people.
        subjects: Keys of the models that it judges; empty for a gate.
        promise: What it holds them against.
        advice: What to do; "" for one that held.
    """

    check: RunCheck
    name: str
    subjects: tuple[str, ...]
    promise: str
    advice: str


@router.get("/runs/checks", name="run_checks")
def run_checks(
    request: Request,
    state: Parts,
    viewer: Me,
    run: Annotated[int | None, Query(ge=1, le=10**18)] = None,
    by: Annotated[str, Query(max_length=20)] = "",
    status: Annotated[str, Query(max_length=20)] = "",
    q: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """The checks of one run, what failed first."""
    runs = runs_with_checks(state.config.settings)
    if run is not None and run not in runs:
        raise NotFound(f"The checks of run {run} are not kept; those of the latest runs are.")
    kept = read_checks(state.config.settings, run or runs[0]) if runs else None
    lines = describe(state, kept) if kept is not None else []
    chosen = [
        line
        for line in lines
        if by in ("", line.check.made_by)
        and status in ("", line.check.status)
        and q.strip().lower() in f"{line.name} {line.check.scope} {line.subjects}".lower()
    ]
    return render(
        request,
        "run_checks.html",
        page="runs",
        runs=runs,
        kept=kept,
        counts=count_by(lines),
        lines=chosen,
        total=len(lines),
        query={"run": run or "", "by": by, "status": status, "q": q.strip()},
        makers=MAKERS,
        may_read_catalogue="catalogue" in viewer.role.pages,
    )


def describe(state: State, kept: RunChecks) -> list[Line]:
    """The checks of a run in words, what failed first."""
    known = known_catalogue(state)
    tests = known.tests if known is not None else {}
    lines = [_line(check, tests.get(check.name)) for check in kept.checks]
    places = {name: place for place, name in enumerate(MAKERS)}
    return sorted(
        lines,
        key=lambda line: (
            _FIRST.get(line.check.status, 0),
            places.get(line.check.made_by, len(places)),
            line.check.scope,
            line.name,
        ),
    )


def _line(check: RunCheck, test: DataTest | None) -> Line:
    held = check.status == "pass"
    advice = _SKIPPED if check.status == "skipped" else check.reason
    if check.made_by != "dbt":
        return Line(check, check.name.replace("_", " "), (), "", "" if held else advice)
    if test is None:  # of an earlier version of the project
        name = check.name.split(".")[2] if check.name.count(".") > 1 else check.name
        return Line(check, name.replace("_", " "), (), "", "" if held else advice)
    remedy = f"{advice} {test.remedy}".strip() if check.status != "skipped" else advice
    return Line(check, test.name, test.subjects, test.promise, "" if held else remedy)


def count_by(lines: list[Line]) -> dict[str, dict[str, int]]:
    """How many checks of each maker ended how."""
    counts: dict[str, dict[str, int]] = {}
    for line in lines:
        by_status = counts.setdefault(line.check.made_by, dict.fromkeys(STATUSES, 0))
        by_status[line.check.status] = by_status.get(line.check.status, 0) + 1
    return counts
