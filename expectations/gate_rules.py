"""The rules of the validation gates, read from `seeds/rules/gates.csv`.

What belongs here: reading and validating the gates, their scopes and their waivers. What does not:
how a gate judges (`order_version_suite`) and the facts that it judges (SQL, `int_gate_subjects`).
Anyone in `expectations` may import this.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from expectations.plan import Severity
from orchestration.core.errors import ContractError

FILES: Mapping[str, Path] = {
    "gates": Path("rules") / "gates.csv",
    "scopes": Path("rules") / "gate_scopes.csv",
    "waivers": Path("rules") / "gate_waivers.csv",
}
Text = Field(min_length=1)


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GateRule(_Row):
    """One version of a gate.

    Attributes:
        gate_code: Name of the gate; the expectation bears it.
        rule_version: Counted from 1 per gate.
        effective_from: First order date for which it holds.
        effective_to: First order date for which it holds no longer; None: open.
        exception_code: Class of a failure.
        tolerance_amount: Money let pass, in the currency compared; 0 or more.
        tolerance_rate: Share of the expected money let pass, 0 to 1.
        is_holding: Whether a failure holds the order.
        severity_code: Severity of the expectation; never `critical`, which would stop the run.
        approver_role: Who may let a failure pass.
        gate_label: For people.
        demand: What the gate demands, in words; must fit after "expected".
        found_label: What it says of an order that passes.
    """

    gate_code: str = Field(pattern=r"^[A-Z][A-Z_]+$")
    rule_version: int = Field(ge=1)
    effective_from: date
    effective_to: date | None
    exception_code: str = Text
    tolerance_amount: Decimal = Field(ge=0)
    tolerance_rate: Decimal = Field(ge=0, le=1)
    is_holding: bool
    severity_code: Literal["warning", "info"]
    approver_role: str = Text
    gate_label: str = Text
    demand: str = Text
    found_label: str = Text

    @property
    def severity(self) -> Severity:
        """Severity of the expectation."""
        return Severity(self.severity_code)


class GateScope(_Row):
    """Which orders of a type a gate judges."""

    gate_code: str = Text
    order_type: str = Text
    scope_code: Literal["always", "unless_prepaid", "on_terms"]
    note: str | None


class GateWaiver(_Row):
    """A failure that somebody took on until the end of a day."""

    tenant: str = Text
    order_ref: str = Text
    gate_code: str = Text
    approved_by: str = Text
    reason: str = Text
    expires_on: date


@dataclass(frozen=True, slots=True)
class GateRules:
    """All that `seeds/rules` says of the validation gates.

    Attributes:
        gates: Every version of every gate, in the order of the file.
        scopes: One per gate and order type that it judges.
        waivers: Failures taken on.
    """

    gates: tuple[GateRule, ...]
    scopes: tuple[GateScope, ...]
    waivers: tuple[GateWaiver, ...]

    @property
    def current(self) -> tuple[GateRule, ...]:
        """The newest version of each gate, in the order of the file."""
        newest = {rule.gate_code: rule for rule in sorted(self.gates, key=_by_version)}
        return tuple(newest[code] for code in dict.fromkeys(one.gate_code for one in self.gates))


def load_gate_rules(seeds: Path) -> GateRules:
    """Return the rules of the validation gates.

    Raises:
        ContractError: A file is missing or not valid; lists every problem.
    """
    problems: list[str] = []
    rules = GateRules(
        tuple(_rows(seeds, "gates", GateRule, problems)),
        tuple(_rows(seeds, "scopes", GateScope, problems)),
        tuple(_rows(seeds, "waivers", GateWaiver, problems)),
    )
    problems += _contradictions(rules)
    if problems:
        raise ContractError("; ".join(problems) + ". Correct these rows.")
    return rules


def gate_codes(seeds: Path) -> tuple[str, ...]:
    """Return the code of each gate, in the order of the file."""
    return tuple(rule.gate_code for rule in load_gate_rules(seeds).current)


T = TypeVar("T", bound=_Row)


def _rows(seeds: Path, name: str, row_type: type[T], problems: list[str]) -> Iterator[T]:
    """Yield the valid rows of a file; what is wrong with the others is added to `problems`."""
    file = FILES[name]
    try:
        with (seeds / file).open(encoding="utf-8", newline="") as opened:
            rows: list[dict[str, Any]] = list(csv.DictReader(opened))
    except OSError as error:
        problems.append(f"{file} cannot be read ({error.strerror})")
        return
    for number, row in enumerate(rows, start=2):
        cells = {key: value if value != "" else None for key, value in row.items()}
        try:
            yield row_type.model_validate(cells)
        except ValidationError as error:
            problems += [
                f"{file} line {number}, {'.'.join(map(str, each['loc'])) or 'row'}: {each['msg']}"
                for each in error.errors()
            ]


def _contradictions(rules: GateRules) -> Iterator[str]:
    """Yield what is wrong between rows that are valid by themselves."""
    codes = {rule.gate_code for rule in rules.gates}
    for code in sorted(codes):
        versions = sorted((one for one in rules.gates if one.gate_code == code), key=_by_version)
        for earlier, later in pairwise(versions):
            if earlier.effective_to != later.effective_from:
                yield f"{FILES['gates']}: {code} has a gap or an overlap before version " + str(
                    later.rule_version
                )
        if len({one.rule_version for one in versions}) < len(versions):
            yield f"{FILES['gates']}: {code} has one version twice"
    for name, named in (("scopes", rules.scopes), ("waivers", rules.waivers)):
        unknown = sorted({one.gate_code for one in named} - codes)
        if unknown:
            yield f"{FILES[name]} names gates that are not there: {', '.join(unknown)}"
    scoped = [(one.gate_code, one.order_type) for one in rules.scopes]
    if len(set(scoped)) < len(scoped):
        yield f"{FILES['scopes']} names a gate and order type twice"


def _by_version(rule: GateRule) -> tuple[date, int]:
    return rule.effective_from, rule.rule_version
