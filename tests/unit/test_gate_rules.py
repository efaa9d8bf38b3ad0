"""The rules of the validation gates are read strictly: a slip in a seed must not open a gate."""

import shutil

import pytest

from expectations.gate_rules import FILES, gate_codes, load_gate_rules
from expectations.order_version_suite import order_versions_suite
from expectations.plan import Severity
from orchestration.core.errors import ContractError
from orchestration.settings import PROJECT_ROOT

SEEDS = PROJECT_ROOT / "seeds"


@pytest.fixture
def seeds(tmp_path):
    (tmp_path / "rules").mkdir()
    for file in FILES.values():
        shutil.copy(SEEDS / file, tmp_path / file)
    return tmp_path


def _change(seeds, name, old, new):
    path = seeds / FILES[name]
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_gates_of_the_product_are_valid():
    assert gate_codes(SEEDS) == (
        "GATE_PRICE",
        "GATE_TERMS",
        "GATE_TAX_CLASS",
        "GATE_CREDIT",
        "GATE_PRODUCT",
        "GATE_DATES",
        "GATE_APPROVAL_MISSING",
    )


def test_every_gate_becomes_one_expectation_that_never_stops_the_run():
    suite = order_versions_suite(load_gate_rules(SEEDS), 7)
    assert [check.name for check in suite.checks] == list(gate_codes(SEEDS))
    assert {check.severity for check in suite.checks} <= {Severity.WARNING, Severity.INFO}


def test_all_slips_are_told_at_once_with_their_line(seeds):
    _change(seeds, "gates", "GATE_PRICE,1,2000-01-01", "GATE_PRICE,0,someday")
    _change(
        seeds, "gates", "0.00,0,true,warning,finance,Payment", "-1,0,true,critical,finance,Payment"
    )
    _change(seeds, "scopes", "GATE_DATES,new,always", "GATE_DATES,new,sometimes")

    with pytest.raises(ContractError) as refused:
        load_gate_rules(seeds)

    message = str(refused.value)
    for part in (
        "line 2, rule_version",
        "line 2, effective_from",
        "line 3, tolerance_amount",
        "line 3, severity_code",
        "gate_scopes.csv line 27, scope_code",
    ):
        assert part in message


def test_versions_of_a_gate_follow_each_other_without_a_gap(seeds):
    path = seeds / FILES["gates"]
    first = path.read_text(encoding="utf-8").splitlines()[1]
    second = first.replace("GATE_PRICE,1,2000-01-01,", "GATE_PRICE,2,2026-07-01,", 1)
    with path.open("a", encoding="utf-8") as file:
        file.write(second + "\n")

    with pytest.raises(ContractError, match="gap or an overlap before version 2"):
        load_gate_rules(seeds)

    _change(seeds, "gates", "GATE_PRICE,1,2000-01-01,,", "GATE_PRICE,1,2000-01-01,2026-07-01,")
    rules = load_gate_rules(seeds)
    assert [rule.rule_version for rule in rules.gates if rule.gate_code == "GATE_PRICE"] == [1, 2]
    assert [one.rule_version for one in rules.current if one.gate_code == "GATE_PRICE"] == [2]


def test_a_waiver_names_a_gate_that_there_is(seeds):
    with (seeds / FILES["waivers"]).open("a", encoding="utf-8") as file:
        file.write("main,O-1,GATE_NONE,P-1,agreed,2026-12-31\n")

    with pytest.raises(ContractError, match="gates that are not there: GATE_NONE"):
        load_gate_rules(seeds)


def test_a_waiver_without_a_reason_is_refused(seeds):
    with (seeds / FILES["waivers"]).open("a", encoding="utf-8") as file:
        file.write("main,O-1,GATE_PRICE,P-1,,2026-12-31\n")

    with pytest.raises(ContractError, match="line 2, reason"):
        load_gate_rules(seeds)


def test_a_missing_file_is_named(seeds):
    (seeds / FILES["gates"]).unlink()
    with pytest.raises(ContractError, match=r"gates\.csv cannot be read"):
        load_gate_rules(seeds)
