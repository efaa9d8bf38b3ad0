"""`meshline synthetic run`: orders with known outcomes through the real path, every day.

What belongs here: landing a day's cases, and reading what came of all of them. What does not: the
cases (`seeds/synthetic`, `orchestration.connectors.synthetic_cases`) and the verdict on them (the
model `fct_synthetic_results`). The command line and `orchestration.defs` import this.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

from orchestration.connectors.contracts import load_contracts
from orchestration.connectors.synthetic_cases import SOURCE, Rows, load_cases
from orchestration.settings import Settings
from orchestration.warehouse.reader import Published

RESULTS = """
    select injected_on, case_id, family_code, title, expected_codes, actual_codes,
        expected_state, actual_state, result_code
    from marts.fct_synthetic_results
    order by injected_on desc, result_code, case_id
"""


@dataclass(frozen=True, slots=True)
class Injection:
    """What was landed for a day.

    Attributes:
        day: The day of the cases.
        case_count: Cases that hold on it.
        files: The files of the day, whether they were there already or not.
        written_count: How many of them are new.
    """

    day: date
    case_count: int
    files: tuple[Path, ...]
    written_count: int


def inject(settings: Settings, day: date) -> Injection:
    """Write a day's cases into the landing folder, as any system would; safe to call twice.

    Raises:
        ContractError, PolicyError: The contract or a case is not sound; every problem is listed.
    """
    contract = load_contracts(settings.seeds)[SOURCE]
    cases = [case for case in load_cases(settings.seeds, contract) if case.row.holds_on(day)]
    by_stream: dict[str, Rows] = {}
    for case in cases:
        for stream, rows in case.rows(day).items():
            by_stream.setdefault(stream, []).extend(rows)
    folder = settings.landing / SOURCE
    folder.mkdir(parents=True, exist_ok=True)
    files, written = [], 0
    for stream, rows in sorted(by_stream.items()):
        path = folder / f"{stream}_synthetic_{day:%Y%m%d}.csv"
        columns = [name for name in contract.streams[stream].columns if _is_used(name, rows)]
        written += _write(path, _as_csv(columns, rows))
        files.append(path)
    return Injection(day, len(cases), tuple(files), written)


def read_results(published: Published) -> tuple[dict[str, Any], ...]:
    """Return what came of every case of every day, newest first."""
    if "fct_synthetic_results" not in published.tables:
        return ()
    return published.rows(RESULTS)


def _is_used(column: str, rows: Iterable[dict[str, str]]) -> bool:
    return any(column in row for row in rows)


def _as_csv(columns: list[str], rows: Rows) -> str:
    text = StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _write(path: Path, text: str) -> bool:
    """Write a file under its name only once it is whole; False when it is there already."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    part = path.with_suffix(".csv.part")
    part.write_text(text, encoding="utf-8", newline="")
    part.replace(path)
    return True
