"""R-F2: a changed contract shows what it would refuse or read differently before it holds."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.connectors.contracts import load_contracts
from orchestration.contract_shadow import shadow_contract
from orchestration.core.errors import UsageRefused
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.warehouse.connection import reader
from orchestration.warehouse.loader import load_landing

CONTRACT = """source: shop
version: 1
description: A shop made up for tests.
compatibility_window_days: 7
extra_columns: {extra}
streams:
  sales:
    entity: orders
    key: [sale_id]
    columns:
      sale_id: {{type: id, required: true}}
      note: {{type: {note}}}
{more}"""
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _settings(root: Path, contract: str) -> Settings:
    seeds = root / "seeds"
    (seeds / "sources").mkdir(parents=True, exist_ok=True)
    (seeds / "mappings").mkdir(exist_ok=True)
    shutil.copy(PROJECT_ROOT / "seeds" / "mappings" / "currencies.csv", seeds / "mappings")
    (seeds / "sources" / "shop.yml").write_text(contract)
    landing = root / "landing" / "shop"
    landing.mkdir(parents=True, exist_ok=True)
    (landing / "sales_1.csv").write_text("sale_id,note\nS-1,7.50\nS-2,\n")
    return Settings(home=root / "home", landing=root / "landing", seeds=seeds)


def _contract(note: str = "string", more: str = "", extra: str = "window") -> str:
    return CONTRACT.format(note=note, more=more, extra=extra)


def _shadow(root: Path, proposal: str):
    settings = _settings(root, _contract())
    path = root / "shop.yml"
    path.write_text(proposal)
    (root / "scratch").mkdir()
    return shadow_contract(settings, path, root / "scratch", NOW)


def test_a_retyped_column_shows_the_cells_that_are_read_differently(tmp_path):
    found = _shadow(tmp_path, _contract(note="quantity"))
    assert found.files == ()
    (column,) = found.columns
    assert (column.column, column.kind, column.row_count) == ("note", "other values", 1)
    assert column.example.startswith("7.50 -> 7.5")


def test_a_column_that_becomes_required_shows_the_file_that_would_be_refused(tmp_path):
    found = _shadow(tmp_path, _contract(more="      region: {type: string, required: true}\n"))
    (file,) = found.files
    assert (file.before_status, file.after_status) == ("loaded", "refused")
    assert "'region' missing" in file.reason


def test_a_contract_of_no_source_is_refused(tmp_path):
    settings = _settings(tmp_path, _contract())
    other = tmp_path / "parrots.yml"
    other.write_text(_contract())
    with pytest.raises(UsageRefused):
        shadow_contract(settings, other, tmp_path / "scratch", NOW)


def test_a_new_column_is_on_record_until_its_contract_names_it(tmp_path):
    def load(contract: str) -> list[tuple[str, str]]:
        settings = _settings(tmp_path, contract)
        contracts = load_contracts(settings.seeds)
        load_landing(settings, contracts, settings.landing, NOW, 1)
        with reader(settings.warehouse) as connection:
            return connection.execute(
                "select column_name, change from raw.schema_changes order by change"
            ).fetchall()

    landing = tmp_path / "landing" / "shop"
    landing.mkdir(parents=True)
    (landing / "sales_2.csv").write_text("sale_id,note,coupon\nS-3,,TEN\n")
    assert load(_contract()) == [("coupon", "added")]
    named = _contract(more="      coupon: {type: string}\n")
    assert load(named) == [("coupon", "added"), ("coupon", "adopted")]
    assert load(named) == [("coupon", "added"), ("coupon", "adopted")]
