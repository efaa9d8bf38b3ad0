"""Landing folders made of the scenarios' extracts, each row under its case's tenant.

What belongs here: putting extracts together and adding the tenant. What does not: what is in them.
Only tests import this.

Extracts of one stream with the same columns land in one file, because most of the time of a small
run goes into opening files. Other columns mean another file; so does a name of its own
(`orders-later.csv`).
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.scenarios.many import MANY
from tests.scenarios.reading import Case

Row = tuple[str, ...]


def land(cases: Iterable[Case], wave: int, landing: Path) -> int:
    """Write all files of a wave into a landing folder and return how many there are."""
    folder = landing / "generic"
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[tuple[str, str, Row], list[Row]] = defaultdict(list)
    for case in cases:
        for name, header, rows in _extracts(case, wave):
            stream, _, own = name.partition("-")
            own_name = f"{case.tenant}_{own}" if own else ""
            files[stream, own_name, header] += [(*row, case.tenant) for row in rows]
    for number, ((stream, own_name, header), rows) in enumerate(files.items(), start=1):
        _write(folder / f"{stream}_{own_name or f'part{number}'}.csv", (*header, "tenant"), rows)
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


def _write(target: Path, header: Row, rows: Iterable[Row]) -> None:
    """Write one file."""
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
