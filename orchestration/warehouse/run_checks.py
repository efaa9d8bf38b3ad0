"""The single checks of each run, dbt's and the gates', as a small file beside the warehouse.

What belongs here: their shape, writing and reading them, keeping few. What does not: making the
checks, and how they look (the console). Imported by the session, the console and the command line.

They lie in a file because nobody can open the warehouse while a run writes it, and because a run
that is refused publishes nothing: its checks are those that somebody has to read.
"""

import contextlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestration.settings import Settings
from orchestration.warehouse.durable import read_json, replace_json

KEPT = 30
_NAME = re.compile(r"run_([0-9]{1,18})\.json")


@dataclass(frozen=True, slots=True)
class RunCheck:
    """The answer to one check of a run.

    Attributes:
        made_by: `dbt`, or the gate: `source`, `validation`, `published`.
        scope: What was judged: the phase of dbt, or the suite of the gate.
        name: The check; of dbt the unique id of the test.
        severity: `critical`, `warning` or `info`.
        status: `pass`, `warn`, `fail` (the run was refused), `error` (the check broke) or
            `skipped` (what it judges was not built).
        judged_count: Rows that were judged; None where nobody counts them.
        failed_count: Rows that do not hold it.
        reason: What is wrong when it fails and what to do, in words; "" where dbt's own project
            says it.
    """

    made_by: str
    scope: str
    name: str
    severity: str
    status: str
    judged_count: int | None
    failed_count: int
    reason: str


@dataclass(frozen=True, slots=True)
class RunChecks:
    """All checks of one run, in the order in which they ended."""

    run_no: int
    finished_at: datetime
    checks: tuple[RunCheck, ...]


def write_checks(
    settings: Settings, run_no: int, finished_at: datetime, checks: Sequence[RunCheck]
) -> None:
    """Keep the checks of a run, and those of the latest runs only."""
    folder = _folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "run_no": run_no,
        "finished_at": finished_at.astimezone(UTC).isoformat(),
        "checks": [asdict(one) for one in checks],
    }
    replace_json(folder / f"run_{run_no}.json", content)
    for old in runs_with_checks(settings)[KEPT:]:
        (folder / f"run_{old}.json").unlink(missing_ok=True)


def runs_with_checks(settings: Settings) -> tuple[int, ...]:
    """The numbers of the runs whose checks are kept, the latest first."""
    with contextlib.suppress(FileNotFoundError):
        found = (_NAME.fullmatch(path.name) for path in _folder(settings).iterdir())
        return tuple(sorted((int(each[1]) for each in found if each), reverse=True))
    return ()


def read_checks(settings: Settings, run_no: int) -> RunChecks | None:
    """Return the checks of a run; None where they are not kept, or the file is none of ours."""
    try:
        content = read_json(_folder(settings) / f"run_{run_no}.json")
        if content is None:
            return None
        return RunChecks(
            run_no=content["run_no"],
            finished_at=datetime.fromisoformat(content["finished_at"]),
            checks=tuple(RunCheck(**one) for one in content["checks"]),
        )
    except (KeyError, TypeError, json.JSONDecodeError):
        return None


def _folder(settings: Settings) -> Path:
    return settings.home / "checks"
