"""The synthetic cases of the operating model: orders with known outcomes, as documents to land.

What belongs here: reading `seeds/synthetic`, filling in the day, and every problem at once. What
does not: when they are landed (`orchestration.synthetic`) and what came of them (the models).
`orchestration.synthetic` imports this.

A case is one file, `<case_id>.yml`: a list of rows by stream, in the columns of the generic
extract. `{id}` is the id of the order on that day, `{day-40}` a day before it, `{month-2}` a month
before (`2026-09`), `{month_end-2}` the last day of that month.
"""

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from pydantic import ConfigDict

from orchestration.connectors.tables import read_table
from orchestration.connectors.yaml_lines import read_yaml, yaml_problem
from orchestration.core.contracts import SourceContract
from orchestration.core.errors import PolicyError
from orchestration.core.policies.rows import Code, DatedRow

SOURCE = "generic"
TENANT_PREFIX = "synthetic."
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_KNOWN = re.compile(r"id|(day|month|month_end)([+-]\d{1,4})?")

Rows = list[dict[str, str]]


class CaseRow(DatedRow):
    """One row of `policies/synthetic_cases.csv`, as far as landing needs it."""

    file = "policies/synthetic_cases.csv"
    model_config = ConfigDict(frozen=True, extra="ignore")
    case_id: Code


@dataclass(frozen=True, slots=True)
class SyntheticCase:
    """One case: what to land of it, by stream, with placeholders in it.

    Attributes:
        row: Names the case, its tenant and its file, and the days on which it is landed.
        documents: Stream to rows, each a mapping of column to text.
    """

    row: CaseRow
    documents: Mapping[str, Rows]

    def rows(self, day: date) -> dict[str, Rows]:
        """Return the rows to land on a day, by stream, in the case's own tenant."""
        tenant = {"tenant": f"{TENANT_PREFIX}{self.row.case_id}"}
        order_id = f"SYN-{day:%Y%m%d}-{self.row.case_id}"

        def filled(found: re.Match[str]) -> str:
            return order_id if found[1] == "id" else _moved(day, found[1])

        return {
            stream: [
                {name: _PLACEHOLDER.sub(filled, text) for name, text in row.items()} | tenant
                for row in rows
            ]
            for stream, rows in self.documents.items()
        }


def load_cases(seeds: Path, contract: SourceContract) -> tuple[SyntheticCase, ...]:
    """Return all synthetic cases, by id.

    Raises:
        PolicyError: A case is not sound; every problem with file and line.
    """
    problems: list[str] = []
    listed = read_table(seeds, CaseRow, problems)
    folder = seeds / "synthetic"
    files = {path.stem: path for path in sorted(folder.glob("*.yml"))}
    shown = f"seeds/{CaseRow.file}"
    problems += [
        f"{shown}:{row.line}: seeds/synthetic/{row.case_id}.yml is missing"
        for row in listed
        if row.case_id not in files
    ]
    known = {row.case_id for row in listed}
    problems += [
        f"seeds/synthetic/{name}.yml:1: {shown} has no case {name}" for name in files.keys() - known
    ]
    cases = [
        SyntheticCase(row, _read_documents(files[row.case_id], contract, problems))
        for row in sorted(listed, key=lambda row: row.case_id)
        if row.case_id in files
    ]
    if problems:
        listing = "\n".join(f"- {one}" for one in sorted(problems))
        raise PolicyError(f"The synthetic cases are not sound:\n{listing}")
    return tuple(cases)


def _read_documents(path: Path, contract: SourceContract, problems: list[str]) -> dict[str, Rows]:
    """Return the rows of one file by stream, as text; add what is wrong to `problems`."""
    shown = f"seeds/synthetic/{path.name}"
    try:
        document, doubled = read_yaml(path, shown)
    except Exception as error:  # noqa: BLE001, whatever the reader says of the file is its problem
        problems.append(yaml_problem(shown, error))
        return {}
    problems += doubled
    if not isinstance(document.content, dict):
        problems.append(f"{shown}:1: give a list of rows for each stream")
        return {}
    found: dict[str, Rows] = {}
    for stream, rows in document.content.items():
        if stream not in contract.streams:
            problems.append(f"{document.at((stream,))}: no stream of {SOURCE} is named {stream}")
            continue
        columns = contract.streams[stream].columns.keys()
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            problems.append(f"{document.at((stream,))}: give a list of rows, each of column: value")
            continue
        found[stream] = []
        for number, row in enumerate(rows):
            place = document.at((stream, number))
            problems += [
                f"{place}: {stream} has no column {name}" for name in row if name not in columns
            ]
            text = {str(name): str(value) for name, value in row.items()}
            problems += [
                f"{place}: {{{inner}}} is no placeholder: give id, day, month or month_end with a "
                "number such as day-40"
                for value in text.values()
                for inner in _PLACEHOLDER.findall(value)
                if _KNOWN.fullmatch(inner) is None
            ]
            found[stream].append(text)
    return found


def _moved(day: date, placeholder: str) -> str:
    """Return the day, month or end of month that a placeholder names."""
    found = _KNOWN.fullmatch(placeholder)
    if found is None:
        raise AssertionError(f"checked when it was read: {placeholder}")
    kind, moved = found[1], int(found[2] or 0)
    if kind == "day":
        return (day + timedelta(days=moved)).isoformat()
    year, month = divmod(day.year * 12 + day.month - 1 + moved, 12)
    if kind == "month":
        return f"{year:04d}-{month + 1:02d}"
    return date(year, month + 1, monthrange(year, month + 1)[1]).isoformat()
