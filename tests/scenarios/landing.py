"""Landing folders made of the scenarios' extracts, each under its case's tenant.

What belongs here: copying extracts and adding the tenant. What does not: what is in them.
Only tests import this.
"""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.scenarios.many import MANY
from tests.scenarios.reading import Case

Row = list[str]


def land(cases: Iterable[Case], wave: int, landing: Path) -> int:
    """Write all files of a wave into a landing folder and return how many there are."""
    folder = landing / "generic"
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for case in cases:
        for name, header, rows in _extracts(case, wave):
            stream, _, rest = name.partition("-")
            target = folder / f"{stream}_{case.tenant}{'_' if rest else ''}{rest}.csv"
            _write(target, case.tenant, header, rows)
            written += 1
    return written


def _extracts(case: Case, wave: int) -> Iterator[tuple[str, Row, Iterable[Row]]]:
    """Yield name, header and rows of each extract: those in the folder, and those made by rule."""
    for path in case.extracts(wave):
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        yield path.stem, header, rows
    if wave == 1 and case.case_id in MANY:
        for stream, (header, rows) in MANY[case.case_id]().items():
            yield f"{stream}-many", header.split(","), ([str(cell) for cell in row] for row in rows)


def _write(target: Path, tenant: str, header: Row, rows: Iterable[Row]) -> None:
    """Write one file; a second one of the same name would hide the first."""
    if target.exists():
        raise FileExistsError(target)
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*header, "tenant"])
        writer.writerows([*row, tenant] for row in rows)
