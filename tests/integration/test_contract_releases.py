"""R-F2: a released contract that was changed reads nothing until others signed the change."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from orchestration.core.errors import UsageRefused
from orchestration.releases import list_versions, refuse_unreleased, register
from orchestration.settings import PROJECT_ROOT, Settings, load_settings
from tests.integration.run_homes import copy_home, meshline

GENERIC = "sources/generic.yml"
ORDERS = (
    "order_id,order_type,customer_id,currency,ordered_at,total_amount\n"
    "SO-1,commerce,C-1,EUR,2026-02-01T10:00:00Z,10.00\n"
)
SHOP = """source: shop
version: 1
description: A shop made up for tests.
compatibility_window_days: 7
streams:
  sales:
    entity: orders
    key: [sale_id]
    columns:
      sale_id: {type: id, required: true}
"""


@pytest.fixture
def own(tmp_path) -> Settings:
    """Settings with a copy of the seeds that a test may change."""
    seeds = tmp_path / "seeds"
    shutil.copytree(PROJECT_ROOT / "seeds", seeds, ignore=shutil.ignore_patterns("samples"))
    return replace(load_settings(home=tmp_path / "home"), seeds=seeds)


def change(settings: Settings, before: str, after: str) -> None:
    path = settings.seeds / GENERIC
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def is_refused(settings: Settings) -> str:
    with pytest.raises(UsageRefused) as refused:
        refuse_unreleased(settings)
    return str(refused.value)


def test_a_changed_contract_is_refused_with_its_line_until_it_is_registered(own):
    refuse_unreleased(own)
    change(own, "sku: {type: id, required: true}", "sku: {type: id}")

    text = is_refused(own)

    assert "1 released contract was changed" in text
    assert "seeds/sources/generic.yml:" in text
    assert "meshline contracts release" in text
    assert register(own, "per-a", "per-b", datetime.now(UTC), "reviewed") == 1
    refuse_unreleased(own)


def test_comments_and_descriptions_are_no_change(own):
    path = own.seeds / GENERIC
    path.write_text("# For people.\n" + path.read_text(encoding="utf-8"), encoding="utf-8")

    refuse_unreleased(own)


def test_a_source_that_was_added_is_read_and_held_to_its_contract_once_it_is_registered(own):
    shop = own.seeds / "sources" / "shop.yml"
    shop.write_text(SHOP, encoding="utf-8")
    refuse_unreleased(own)
    (listed,) = [one for one in list_versions(own) if one.version.rule_id == "shop"]
    assert (listed.released_by, listed.version.line) == ("added", 2)

    register(own, "per-a", "per-b", datetime.now(UTC), "reviewed")
    shop.write_text(SHOP.replace("version: 1", "version: 2"), encoding="utf-8")

    assert "seeds/sources/shop.yml:2: shop version 2" in is_refused(own)


def test_rules_and_contracts_are_told_together(own):
    change(own, "sku: {type: id, required: true}", "sku: {type: id}")
    path = own.seeds / "rules" / "matching_rules.csv"
    path.write_text(path.read_text().replace("PAY-KEYED,1,", "PAY-KEYED,2,", 1))

    text = is_refused(own)

    assert "seeds/rules/matching_rules.csv:2: PAY-KEYED version 2" in text
    assert "seeds/sources/generic.yml:" in text


def test_a_contract_that_is_no_yaml_is_left_to_its_reader(own):
    (own.seeds / "sources" / "shop.yml").write_text("streams: [\n", encoding="utf-8")

    refuse_unreleased(own)


def test_a_release_shows_what_is_read_differently_and_holds_once_two_signed(
    first_run, own, tmp_path
):
    home = copy_home(first_run[0], tmp_path)
    landing = tmp_path / "landing" / "generic"
    landing.mkdir(parents=True)
    (landing / "orders.csv").write_text(ORDERS)
    change(own, "tax_class: {type: string}", "tax_class: {type: id}")
    change(own, "\nversion: 1\n", "\nversion: 2\n")
    proposed = own.seeds / GENERIC
    settings = replace(own, home=home)

    asked = meshline(
        *("contracts", "release", proposed, "--landing", landing.parent, "--home", home),
        *("--as", "per-kei", "--code", "RULE_CHANGED"),
        *("--reason", "Tax classes are ids from now on.", "--json"),
    )

    assert asked.exit_code == 0, asked.stderr
    assert sorted(asked.document["wanting"]) == ["control", "finance"]
    assert "generic version 2" in is_refused(settings)
    for actor in ("per-rhea", "per-bram"):
        signed = meshline(
            *("approve", asked.document["approval_id"], "--as", actor, "--home", home, "--json"),
            *("--reason", "Looked at what is read differently."),
        )
        assert signed.exit_code == 0, signed.stderr
    refuse_unreleased(settings)
    change(own, "sku: {type: id, required: true}", "sku: {type: id}")
    is_refused(settings)


def test_what_is_released_needs_no_release(first_run, tmp_path):
    (tmp_path / "landing").mkdir()

    said = meshline(
        *("contracts", "release", PROJECT_ROOT / "seeds" / GENERIC, "--home", tmp_path / "home"),
        *("--landing", tmp_path / "landing", "--as", "per-kei", "--code", "RULE_CHANGED"),
        *("--reason", "Nothing was changed at all."),
    )

    assert said.exit_code == 2
    assert "released already, as it stands" in said.stderr
