"""Codes in words: what people read instead of FUL_SHORT, tier_1 or L4.

What belongs here: labels read from `seeds/`, and the few that no seed has. What does not: numbers
and dates (`console.formats`).
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestration.settings import Settings

ROLES = {
    "sales": "Sales",
    "finance": "Finance",
    "operations": "Operations",
    "platform": "Platform",
    "marketplace": "Marketplace",
    "control": "Control",
}
# A code of tiers and of segments: alone it does not say of which.
OF_ANYTHING = {"unclassified": "Not classified"}
TIERS = {"tier_1": "Tier 1", "tier_2": "Tier 2", "tier_3": "Tier 3", "unclassified": "No tier"}
SEGMENTS = {
    "enterprise": "Enterprise",
    "commerce": "Commerce",
    "marketplace": "Marketplace",
    "unclassified": "No segment",
}
KINDS = {
    "loss": "We may lose it",
    "owed": "We may owe it",
    "timing": "Timing only",
    "none": "No money at risk",
}
TICKETS = {
    "new": "New",
    "assigned": "Assigned",
    "in_progress": "In progress",
    "pending_approval": "Waiting for approval",
    "resolved": "Resolved",
    "reopened": "Reopened",
    "auto_closed": "Closed by itself",
}
DISPOSITIONS = {
    "matched": "Matched",
    "in_exception": "In an exception",
    "not_due": "Not due yet",
    "excluded": "Left out",
    "superseded": "Replaced",
    "rejected": "Rejected",
}
GATE_RESULTS = {
    "pass": "Passed",
    "fail": "Failed",
    "waived": "Waived",
    "not_applicable": "Does not apply",
    "not_run": "Could not run",
}
MATCH_KINDS = {
    "auto": "Exact",
    "tolerance": "Within tolerance",
    "manual": "By hand",
    "forced": "Forced",
    "suggested": "Suggested",
    "none": "Not matched",
}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Labels by code."""

    classes: Mapping[str, Mapping[str, str]]
    legs: Mapping[str, Mapping[str, str]]
    states: Mapping[str, str]
    residuals: Mapping[str, str]
    reasons: Mapping[str, str]
    exponents: Mapping[str, int]
    # What a gate is about; the label of its exception says what is wrong when it fails.
    gates: Mapping[str, str]

    def label(self, code: object) -> str:
        """The words for any code; a code without words is made readable."""
        text = "" if code is None else str(code)
        if text in self.classes:
            return self.classes[text]["class_label"]
        if text in self.legs:
            return self.legs[text]["leg_label"]
        for known in (
            OF_ANYTHING,
            TICKETS,
            TIERS,
            SEGMENTS,
            ROLES,
            KINDS,
            DISPOSITIONS,
            GATE_RESULTS,
            self.states,
        ):
            if text in known:
                return known[text]
        if text in self.residuals:
            return self.residuals[text]
        if text in self.reasons:
            return self.reasons[text]
        is_code = text.isupper() or "_" in text
        return text.replace("_", " ").lower().capitalize() if is_code else _with_capital(text)


def load_vocabulary(settings: Settings) -> Vocabulary:
    """Read the labels of this operating model."""
    seeds = settings.seeds
    return Vocabulary(
        classes={
            row["exception_code"]: row for row in _rows(seeds / "taxonomy/exception_classes.csv")
        },
        legs={row["leg_code"]: row for row in _rows(seeds / "taxonomy/legs.csv")},
        states={
            row["state_code"]: row["state_label"] for row in _rows(seeds / "taxonomy/states.csv")
        },
        residuals={
            row["residual_class"]: row["residual_label"]
            for row in _rows(seeds / "taxonomy/residual_classes.csv")
        },
        reasons={
            row["reason_code"]: row["reason_label"]
            for row in _rows(seeds / "taxonomy/reason_codes.csv")
        },
        exponents={
            row["currency_code"]: int(row["exponent"])
            for row in _rows(seeds / "mappings/currencies.csv")
        },
        gates={row["gate_code"]: row["gate_label"] for row in _rows(seeds / "rules/gates.csv")},
    )


def _with_capital(text: str) -> str:
    """A plain word begins with a capital; an id stays as it is."""
    return text.capitalize() if text.isalpha() and text.islower() else text


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
