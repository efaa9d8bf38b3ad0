"""Random histories of deliveries: late, restated, duplicated, deleted and out of order.

What belongs here: cutting the samples into loads by a seed, and landing them one by one, several at
a time or at once. What does not: running them and comparing what comes out. Only tests import this.

A row's own `updated_at` says which of its versions is the newest, so whatever order they arrive in,
the same one must win.
"""

import csv
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from orchestration.connectors.contracts import load_contracts
from orchestration.settings import PROJECT_ROOT
from tests.integration.run_homes import SAMPLES

Row = Mapping[str, str]
RESTATED_SHARE, DELETED_SHARE, DUPLICATED_SHARE = 0.05, 0.02, 0.05
NUMBER = re.compile(r"^-?\d+(\.\d+)?$")
KEYS = {
    name: [column for column in stream.key if column not in ("tenant", "system", "instance")]
    for name, stream in load_contracts(PROJECT_ROOT / "seeds")["generic"].streams.items()
}
# What an earlier version of a row said otherwise, where its stream has such a column.
RESTATED_COLUMNS = ("total_amount", "net_amount", "amount", "quantity", "gross_amount")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row as one load brings it."""

    load_no: int
    stream: str
    row: Row


def random_history(loads: int, seed: int) -> tuple[Delivery, ...]:
    """Return the samples as deliveries over so many loads, with versions that went before them.

    No load holds two versions of one row: which of them is right could not be told.

    Args:
        loads: How many loads there are, at least 3; they are numbered from 1.
        seed: The same seed gives the same history.
    """
    dice = random.Random(seed)
    found: list[Delivery] = []
    for path in sorted((SAMPLES / "generic").glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            if not NUMBER.match(row.get("amount") or "0"):
                continue  # what cannot be read is told by file and line, which differ
            versions = [row, *_versions(dice, row)]
            numbers = dice.sample(range(1, loads + 1), len(versions))
            found += [
                Delivery(number, path.stem, version)
                for number, version in zip(numbers, versions, strict=True)
            ]
            if dice.random() < DUPLICATED_SHARE:
                free = [one for one in range(1, loads + 1) if one not in numbers[1:]]
                found.append(Delivery(dice.choice(free), path.stem, row))
    return tuple(found)


def _versions(dice: random.Random, row: Row) -> Iterator[Row]:
    """Yield versions of a row besides its own: an earlier one, and one that takes it back."""
    if not row.get("updated_at"):
        return
    at = datetime.fromisoformat(row["updated_at"])
    column = next((name for name in RESTATED_COLUMNS if NUMBER.match(row.get(name, ""))), None)
    if column is not None and dice.random() < RESTATED_SHARE:
        earlier = (at - timedelta(hours=dice.randint(1, 5))).isoformat()
        yield {**row, column: str(Decimal(row[column]) + 1), "updated_at": earlier}
    if dice.random() < DELETED_SHARE:
        later = (at + timedelta(hours=1)).isoformat()
        yield {**row, "updated_at": later, "is_deleted": "true"}


def land_loads(history: Iterable[Delivery], loads: Iterable[int], landing: Path) -> None:
    """Write the files of some loads into a landing folder, a file for each stream and load."""
    wanted = set(loads)
    rows: dict[str, list[Row]] = defaultdict(list)
    for one in history:
        if one.load_no in wanted:
            rows[f"{one.stream}_{one.load_no:02d}"].append(one.row)
    _write(rows, landing)


def land_shuffled(history: Iterable[Delivery], landing: Path, seed: int) -> None:
    """Write everything into as few files as can be, rows in any order, loads no longer to be seen.

    Versions of one row come in files of their own, and the newest may well come first.
    """
    deliveries = list(history)
    random.Random(seed).shuffle(deliveries)
    times: Counter[tuple[str, str]] = Counter()
    rows: dict[str, list[Row]] = defaultdict(list)
    for one in deliveries:
        key = ",".join(one.row[name] for name in KEYS[one.stream])
        times[one.stream, key] += 1
        rows[f"{one.stream}_{times[one.stream, key]}"].append(one.row)
    _write(rows, landing)


def _write(rows: Mapping[str, list[Row]], landing: Path) -> None:
    """Write one file for each name."""
    folder = landing / "generic"
    folder.mkdir(parents=True, exist_ok=True)
    for name, found in rows.items():
        header = tuple(dict.fromkeys(column for row in found for column in row))
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, header, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(found)
