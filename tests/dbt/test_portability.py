"""Models keep to the SQL that several engines read alike; each rule of the lint bites."""

from collections import Counter
from pathlib import Path

import pytest

from tests.dbt.portability import lint, lint_folder
from tests.dbt.portability_rules import RULES

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "dbt_project" / "models"
MACROS = ROOT / "dbt_project" / "macros"
# One line a file and rule: path, tab, rule, tab, count. It may only shrink.
BASELINE = Path(__file__).with_name("portability_baseline.tsv")


def _baseline() -> Counter[tuple[str, str]]:
    rows = (line.split("\t") for line in BASELINE.read_text().splitlines() if line)
    return Counter({(path, rule): int(count) for path, rule, count in rows})


def _shared_macros() -> tuple[Path, ...]:
    """Folders of macros whose SQL every engine runs; dialect/ holds what differs."""
    return tuple(path for path in sorted(MACROS.iterdir()) if path.name != "dialect")


def test_models_and_shared_macros_use_portable_sql_alone():
    in_models = lint_folder(ROOT, (MODELS,))
    # A macro's sum is cast by the model that calls the macro.
    in_macros = [
        finding
        for finding in lint_folder(ROOT, _shared_macros())
        if finding.rule.name != "aggregate without cast"
    ]
    findings = [*in_models, *in_macros]
    found = Counter((finding.path, finding.rule.name) for finding in findings)
    known = _baseline()
    new = [
        str(finding)
        for finding in findings
        if found[finding.path, finding.rule.name] > known[finding.path, finding.rule.name]
    ]
    assert not new, "\n" + "\n".join(new)
    outdated = {key: count for key, count in known.items() if found[key] < count}
    assert not outdated, f"better than the baseline: lower these in {BASELINE.name}: {outdated}"


def test_there_are_models_to_lint():
    assert len(list(MODELS.rglob("*.sql"))) > 10


@pytest.mark.parametrize(
    ("rule", "model"),
    [(rule, model) for rule in RULES for model in rule.bad],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_forbidden_form_is_found(rule, model):
    text = f"-- Grain: one row per a.\n{model}\n"
    assert rule.name in {finding.rule.name for finding in lint("m.sql", text)}
    assert any(finding.line == 2 for finding in lint("m.sql", text))


@pytest.mark.parametrize(
    ("rule", "model"),
    [(rule, model) for rule in RULES for model in rule.good],
    ids=lambda value: getattr(value, "name", None),
)
def test_the_portable_form_is_left_alone(rule, model):
    assert rule.name not in {finding.rule.name for finding in lint("m.sql", model)}


def test_every_rule_has_both_kinds_of_examples_and_a_name_of_its_own():
    assert all(rule.bad and rule.good and rule.instead for rule in RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_a_finding_says_where_what_and_what_instead():
    (finding,) = lint("marts/m.sql", "select\n    a::int as b\nfrom t\n")
    assert str(finding) == "marts/m.sql:2: double colon cast: a::int as b -- cast(x as type)"
