"""`meshline rules shadow`: a proposed version of rules, decided beside the released one.

What belongs here: putting proposed files in the place of released ones, in a copy, and building
with them what was published last. What does not: building (`orchestration.replay`) and comparing
(`orchestration.warehouse.comparing`). Only the command line imports this.

Nothing that is published or decided changes, and no output of the proposed rules leaves the scratch
folder but the comparison, which is kept for people (`orchestration.warehouse.shadow_results`).
"""

import csv
import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from orchestration.core.errors import UsageRefused
from orchestration.core.rule_versions import RuleVersion
from orchestration.core.spreadsheets import safe_cell
from orchestration.releases import read_versions, versions_of_file
from orchestration.replay import is_same_product, rebuild
from orchestration.settings import Settings
from orchestration.steps import Observer
from orchestration.warehouse.comparing import ClassChange, OrderChange, compare_publications
from orchestration.warehouse.past import RecordedRun, run_known_at
from orchestration.warehouse.shadow_results import (
    ShadowResult,
    changes_as_text,
    keep_result,
    result_id_of,
    versions_as_text,
)

FOLDERS = ("rules", "policies", "taxonomy", "mappings")
LEFT_OUT = shutil.ignore_patterns("target", "logs", "samples", "__pycache__")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A file of the operating model as it is proposed.

    Attributes:
        path: The proposed file.
        place: Where the released one lies below `seeds/`, such as `rules/matching_rules.csv`.
        digest: SHA-256 of the proposed bytes.
    """

    path: Path
    place: str
    digest: str


@dataclass(frozen=True, slots=True)
class Shadow:
    """What proposed rules would change.

    Attributes:
        run: The published run that was decided again.
        proposals: The files that were put in the place of released ones.
        classes: Exceptions by class and currency, where anything changes.
        orders: Orders that would stand otherwise, the most money first.
        is_same_product: Whether the released side is what the rules say today.
        result_id: Under what the comparison is kept in the home.
    """

    run: RecordedRun
    proposals: tuple[Proposal, ...]
    classes: tuple[ClassChange, ...]
    orders: tuple[OrderChange, ...]
    is_same_product: bool
    result_id: str


def find_proposals(settings: Settings, path: Path) -> tuple[Proposal, ...]:
    """Return the proposed files that a path names: one CSV file, or a folder of them.

    Raises:
        UsageRefused: A file stands for no released one, or has other columns: every problem.
    """
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    released = {
        one.name: one
        for folder in FOLDERS
        for one in sorted((settings.seeds / folder).glob("*.csv"))
    }
    problems = [] if files else [f"{path} holds no CSV file."]
    found = []
    for file in files:
        if not file.is_file():
            problems.append(f"There is no file {file}.")
        elif file.name not in released:
            known = ", ".join(sorted(one for one in released if one.endswith("_rules.csv")))
            problems.append(f"{file}: no released file has this name. Such names are {known}.")
        else:
            problems += _column_problems(file, released[file.name])
            place = released[file.name].relative_to(settings.seeds).as_posix()
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            found.append(Proposal(file, place, digest))
    if problems:
        raise UsageRefused("\n".join(problems))
    return tuple(found)


def _column_problems(proposed: Path, released: Path) -> list[str]:
    """What is wrong with the header and the width of the rows of a proposed file."""
    with released.open(encoding="utf-8", newline="") as file:
        wanted = next(csv.reader(file))
    try:
        with proposed.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        return [f"{proposed} cannot be read as CSV in UTF-8: {error}."]
    if header != wanted:
        return [
            f"{proposed}:1 has the columns {', '.join(header)}; needed are {', '.join(wanted)}."
        ]
    return [
        f"{proposed}:{number} has {len(row)} cells, {len(wanted)} are needed."
        for number, row in enumerate(rows, start=2)
        if len(row) != len(wanted)
    ]


def shadow(
    settings: Settings, path: Path, folder: Path, now: datetime, observer: Observer | None = None
) -> Shadow:
    """Decide the last publication again with proposed rules, compare, and keep the comparison.

    Args:
        settings: The home; nothing that is published or decided in it changes.
        path: The proposed file, or a folder of them.
        folder: An empty folder to work in.
        now: Aware UTC.
        observer: Who is told how far it is.

    Raises:
        UsageRefused: The proposal cannot be read, or nothing is published.
    """
    proposals = find_proposals(settings, path)
    run = run_known_at(settings, now)
    before = settings.serving / f"run_{run.run_no}.duckdb"
    if not before.is_file():
        raise UsageRefused(f"{before} is no longer kept: make a run first, then shadow the rules.")
    product = folder / "product"
    shutil.copytree(settings.dbt_project, product / "dbt_project", ignore=LEFT_OUT)
    shutil.copytree(settings.seeds, product / "seeds", ignore=LEFT_OUT)
    for one in proposals:
        shutil.copyfile(one.path, product / "seeds" / one.place)
    home = folder / "home"
    scratch = replace(
        settings,
        home=home,
        landing=home / "landing",
        seeds=product / "seeds",
        dbt_project=product / "dbt_project",
    )
    rebuild(settings, scratch, run, observer)
    after = home / "serving" / "current.duckdb"
    classes, orders = compare_publications(before, after)
    is_same = is_same_product(settings, run)
    files = {one.place: one.digest for one in proposals}
    result = ShadowResult(
        result_id=result_id_of(files),
        made_at=now.isoformat(),
        run_no=run.run_no,
        as_of=run.as_of.isoformat(),
        is_same_product=is_same,
        files=[{"place": place, "sha256": digest} for place, digest in sorted(files.items())],
        versions=versions_as_text(proposed_versions(settings, proposals)),
        classes=changes_as_text(classes),
        orders=changes_as_text(orders),
    )
    keep_result(settings, result)
    return Shadow(run, proposals, classes, orders, is_same, result.result_id)


def proposed_versions(
    settings: Settings, proposals: tuple[Proposal, ...]
) -> tuple[RuleVersion, ...]:
    """Return the versions that proposed files have and those in force do not."""
    known = {one.name for one in read_versions(settings.seeds)}
    return tuple(
        version
        for one in proposals
        for version in versions_of_file(one.path, one.place)
        if version.name not in known
    )


def as_rows(orders: tuple[OrderChange, ...]) -> list[Mapping[str, str]]:
    """Return the orders that change as rows for a file, safe to open in a spreadsheet."""
    names = OrderChange.__slots__
    return [{name: safe_cell(getattr(one, name)) for name in names} for one in orders]
