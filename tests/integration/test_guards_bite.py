"""Each guard of the SQL project fails when the data behind it is broken, and names the culprit.

A guard that passes proves nothing until it has been seen to fail. The samples are loaded and built
once; then each break is made inside a transaction, the guard's own compiled SQL is run, and the
break is rolled back. One call of dbt on a copy with several breaks shows that dbt then fails too.
"""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from expectations import run_validation_gate
from orchestration.dbt_runs import TESTS_OF_PHASE
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.warehouse.connection import writer
from tests.dbt.project import DbtHome, load, make_home
from tests.integration.guarded_warehouse import Warehouse


@pytest.fixture(scope="module")
def samples(tmp_path_factory) -> DbtHome:
    """Return a home in which the samples are loaded and built, every guard having passed."""
    home = make_home(tmp_path_factory.mktemp("guards") / "home")
    load(home, PROJECT_ROOT / "seeds" / "samples")
    for phase, selection in TESTS_OF_PHASE.items():
        done = home.dbt(
            "build",
            *("--select", f"tag:{phase}", "--indirect-selection", selection),
            *("--exclude-resource-types", "unit_test", "--vars", "{run_no: 1}"),
        )
        assert done.returncode == 0, done.stdout
        if phase == "phase_1":
            run_validation_gate(home.settings, 1)
    return home


@pytest.fixture(scope="module")
def opened(samples) -> Iterator[Warehouse]:
    with writer(samples.settings) as connection:
        yield Warehouse(samples, connection)


@pytest.fixture
def warehouse(opened) -> Iterator[Warehouse]:
    """Return the warehouse; whatever a test does to it is undone."""
    opened.run("begin transaction")
    yield opened
    opened.run("rollback")


def singular_guards(warehouse: Warehouse) -> list[str]:
    return [name for name in warehouse.nodes if name.startswith("assert_")]


def test_every_guard_passes_on_sound_data_and_has_a_test_here(warehouse):
    guards = singular_guards(warehouse)
    assert len(guards) >= 8
    assert {guard: found for guard in guards if (found := warehouse.culprits(guard))} == {}
    text = Path(__file__).read_text(encoding="utf-8")
    assert not [guard for guard in guards if f'"{guard}"' not in text]


@pytest.mark.parametrize(
    "damage",
    [
        "delete from marts.fct_source_accounting where {one}",
        "update marts.fct_source_accounting set amount = amount + 0.01 where {one}",
        "update marts.fct_source_accounting set amount = amount - 0.0001 where {one}",
        "update marts.fct_source_accounting set row_count = row_count - 1 where {one}",
        "update marts.fct_source_accounting set disposition = 'unaccounted' where {one}",
        "update marts.fct_source_accounting set currency_code = 'XXX' where {one}",
    ],
)
def test_a_lost_row_or_cent_is_found(warehouse, damage):
    stream, currency, disposition, reason = warehouse.one(
        "select stream, currency_code, disposition, reason_code from marts.fct_source_accounting"
        " where stream = 'payments' and disposition = 'matched' order by all"
    )
    one = (
        f"stream = '{stream}' and currency_code = '{currency}' and disposition = '{disposition}'"
        f" and reason_code = '{reason}'"
    )
    warehouse.run(damage.format(one=one))
    culprits = warehouse.culprits("assert_every_row_read_is_accounted_for")
    assert culprits
    assert any(f"payments {currency}" in culprit for culprit in culprits)


def test_a_row_that_raw_lost_after_it_was_read_is_found(warehouse):
    key, currency = warehouse.one(
        "select _key_hash, currency from raw.generic__payments order by _line limit 1"
    )
    warehouse.run(f"delete from raw.generic__payments where _key_hash = {key}")
    warehouse.rebuild("int_source_accounting", "fct_source_accounting")
    (culprit,) = warehouse.culprits("assert_every_row_read_is_accounted_for")
    assert culprit.startswith(f"generic payments {currency}")


@pytest.mark.parametrize(
    ("table", "join_name"),
    [
        ("identity.int_order_documents", "order documents to the registry"),
        ("orders.int_order_lines__keyed", "order lines to documents"),
        ("orders.int_orders", "current orders to customers, terms and policies"),
        ("marts.fct_orders", "orders to states and exceptions"),
    ],
)
def test_a_doubled_row_behind_a_join_is_found(warehouse, table, join_name):
    warehouse.double(table)
    culprits = warehouse.culprits("assert_joins_do_not_fan_out")
    assert any(culprit.startswith(join_name) for culprit in culprits), culprits


