"""`meshline contracts shadow`: a proposed source contract, read beside the one that holds.

What belongs here: reading the landed files by both contracts in a scratch folder, and telling what
would be refused or read differently. What does not: reading a file (`orchestration.warehouse`).
Only the command line imports this.

Nothing of the home changes.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from orchestration.connectors.contracts import load_contracts
from orchestration.core.contracts import SourceContract
from orchestration.core.errors import UsageRefused
from orchestration.settings import Settings
from orchestration.shadow import LEFT_OUT
from orchestration.warehouse.comparing_reads import ColumnChange, compare_reads
from orchestration.warehouse.loader import FileResult, load_landing


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that the proposed contract would take otherwise.

    Attributes:
        file_name: As delivered; hostile, escape it before showing it.
        before_status: loaded, duplicate, refused or received.
        after_status: The same under the proposal.
        before_rejected: Rows that were rejected.
        after_rejected: Rows that would be.
        reason: Why the proposal refuses it; empty when it does not.
    """

    stream: str
    file_name: str
    before_status: str
    after_status: str
    before_rejected: int
    after_rejected: int
    reason: str


@dataclass(frozen=True, slots=True)
class ContractShadow:
    """What a proposed contract would change about the landed files.

    Attributes:
        source: Whose contract it is.
        file_count: Files that were read by both.
        row_count: Rows that the proposal would store.
        files: Those that would be taken otherwise.
        columns: Columns that would be read differently.
    """

    source: str
    file_count: int
    row_count: int
    files: tuple[FileChange, ...]
    columns: tuple[ColumnChange, ...]


def shadow_contract(settings: Settings, path: Path, folder: Path, now: datetime) -> ContractShadow:
    """Read the landed files of a source by its contract and by a proposed one, and compare.

    Args:
        settings: Home and landing folder; neither is changed.
        path: The proposed contract, named like the one it stands for: `<source>.yml`.
        folder: An empty folder to work in.
        now: Aware UTC.

    Raises:
        ContractError: The proposal is not valid; every problem is listed.
        UsageRefused: There is no such file, or no contract of its name.
    """
    released = settings.seeds / "sources" / path.name
    if not path.is_file():
        raise UsageRefused(f"There is no file {path}.")
    if not released.is_file():
        known = ", ".join(sorted(one.name for one in released.parent.glob("*.yml")))
        raise UsageRefused(f"{path.name} stands for no contract; there are {known}.")
    seeds = folder / "seeds"
    shutil.copytree(settings.seeds, seeds, ignore=LEFT_OUT)
    shutil.copyfile(path, seeds / "sources" / path.name)
    source = path.stem
    before = _read(settings, settings.seeds, source, folder / "before", now)
    after = _read(settings, seeds, source, folder / "after", now)
    return ContractShadow(
        source,
        len(after),
        sum(one.rows_loaded for one in after.values()),
        tuple(_changes(before, after)),
        compare_reads(
            folder / "before" / "warehouse.duckdb", folder / "after" / "warehouse.duckdb", source
        ),
    )


def _read(
    settings: Settings, seeds: Path, source: str, home: Path, now: datetime
) -> Mapping[tuple[str, str], FileResult]:
    """Load the landed files of one source into a home of their own; by stream and name."""
    contracts: Mapping[str, SourceContract] = load_contracts(seeds)
    if source not in contracts:
        raise UsageRefused(f"{source}.yml names another source than {source}.")
    home.mkdir(parents=True, exist_ok=True)
    scratch = replace(settings, home=home, seeds=seeds)
    report = load_landing(scratch, {source: contracts[source]}, settings.landing, now, 1)
    return {(one.stream, one.file_name): one for one in report.files}


def _changes(
    before: Mapping[tuple[str, str], FileResult], after: Mapping[tuple[str, str], FileResult]
) -> list[FileChange]:
    found = []
    for key in sorted({*before, *after}):
        was, now = before.get(key), after.get(key)
        change = FileChange(
            key[0],
            key[1],
            was.status if was is not None else "of no stream",
            now.status if now is not None else "of no stream",
            was.rows_rejected if was is not None else 0,
            now.rows_rejected if now is not None else 0,
            (now.reason or "") if now is not None and now.status == "refused" else "",
        )
        if (change.before_status, change.before_rejected) != (
            change.after_status,
            change.after_rejected,
        ):
            found.append(change)
    return found
