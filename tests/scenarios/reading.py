"""What the scenarios are: their extracts, what must come out of them, and the three lists.

What belongs here: reading the folders and lists beside this file. What does not: running Meshline
and judging what it says. Only tests import this.
"""

import csv
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
SECOND = "wave_2"
EXPECTED = "expected.yml"
SECTIONS = frozenset(
    {
        "note",
        "exceptions",
        "exception_counts",
        "also_allowed",
        "incidents",
        "orders",
        "legs",
        "artifacts",
        "matches",
        "unmatched",
        "counts",
    }
)


class _Exact(yaml.SafeLoader):
    """YAML whose numbers with a point are decimals, as money is."""


_Exact.add_constructor(
    "tag:yaml.org,2002:float", lambda loader, node: Decimal(loader.construct_scalar(node))
)


@dataclass(frozen=True, slots=True)
class Case:
    """One scenario.

    Attributes:
        case_id: Its name: the id in the catalogue, with a letter where it has variants.
        catalogue_id: The line of the catalogue that it shows.
        family: e1 to e10.
    """

    case_id: str
    catalogue_id: str
    family: str

    @property
    def tenant(self) -> str:
        """The tenant that has this case for itself."""
        return self.case_id.lower()

    @property
    def folder(self) -> Path:
        """Where its extracts and its expectations lie."""
        return HERE / self.case_id

    @property
    def expectations(self) -> tuple[tuple[int, dict[str, Any]], ...]:
        """What must be published after which wave, in order."""
        found = [(1, self.folder / EXPECTED), (2, self.folder / SECOND / EXPECTED)]
        return tuple((wave, read_expected(path)) for wave, path in found if path.exists())

    def extracts(self, wave: int) -> tuple[Path, ...]:
        """Return the files that land in a wave."""
        folder = self.folder if wave == 1 else self.folder / SECOND
        return tuple(sorted(folder.glob("*.csv")))


def read_list(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of one of the lists beside this file."""
    with (HERE / name).open(encoding="utf-8", newline="") as file:
        return tuple(csv.DictReader(file))


def cases() -> tuple[Case, ...]:
    """Return all scenarios, in the order of their list."""
    return tuple(Case(**row) for row in read_list("cases.csv"))


def read_expected(path: Path) -> dict[str, Any]:
    """Return what must come out; a section that nobody reads is refused."""
    document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Exact)
    unknown = sorted(set(document) - SECTIONS)
    if unknown or "note" not in document:
        raise ValueError(f"{path}: unknown sections {unknown}, or no note")
    return document