def test_a_lost_order_is_found(warehouse):
    warehouse.run(f"delete from marts.fct_orders where {_first(warehouse, 'marts.fct_orders')}")
    (culprit,) = warehouse.culprits("assert_joins_do_not_fan_out")
    assert culprit.startswith("orders to states and exceptions")


def test_an_amount_that_a_join_changed_is_found(warehouse):
    warehouse.run(
        "update marts.fct_orders set total_amount = total_amount + 0.01"
        f" where {_first(warehouse, 'marts.fct_orders')}"
    )
    (culprit,) = warehouse.culprits("assert_joins_do_not_fan_out")
    assert culprit.startswith("orders to states and exceptions")


def test_a_window_that_stands_twice_and_doubles_what_is_due_is_found(warehouse):
    (order_type,) = warehouse.one("select order_type from orders.int_orders order by all limit 1")
    warehouse.double("seeds.leg_windows", f"leg_code = 'payment' and order_type = '{order_type}'")
    assert warehouse.culprits("assert_each_rule_is_found_once") == [
        f"leg_windows payment {order_type}"
    ]
    warehouse.rebuild("int_expectations", "int_match_groups")
    culprits = warehouse.culprits("assert_joins_do_not_fan_out")
    assert any(culprit.startswith("orders to payment windows") for culprit in culprits)
    assert any(culprit.startswith("expectations to windows") for culprit in culprits)


def test_a_window_that_is_missing_and_leaves_orders_unexpected_is_found(warehouse):
    (order_type,) = warehouse.one("select order_type from orders.int_orders order by all limit 1")
    warehouse.run(
        f"delete from seeds.leg_windows where leg_code = 'payment' and order_type = '{order_type}'"
    )
    warehouse.rebuild("int_expectations", "int_match_groups")
    culprits = warehouse.culprits("assert_joins_do_not_fan_out")
    assert any(culprit.startswith("orders to payment windows") for culprit in culprits)


def test_a_tolerance_that_stands_twice_and_doubles_money_is_found(warehouse):
    warehouse.double("seeds.matching_rules", "leg_code = 'payment' and source = '*'")
    assert warehouse.culprits("assert_each_rule_is_found_once") == ["matching_rules payment *"]
    warehouse.rebuild("int_matching_rules__by_source", "int_match_groups")
    culprits = warehouse.culprits("assert_legs_conserve_amounts")
    assert culprits
    assert all(culprit.startswith("payment ") for culprit in culprits)


@pytest.mark.parametrize(
    ("seed", "culprit"),
    [
        ("currencies", "currencies "),
        ("order_statuses", "order_statuses "),
        ("payment_kinds", "payment_kinds "),
        ("severity_policies", "severity_policies "),
        ("sla_policies", "sla_policies "),
        ("residual_rules", "residual_rules "),
    ],
)
def test_a_rule_that_stands_twice_is_found(warehouse, seed, culprit):
    warehouse.double(f"seeds.{seed}")
    (found,) = warehouse.culprits("assert_each_rule_is_found_once")
    assert found.startswith(culprit)


def test_two_versions_of_a_policy_that_hold_on_one_day_are_found_and_a_clean_change_is_not(
    warehouse,
):
    warehouse.run(
        "insert into seeds.sla_policies by name"
        " select * replace (date '2026-01-01' as effective_from)"
        " from seeds.sla_policies where order_type = 'new'"
    )
    assert warehouse.culprits("assert_each_rule_is_found_once") == ["sla_policies new"]
    warehouse.run(
        "update seeds.sla_policies set effective_to = date '2026-01-01'"
        " where order_type = 'new' and effective_from < date '2026-01-01'"
    )
    assert warehouse.culprits("assert_each_rule_is_found_once") == []


def test_a_payment_that_settles_two_orders_is_found(warehouse):
    warehouse.double("legs.int_evidence", "leg_code = 'payment' and anchor_key is not null")
    (key,) = warehouse.one(
        "select _row_key from legs.int_evidence"
        " where leg_code = 'payment' and anchor_key is not null group by all having count(*) > 1"
    )
    (culprit,) = warehouse.culprits("assert_no_evidence_in_two_groups")
    assert culprit == f"payment generic payments {key} None 2"


@pytest.mark.parametrize(
    "damage",
    [
        "update matching.int_match_groups set open_amount = open_amount + 0.01 where {one}",
        "update matching.int_match_groups set matched_amount = matched_amount - 0.01 where {one}",
        "update matching.int_match_groups set expected_amount = expected_amount + 1,"
        " open_amount = open_amount + 1 where {one}",
        "delete from matching.int_match_groups where {one}",
    ],
)
def test_an_amount_that_a_leg_lost_is_found(warehouse, damage):
    match_id, leg, currency = warehouse.one(
        "select match_id, leg_code, currency_code from matching.int_match_groups"
        " where leg_code = 'payment' and expected_amount > 0 order by all limit 1"
    )
    warehouse.run(damage.format(one=f"match_id = '{match_id}'"))
    (culprit,) = warehouse.culprits("assert_legs_conserve_amounts")
    assert culprit.startswith(f"{leg} {currency} ")


