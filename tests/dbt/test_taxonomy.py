"""The taxonomy is data: what SQL says and what the seeds say must be the same words."""

import csv
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.warehouse.assignments import RESIDUAL_CLASSES
from tests.dbt.project import DBT_PROJECT, PROJECT_ROOT

SEEDS = PROJECT_ROOT / "seeds"
MODELS = DBT_PROJECT / "models"
VARS = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
LEGS = VARS["leg_codes"]
EVER = ("2000-01-01", "")


def rows(path: str) -> list[dict[str, str]]:
    """The rows of a seed."""
    with (SEEDS / path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def column(path: str, name: str) -> set[str]:
    """The values of one column of a seed."""
    return {row[name] for row in rows(path)}


def without_comments(path: Path) -> str:
    return re.sub(r"--.*", "", path.read_text(encoding="utf-8"))


def codes_in_models(pattern: str) -> set[str]:
    """Every literal in the exception models that looks like a code."""
    found: set[str] = set()
    for path in MODELS.rglob("*.sql"):
        found |= set(re.findall(pattern, without_comments(path)))
    return found


def order_types() -> list[str]:
    """Every order type that a source may send or that a staging model gives."""
    allowed = _contract("generic")["streams"]["orders"]["columns"]["order_type"]["allowed"]
    given = codes_in_models(r"'(\w+)' as order_type")
    return sorted({*allowed, *given})


def holds_on_every_day(windows: list[tuple[str, str]]) -> bool:
    """Whether periods follow each other without a gap or an overlap, from the first day on."""
    day = EVER[0]
    for begins, ends in sorted(windows):
        if begins != day:
            return False
        day = ends
    return day == EVER[1]


def test_every_exception_that_sql_raises_is_in_the_taxonomy_and_the_other_way_round():
    families = "|".join(sorted({code.split("_")[0] for code in _codes()}))
    raised = codes_in_models(rf"'((?:{families})_[A-Z_]+)'")
    assert raised - _codes() == set(), "add them to seeds/taxonomy/exception_classes.csv"
    said = {
        row["exception_code"]
        for row in rows("taxonomy/exception_classes.csv")
        if row["raised_by"] == "models"
    }
    assert raised == said, (
        "raised_by in seeds/taxonomy/exception_classes.csv says what models raise"
    )


def test_every_class_has_a_severity_and_a_rank_of_its_own():
    classes = rows("taxonomy/exception_classes.csv")
    severities = column("policies/severity_policies.csv", "severity_code")
    assert {row["severity_code"] for row in classes} <= severities
    assert {row["leak_kind"] for row in classes} <= {"loss", "owed", "timing", "none"}
    ranks = [int(row["class_rank"]) for row in classes]
    assert len(set(ranks)) == len(ranks)


def test_every_residual_that_sql_names_is_in_the_taxonomy():
    known = column("taxonomy/residual_classes.csv", "residual_class")
    named = codes_in_models(r"'([A-Z_]+)' (?:as|then) (?:explained|residual)_class")
    named |= codes_in_models(rf"'({'|'.join(sorted(known))})'")
    by_rule = column("rules/residual_rules.csv", "residual_class")
    without_key = set(RESIDUAL_CLASSES.values())
    assert named | by_rule | without_key == known


def test_every_leg_is_in_the_taxonomy():
    assert column("taxonomy/legs.csv", "leg_code") == set(LEGS)


@pytest.mark.parametrize("leg", LEGS)
def test_every_leg_has_its_two_models(leg):
    for side in ("expectations", "evidence"):
        assert (MODELS / "intermediate" / "legs" / f"int_{side}__{leg}.sql").is_file()


@pytest.mark.parametrize("leg", LEGS)
def test_every_leg_falls_due_for_every_type_of_order_on_every_day(leg):
    windows: dict[str, list[tuple[str, str]]] = {kind: [] for kind in order_types()}
    for row in rows("rules/leg_windows.csv"):
        if row["leg_code"] == leg:
            windows[row["order_type"]].append((row["effective_from"], row["effective_to"]))
    wanting = [kind for kind, periods in windows.items() if not holds_on_every_day(periods)]
    assert not wanting, f"seeds/rules/leg_windows.csv: {leg} has not one window on every day"


@pytest.mark.parametrize("leg", LEGS)
def test_every_leg_has_one_matching_rule_for_every_source_on_every_day(leg):
    rules: dict[str, list[tuple[str, str]]] = {}
    for row in rows("rules/matching_rules.csv"):
        if row["leg_code"] == leg:
            rules.setdefault(row["source"], []).append((row["effective_from"], row["effective_to"]))
    assert "*" in rules, f"{leg} has no default rule"
    assert all(holds_on_every_day(periods) for periods in rules.values()), rules


def test_every_type_of_order_has_one_sla_policy_on_every_day():
    policies: dict[str, list[tuple[str, str]]] = {kind: [] for kind in order_types()}
    for row in rows("policies/sla_policies.csv"):
        policies[row["order_type"]].append((row["effective_from"], row["effective_to"]))
    assert all(holds_on_every_day(periods) for periods in policies.values()), policies


@pytest.mark.parametrize("subject", ["leg", "order", "ticket"])
def test_every_state_can_be_reached_and_every_transition_leads_to_a_state(subject):
    states = {
        row["state_code"] for row in rows("taxonomy/states.csv") if row["subject_type"] == subject
    }
    steps = [
        (row["from_code"], row["to_code"])
        for row in rows("taxonomy/transitions.csv")
        if row["subject_type"] == subject
    ]
    assert len(set(steps)) == len(steps)
    assert {to for _, to in steps} == states
    assert {begin for begin, _ in steps} - {""} <= states
    assert not [step for step in steps if step[0] == step[1]]


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("mappings/currencies.csv", ["currency_code"]),
        ("mappings/entity_dispositions.csv", ["entity"]),
        ("mappings/id_rules.csv", ["system"]),
        ("mappings/order_statuses.csv", ["source", "native_status"]),
        ("mappings/payment_kinds.csv", ["kind_code"]),
        ("mappings/payment_statuses.csv", ["status_code"]),
        ("mappings/payment_terms.csv", ["payment_terms"]),
        ("mappings/shipment_statuses.csv", ["status_code"]),
        ("policies/severity_policies.csv", ["severity_code"]),
        ("taxonomy/exception_classes.csv", ["exception_code"]),
        ("taxonomy/legs.csv", ["leg_code"]),
        ("taxonomy/residual_classes.csv", ["residual_class"]),
        ("taxonomy/states.csv", ["subject_type", "state_code"]),
        ("taxonomy/transitions.csv", ["subject_type", "from_code", "to_code"]),
    ],
)
def test_a_seed_that_is_joined_names_each_key_once(path, keys):
    found = [tuple(row[key] for key in keys) for row in rows(path)]
    assert found
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    ("source", "stream", "name", "path", "code"),
    [
        ("generic", "orders", "status", "mappings/order_statuses.csv", "native_status"),
        ("generic", "payments", "kind", "mappings/payment_kinds.csv", "kind_code"),
        ("generic", "payments", "status", "mappings/payment_statuses.csv", "status_code"),
        ("generic", "shipments", "status", "mappings/shipment_statuses.csv", "status_code"),
        ("olist", "orders", "order_status", "mappings/order_statuses.csv", "native_status"),
    ],
)
def test_every_word_that_a_contract_allows_has_a_meaning(source, stream, name, path, code):
    known = {row[code] for row in rows(path) if row.get("source", source) == source}
    assert set(_contract(source)["streams"][stream]["columns"][name]["allowed"]) <= known


def test_rows_of_every_entity_are_accounted_for_by_a_leg_or_by_a_disposition():
    read_by_legs = {"orders", "order_lines", *column("taxonomy/legs.csv", "evidence_stream")}
    # A leg may read two streams: the rows of the second are in int_set_aside_rows__<family>.
    read_by_legs |= set(VARS["second_streams"])
    placed = column("mappings/entity_dispositions.csv", "entity")
    entities = {
        stream.get("entity", name)
        for path in (SEEDS / "sources").glob("*.yml")
        for name, stream in _contract(path.stem)["streams"].items()
    }
    assert entities - read_by_legs - placed == set(), "add them to entity_dispositions.csv"
    assert not read_by_legs & placed, "an entity is accounted for once"


def _contract(source: str) -> dict[str, Any]:
    return yaml.safe_load((SEEDS / "sources" / f"{source}.yml").read_text(encoding="utf-8"))


def _codes() -> set[str]:
    return column("taxonomy/exception_classes.csv", "exception_code")
