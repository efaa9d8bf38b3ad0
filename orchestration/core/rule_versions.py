"""Versions of rules and contracts: which there are in files, and which of them were released.

What belongs here: telling versions apart by what they say, and the sentences about those that
nobody released. What does not: reading files and the ledger (`orchestration.releases`). Anyone may
import this.

A version is released as it is: its digest covers every cell of its rows but the description, so a
row that was changed is a version that nobody released. A contract is one version, whole.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ID_COLUMNS = ("rule_id", "gate_code")
VERSION_COLUMN = "rule_version"
WORDS = frozenset({"description", "note"})


@dataclass(frozen=True, slots=True, order=True)
class RuleVersion:
    """One version of one rule, as it stands in a file.

    Attributes:
        place: The file below `seeds/`, such as `rules/matching_rules.csv`.
        rule_id: The rule.
        version: Its version, as written.
        digest: First 32 hexadecimal digits of the SHA-256 of its rows.
        line: Where its first row stands.
        effective_from: The first day on which it may decide, as written.
        effective_to: The day after the last one; empty without end.
    """

    place: str
    rule_id: str
    version: str
    digest: str
    line: int = 0
    effective_from: str = field(default="", compare=False)
    effective_to: str = field(default="", compare=False)

    @property
    def name(self) -> tuple[str, str, str, str]:
        """What it was released as: everything but its line."""
        return (self.place, self.rule_id, self.version, self.digest)


def versions_of(place: str, rows: Sequence[Mapping[str, str]]) -> tuple[RuleVersion, ...]:
    """Return the versions of a file; none where its rows have no version.

    Args:
        place: The file below `seeds/`.
        rows: Its rows as text, in the order of the file, without the header.
    """
    if not rows or VERSION_COLUMN not in rows[0]:
        return ()
    id_column = next((name for name in ID_COLUMNS if name in rows[0]), None)
    if id_column is None:
        return ()
    texts: dict[tuple[str, str], list[str]] = {}
    lines: dict[tuple[str, str], int] = {}
    days: dict[tuple[str, str], tuple[str, str]] = {}
    for line, row in enumerate(rows, start=2):
        key = (row[id_column], row[VERSION_COLUMN])
        lines.setdefault(key, line)
        days[key] = _stretch(days.get(key), row)
        cells = sorted((name, cell or "") for name, cell in row.items() if name not in WORDS)
        texts.setdefault(key, []).append("\x1f".join(f"{name}={cell}" for name, cell in cells))
    return tuple(
        RuleVersion(
            place,
            rule_id,
            version,
            hashlib.sha256("\x1e".join(sorted(found)).encode()).hexdigest()[:32],
            lines[rule_id, version],
            *days[rule_id, version],
        )
        for (rule_id, version), found in texts.items()
    )


def contract_version(place: str, line: int, document: Mapping[str, Any]) -> RuleVersion:
    """Return the version of a source contract; comments and its description are no part of it.

    Args:
        place: The file below `seeds/`, such as `sources/generic.yml`.
        line: Where its version stands.
        document: What the file says, as YAML reads it.
    """
    said = {name: value for name, value in document.items() if name not in WORDS}
    text = json.dumps(said, sort_keys=True, ensure_ascii=True, default=str)
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    source, version = str(document.get("source", "")), str(document.get("version", ""))
    return RuleVersion(place, source, version, digest, line)


def changed_contracts(
    versions: Iterable[RuleVersion], released: Collection[tuple[str, str, str, str]]
) -> tuple[RuleVersion, ...]:
    """Return the contracts that were released once and no longer stand as they were.

    A source that was added has nothing that could be read differently: it needs no release.
    """
    places = {place for place, *_ in released}
    return unreleased((one for one in versions if one.place in places), released)


def _stretch(known: tuple[str, str] | None, row: Mapping[str, str]) -> tuple[str, str]:
    """The days of a version whose rows may have days of their own: from the first to the last."""
    begins, ends = row.get("effective_from") or "", row.get("effective_to") or ""
    if known is None:
        return begins, ends
    return min(known[0], begins), max(known[1], ends) if known[1] and ends else ""


def unreleased(
    versions: Iterable[RuleVersion], released: Collection[tuple[str, str, str, str]]
) -> tuple[RuleVersion, ...]:
    """Return the versions that nobody released as they stand, by file and line."""
    return tuple(
        sorted(
            (one for one in versions if one.name not in released),
            key=lambda one: (one.place, one.line),
        )
    )


def refusal(rules: Sequence[RuleVersion], contracts: Sequence[RuleVersion]) -> str:
    """Return what to say about versions that nobody released: each with its file and line."""
    parts = []
    if rules:
        parts.append(_refusal_of_rules(rules))
    if contracts:
        parts.append(_refusal_of_contracts(contracts))
    return "\n".join(parts)


def _listed(versions: Sequence[RuleVersion]) -> str:
    return "\n  ".join(
        f"seeds/{one.place}:{one.line}: {one.rule_id} version {one.version}" for one in versions
    )


def _refusal_of_contracts(versions: Sequence[RuleVersion]) -> str:
    noun = "contract was" if len(versions) == 1 else "contracts were"
    return (
        f"{len(versions)} released {noun} changed, and the change is not released, so nothing may "
        f"be read by it:\n  {_listed(versions)}\n"
        "Put the released file back, then `meshline contracts release FILE --landing DIR --as "
        "ACTOR --code CODE --reason TEXT` shows what would be read differently and asks for the "
        "signatures; once they are there, runs accept it. What was signed in a pull request is "
        "registered with `meshline rules register`."
    )


def _refusal_of_rules(versions: Sequence[RuleVersion]) -> str:
    noun = "version of a rule is" if len(versions) == 1 else "versions of rules are"
    first = f"seeds/{versions[0].place}"
    return (
        f"{len(versions)} {noun} not released, so nothing may be decided by them:\n"
        f"  {_listed(versions)}\n"
        f"Put the released file back, then `meshline rules release FILE --as ACTOR --code CODE "
        f"--reason TEXT` shadows the proposal ({first}) and asks for the signatures; once they are "
        "there, runs accept it. What was signed in a pull request is registered with "
        "`meshline rules register`."
    )