def test_an_order_held_without_saying_why_is_found(warehouse):
    recon_key, leg = warehouse.one(
        "select recon_key, leg_code from exceptions.int_exceptions where leg_code = 'payment'"
        " and recon_key is not null order by all limit 1"
    )
    warehouse.run(
        "delete from exceptions.int_exceptions"
        f" where recon_key = '{recon_key}' and leg_code = '{leg}'"
    )
    (culprit,) = warehouse.culprits("assert_every_failed_group_has_an_exception")
    assert culprit.endswith(f"{leg} {recon_key}")


def test_one_difference_told_twice_is_found(warehouse):
    warehouse.double("exceptions.int_exceptions", "match_id is not null")
    (culprit,) = warehouse.culprits("assert_one_fact_has_one_exception")
    assert re.fullmatch(r"mt_\w+ 2", culprit)


@pytest.mark.parametrize(
    ("subject", "from_code", "to_code"),
    [("leg", "matched", "forgiven"), ("order", "reconciled", "draft"), ("order", "", "settled")],
)
def test_a_jump_to_a_state_that_cannot_follow_is_found(warehouse, subject, from_code, to_code):
    (recon_key,) = warehouse.one("select recon_key from orders.int_orders order by all limit 1")
    warehouse.store("states.int_state_changes")
    warehouse.run("delete from states.int_state_changes")
    warehouse.run(
        "insert into states.int_state_changes"
        " (subject_type, recon_key, leg_code, from_code, to_code)"
        f" values ('{subject}', '{recon_key}', 'payment', '{from_code}', '{to_code}')"
    )
    (culprit,) = warehouse.culprits("assert_no_illegal_transition")
    assert culprit == f"{subject} {recon_key} payment {from_code} {to_code}"


def test_every_grain_that_is_claimed_is_guarded(warehouse):
    """A repeated row breaks the test of each model that claims a grain."""
    grains = {
        name: warehouse.nodes[node["attached_node"].split(".")[-1]]
        for name, node in warehouse.nodes.items()
        if node.get("test_metadata", {}).get("name") == "unique_grain"
    }
    assert len(grains) > 10
    unguarded = []
    for guard, model in grains.items():
        table = f"{model['schema']}.{model['name']}"
        if not warehouse.run(f"from {table} limit 1"):
            continue
        warehouse.double(table)
        if not warehouse.culprits(guard):
            unguarded.append(guard)
    assert not unguarded


def test_dbt_fails_and_names_each_guard_when_the_data_is_broken(samples, opened, tmp_path):
    opened.run("checkpoint")
    copied = Settings(
        home=tmp_path / "home", landing=tmp_path / "landing", memory_limit_mb=1024, threads=2
    )
    shutil.copytree(samples.settings.home, copied.home)
    broken = DbtHome(copied)
    with writer(copied) as connection:
        for damage in (
            "update marts.fct_source_accounting set amount = amount + 0.01 where amount > 100",
            "delete from marts.fct_orders"
            " where order_id = (select min(order_id) from marts.fct_orders)",
            "insert into legs.int_evidence"
            " from legs.int_evidence where anchor_key is not null limit 1",
            "insert into exceptions.int_exceptions"
            " from exceptions.int_exceptions where match_id is not null limit 1",
            "delete from seeds.transitions where subject_type = 'order' and from_code is null",
            "insert into seeds.legs from seeds.legs limit 1",
            "update matching.int_match_groups set open_amount = 1 where status_code = 'matched'",
        ):
            connection.execute(damage)
        connection.execute(
            "delete from exceptions.int_exceptions where recon_key = (select min(recon_key)"
            " from matching.int_match_groups where status_code = 'exception')"
        )
    done = broken.dbt("test", "--select", "test_type:singular", "--vars", "{run_no: 1}")
    assert done.returncode == 1, done.stdout
    statuses = {name.split(".")[2]: result["status"] for name, result in broken.results().items()}
    guards = dict.fromkeys(singular_guards(opened), "fail")
    assert statuses == guards


def _first(warehouse: Warehouse, table: str) -> str:
    (order_id,) = warehouse.one(
        f"select order_id from {table} where has_known_total order by order_id limit 1"
    )
    return f"order_id = '{order_id}'"
