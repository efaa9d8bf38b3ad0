"""Reading the operating model from `seeds/`, every problem of every file at once.

What belongs here: which file is what, and the one message that lists all problems with file and
line. What does not: what a policy means (`core.policies`), and source contracts and rules that only
SQL reads. The command line, defs, delivery, the console and tests import this.
"""

import csv
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from orchestration.connectors.tables import read_table
from orchestration.connectors.yaml_lines import (
    YamlDocument,
    read_yaml,
    spell,
    yaml_problem,
)
from orchestration.core.errors import PolicyError
from orchestration.core.policies import OperatingModel, Playbook
from orchestration.core.policies import documents as docs
from orchestration.core.policies import records as rows
from orchestration.core.policies.checks import table_problems
from orchestration.core.policies.document_checks import (
    Problem,
    channel_problems,
    playbook_problems,
    target_problems,
    workflow_problems,
)
from orchestration.core.policies.playbooks import read_playbook
from orchestration.core.policies.rows import Row
from orchestration.core.policies.signing_checks import signing_problems
from orchestration.core.policies.tables import Tables
from orchestration.core.zones import zone_names

_M = TypeVar("_M", bound=BaseModel)
_RECORDS: tuple[type[Row], ...] = (
    rows.Role,
    rows.ExceptionClass,
    rows.RaciRow,
    rows.WorkingHours,
    rows.SlaClock,
    rows.EscalationStep,
    rows.ApprovalLimit,
    rows.ApprovalValidity,
    rows.OverrideAlarm,
    rows.SamplingRule,
    rows.Absence,
    rows.Identity,
    rows.ReasonCode,
)


def load_operating_model(seeds: Path) -> OperatingModel:
    """Return the operating model.

    Args:
        seeds: The folder that holds `policies`, `taxonomy`, `playbooks` and `workflows`.

    Raises:
        PolicyError: Something is wrong; the message lists every problem of every file as
            `file:line: what`. A workflow with a gap is no problem: it is not automated.
    """
    problems: list[str] = []
    tables = _read_tables(seeds, problems)
    channels = _read_document(seeds, "policies/alert_channels.yml", docs.AlertChannels, problems)
    targets = _read_document(seeds, "policies/delivery_targets.yml", docs.DeliveryTargets, problems)
    workflows = _read_workflows(seeds, problems)
    playbooks, playbook_files = _read_playbooks(seeds, problems)
    problems += table_problems(tables)
    problems += signing_problems(tables)
    if channels is not None:
        problems += _located(channels[1], channel_problems(channels[0], tables))
    if targets is not None:
        problems += _located(targets[1], target_problems(targets[0], tables))
    for workflow, document in workflows.values():
        found = workflow_problems(
            workflow,
            tables,
            targets[0] if targets is not None else None,
            sources={path.stem for path in (seeds / "sources").glob("*.yml")},
            gates=_column(seeds / "rules" / "gates.csv", "gate_code"),
        )
        problems += _located(document, found)
    problems += playbook_problems(playbooks, playbook_files, tables)
    if problems or channels is None or targets is None:
        raise PolicyError(_message(problems))
    return OperatingModel(
        version=_version(seeds),
        roles={role.role_code: role for role in tables.roles},
        classes={one.exception_code: one for one in tables.classes},
        raci=tables.raci,
        hours=tables.hours,
        clocks=tables.clocks,
        escalations=tables.escalations,
        limits=tables.limits,
        validity=tables.validity,
        alarms=tables.alarms,
        sampling=tables.sampling,
        absences=tables.absences,
        identities={one.account_id.casefold(): one for one in tables.identities},
        reasons={reason.reason_code: reason for reason in tables.reasons},
        channels=channels[0],
        targets=targets[0],
        workflows={name: workflow for name, (workflow, _) in workflows.items()},
        playbooks=playbooks,
        legs=tables.legs,
        risk_factors=_risk_factors(seeds),
        holidays=_holidays(seeds),
        severity_bands=_severity_bands(seeds),
    )


def policy_records() -> tuple[type[Row], ...]:
    """Return the records of all tables that the model is read from; each names its file."""
    return _RECORDS


def _message(problems: Collection[str]) -> str:
    ordered = sorted(set(problems), key=_by_place)
    noun = "problem" if len(ordered) == 1 else "problems"
    listed = "\n  ".join(ordered)
    return f"the operating model has {len(ordered)} {noun}:\n  {listed}"


def _by_place(problem: str) -> tuple[str, int, str]:
    file, line, text = problem.split(":", 2)
    return file, int(line), text


def _read_tables(seeds: Path, problems: list[str]) -> Tables:
    states: dict[str, set[str]] = defaultdict(set)
    for row in _dicts(seeds / "taxonomy" / "states.csv"):
        states[row["subject_type"]].add(row["state_code"])
    return Tables(
        roles=read_table(seeds, rows.Role, problems),
        classes=read_table(seeds, rows.ExceptionClass, problems),
        raci=read_table(seeds, rows.RaciRow, problems),
        hours=read_table(seeds, rows.WorkingHours, problems),
        clocks=read_table(seeds, rows.SlaClock, problems),
        escalations=read_table(seeds, rows.EscalationStep, problems),
        limits=read_table(seeds, rows.ApprovalLimit, problems),
        validity=read_table(seeds, rows.ApprovalValidity, problems),
        alarms=read_table(seeds, rows.OverrideAlarm, problems),
        sampling=read_table(seeds, rows.SamplingRule, problems),
        absences=read_table(seeds, rows.Absence, problems),
        identities=read_table(seeds, rows.Identity, problems),
        reasons=read_table(seeds, rows.ReasonCode, problems),
        states={subject: frozenset(codes) for subject, codes in states.items()},
        legs={
            row["leg_code"]: row["owner_role"] for row in _dicts(seeds / "taxonomy" / "legs.csv")
        },
        severities=_column(seeds / "policies" / "severity_policies.csv", "severity_code"),
        calendars=_column(seeds / "policies" / "calendars.csv", "calendar_code"),
        zones=zone_names(),
        currencies=_column(seeds / "mappings" / "currencies.csv", "currency_code"),
    )


