"""Releases of rules and contracts: an unreleased version decides nothing.

What belongs here: reading which versions there are and which are released, in the register that is
reviewed with the rules (`seeds/policies/rule_releases.csv`) and in the ledger; asking for a release
after a shadow run. What does not: who must sign (`seeds/policies/approval_limits.csv`), and the
shadow run (`orchestration.shadow`). `orchestration.runner` and the command line import this.
"""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from orchestration.core.errors import UsageRefused
from orchestration.core.rule_versions import (
    RuleVersion,
    changed_contracts,
    contract_version,
    refusal,
    unreleased,
    versions_of,
)
from orchestration.ledger.reading import read_ledger
from orchestration.settings import Settings

ACTION = "rule_release"
REGISTER = "policies/rule_releases.csv"
COLUMNS = (
    "place",
    "rule_id",
    "rule_version",
    "digest",
    "asked_by",
    "signed_by",
    "released_on",
    "note",
)
APPROVED = """
    select approval_id, requester_id, signatures, reason, decision from approvals
    where action_code = ? and state_code in ('approved', 'in_force')
    order by requested_at
"""
Name = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Release:
    """By what a version was released.

    Attributes:
        source: `register` or `ledger`; `added` for the contract of a source that needs none.
        asked_by: Who changed the rule.
        signed_by: Who signed.
        released_on: The day of the last signature, as ISO 8601.
        note: Which change it was, or why it was asked for.
        approval_id: The request of the ledger; empty in the register.
    """

    source: str
    asked_by: str
    signed_by: tuple[str, ...]
    released_on: str
    note: str
    approval_id: str = ""


ADDED = Release("added", "", (), "", "A source that was added; a change to it must be released")


@dataclass(frozen=True, slots=True)
class Listed:
    """A version with where its release stands.

    Attributes:
        version: The version.
        release: By what it was released; None when nobody released it.
    """

    version: RuleVersion
    release: Release | None

    @property
    def released_by(self) -> str:
        """`register`, `ledger`, `added` or empty."""
        return self.release.source if self.release is not None else ""


def read_versions(seeds: Path) -> tuple[RuleVersion, ...]:
    """Return every version of every rule in `seeds/rules`, by file and line."""
    found: list[RuleVersion] = []
    for path in sorted((seeds / "rules").glob("*.csv")):
        found += versions_of_file(path, f"rules/{path.name}")
    return tuple(found)


def versions_of_file(path: Path, place: str) -> tuple[RuleVersion, ...]:
    """Return the versions in one file."""
    with path.open(encoding="utf-8", newline="") as file:
        return versions_of(place, list(csv.DictReader(file)))


def read_contracts(seeds: Path) -> tuple[RuleVersion, ...]:
    """Return the version of every readable contract in `seeds/sources`."""
    found = (version_of_contract(path) for path in sorted((seeds / "sources").glob("*.yml")))
    return tuple(one for one in found if one is not None)


def version_of_contract(path: Path) -> RuleVersion | None:
    """Return the version of a contract; None where it is not readable, which its reader tells."""
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        return None
    if not isinstance(document, dict):
        return None
    stands = re.search(r"^version\s*:", text, re.MULTILINE)
    line = text.count("\n", 0, stands.start()) + 1 if stands else 1
    return contract_version(f"sources/{path.name}", line, document)


def list_versions(settings: Settings) -> tuple[Listed, ...]:
    """Return every version with where its release stands."""
    released = {**_approved(settings), **_registered(settings.seeds)}
    rules = tuple(Listed(one, released.get(one.name)) for one in read_versions(settings.seeds))
    contracts = read_contracts(settings.seeds)
    changed = changed_contracts(contracts, released)
    return rules + tuple(
        Listed(one, None if one in changed else released.get(one.name, ADDED)) for one in contracts
    )


def refuse_unreleased(settings: Settings) -> None:
    """See to it that no version decides that nobody released.

    The ledger is asked only for what the register does not have.

    Raises:
        UsageRefused: Some version is not released; each with file and line.
    """
    released = _registered(settings.seeds)
    rules = unreleased(read_versions(settings.seeds), released)
    contracts = unreleased(read_contracts(settings.seeds), released)
    if rules or contracts:
        released |= _approved(settings)
        rules = unreleased(rules, released)
        contracts = changed_contracts(contracts, released)
    if rules or contracts:
        raise UsageRefused(refusal(rules, contracts))


def register(settings: Settings, asked_by: str, signed_by: str, on: datetime, note: str) -> int:
    """Write what is in the files and in no release into the register; return how many versions.

    For changes that are signed where they are reviewed, in a pull request: the register's rows are
    part of it. Rows of versions that stand in no file any more are dropped.

    Raises:
        UsageRefused: One person would ask and sign.
    """
    if asked_by == signed_by:
        raise UsageRefused("Nobody signs their own release: name two people.")
    versions = (*read_versions(settings.seeds), *read_contracts(settings.seeds))
    path = settings.seeds / REGISTER
    known = {
        (row["place"], row["rule_id"], row["rule_version"], row["digest"]): row
        for row in _rows(path)
    }
    fresh = unreleased(versions, frozenset(known))
    for one in fresh:
        known[one.name] = dict(
            zip(
                COLUMNS,
                (*one.name, asked_by, signed_by, f"{on:%Y-%m-%d}", note),
                strict=True,
            )
        )
    kept = [known[one.name] for one in sorted(versions)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)
    return len(fresh)


def _registered(seeds: Path) -> dict[Name, Release]:
    return {
        (row["place"], row["rule_id"], row["rule_version"], row["digest"]): Release(
            "register", row["asked_by"], (row["signed_by"],), row["released_on"], row["note"]
        )
        for row in _rows(seeds / REGISTER)
        if row["signed_by"] and row["signed_by"] != row["asked_by"]
    }


def _rows(path: Path) -> Iterator[dict[str, str]]:
    if not path.is_file():
        return
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _approved(settings: Settings) -> dict[Name, Release]:
    """The versions whose release others signed and nobody took back."""
    found: dict[Name, Release] = {}
    with read_ledger(settings.ledger_database) as reader:
        if reader is None or not reader.has_table("approvals"):
            return {}
        for row in reader.rows(APPROVED, [ACTION]):
            signatures = json.loads(row["signatures"])
            release = Release(
                "ledger",
                row["requester_id"],
                tuple(one["by"] for one in signatures),
                max((one["at"] for one in signatures), default="")[:10],
                row["reason"],
                row["approval_id"],
            )
            for one in json.loads(row["decision"])["details"].get("versions", []):
                found[one["place"], one["rule_id"], one["version"], one["digest"]] = release
    return found
