"""Landing folders made of the scenarios' extracts, each row under its case's tenant.

What belongs here: putting extracts together and adding the tenant. What does not: what is in them.
Only tests import this.

Extracts of one stream land in one file, because most of the time of a small run goes into opening
files; a column that a case leaves out is empty there, which a contract reads as not sent. An
extract with a name of its own (`orders-later.csv`) stays a file of its own.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.scenarios.many import MANY
from tests.scenarios.reading import Case

Row = tuple[str, ...]


def land(cases: Iterable[Case], wave: int, landing: Path) -> int:
    """Write all files of a wave into a landing folder and return how many there are."""
    folder = landing / "generic"
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, list[dict[str, str]]] = defaultdict(list)
    for case in cases:
        for name, header, rows in _extracts(case, wave):
            stream, _, own = name.partition("-")
            target = f"{stream}_{case.tenant}_{own}" if own else stream
            columns = (*header, "tenant")
            files[target] += [dict(zip(columns, (*row, case.tenant), strict=True)) for row in rows]
    for target, rows in files.items():
        _write(folder / f"{target}.csv", rows)
    return len(files)


def _extracts(case: Case, wave: int) -> Iterator[tuple[str, Row, Iterable[Row]]]:
    """Yield name, header and rows of each extract: those in the folder, and those made by rule."""
    for path in case.extracts(wave):
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = (tuple(row) for row in csv.reader(file))
        yield path.stem, header, rows
    if wave == 1 and case.case_id in MANY:
        for stream, (columns, made) in MANY[case.case_id]().items():
            yield stream, tuple(columns.split(",")), (tuple(map(str, row)) for row in made)


def _write(target: Path, rows: Sequence[dict[str, str]]) -> None:
    """Write one file with the columns of all its rows, in the order in which they first came."""
    header = tuple(dict.fromkeys(column for row in rows for column in row))
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