def _dicts(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def _column(path: Path, name: str) -> frozenset[str]:
    return frozenset(row[name] for row in _dicts(path))


def _risk_factors(seeds: Path) -> Mapping[str, int]:
    return {
        row["currency_code"]: int(row["risk_factor"])
        for row in _dicts(seeds / "mappings" / "currencies.csv")
    }


def _holidays(seeds: Path) -> Mapping[str, frozenset[date]]:
    days: dict[str, set[date]] = defaultdict(set)
    for row in _dicts(seeds / "policies" / "holidays.csv"):
        days[row["calendar_code"]].add(date.fromisoformat(row["holiday_on"]))
    return {calendar: frozenset(free) for calendar, free in days.items()}


def _severity_bands(seeds: Path) -> tuple[tuple[Decimal, str], ...]:
    return tuple(
        (Decimal(row["least_leak_amount"]), row["severity_code"])
        for row in _dicts(seeds / "policies" / "severity_policies.csv")
        if row["least_leak_amount"]
    )


def _read_document(
    seeds: Path, name: str, model: type[_M], problems: list[str]
) -> tuple[_M, YamlDocument] | None:
    path, shown = seeds / name, f"seeds/{name}"
    try:
        document, doubled = read_yaml(path, shown)
    except FileNotFoundError:
        problems.append(f"{shown}:1: the file is missing")
        return None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        problems.append(yaml_problem(shown, error))
        return None
    problems += doubled
    try:
        return model.model_validate(_with_defaults(document.content)), document
    except ValidationError as error:
        for item in error.errors():
            said = item["msg"].removeprefix("Value error, ")
            problems.append(f"{document.at(item['loc'])}: {spell(item['loc'])}: {said}")
        return None


def _with_defaults(content: Any) -> Any:
    """Fill `defaults` into each of `targets`, as delivery_targets.yml has it."""
    if not isinstance(content, dict) or not isinstance(content.get("defaults"), dict):
        return content
    filled = {key: value for key, value in content.items() if key != "defaults"}
    targets = content.get("targets")
    if isinstance(targets, dict):
        filled["targets"] = {
            name: {**content["defaults"], **target} if isinstance(target, dict) else target
            for name, target in targets.items()
        }
    return filled


def _read_workflows(
    seeds: Path, problems: list[str]
) -> dict[str, tuple[docs.Workflow, YamlDocument]]:
    workflows: dict[str, tuple[docs.Workflow, YamlDocument]] = {}
    for path in sorted((seeds / "workflows").glob("*.yml")):
        name = f"workflows/{path.name}"
        read = _read_document(seeds, name, docs.Workflow, problems)
        if read is None:
            continue
        if read[0].workflow != path.stem:
            where = read[1].at(("workflow",))
            problems.append(f"{where}: workflow: the file is named {path.name}; name it like it")
        workflows[read[0].workflow] = read
    return workflows


def _read_playbooks(seeds: Path, problems: list[str]) -> tuple[dict[str, Playbook], frozenset[str]]:
    playbooks: dict[str, Playbook] = {}
    paths = sorted((seeds / "playbooks").glob("*.md"))
    for path in paths:
        shown = f"seeds/playbooks/{path.name}"
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            problems.append(f"{shown}:1: is no UTF-8 text: {error.reason} at byte {error.start}")
            continue
        playbook, found = read_playbook(path.stem, text)
        problems += [f"{shown}:{line}: {what}" for line, what in found]
        if playbook is not None:
            playbooks[path.stem] = playbook
    return playbooks, frozenset(path.stem for path in paths)


def _located(document: YamlDocument, found: Iterator[Problem]) -> Iterator[str]:
    for path, text in found:
        yield f"{document.at(path)}: {spell(path)}: {text}"


def _version(seeds: Path) -> str:
    """A hash over every file that the model is read from, in the order of their names."""
    digest = hashlib.sha256()
    names = [record.file for record in policy_records()]
    names += ["policies/alert_channels.yml", "policies/delivery_targets.yml"]
    names += ["policies/holidays.csv", "mappings/currencies.csv", "taxonomy/legs.csv"]
    names += ["policies/severity_policies.csv"]
    names += [f"playbooks/{path.name}" for path in (seeds / "playbooks").glob("*.md")]
    names += [f"workflows/{path.name}" for path in (seeds / "workflows").glob("*.yml")]
    for name in sorted(names):
        content = hashlib.sha256((seeds / name).read_bytes()).hexdigest()
        digest.update(f"{name}\0{content}\n".encode())
    return digest.hexdigest()[:16]
