"""Which stream a file name belongs to, and what a contract says by itself."""

from datetime import date

import pytest

from orchestration.connectors.contracts import load_contracts
from orchestration.core.contracts import ColumnContract, ColumnType
from orchestration.settings import PROJECT_ROOT

CONTRACTS = load_contracts(PROJECT_ROOT / "seeds")


@pytest.mark.parametrize(
    ("name", "stream"),
    [
        ("orders.csv", "orders"),
        ("orders_2026-01-01.csv.gz", "orders"),
        ("order_lines.csv", "order_lines"),
        ("settlement_lines_x.parquet", "settlement_lines"),
        ("shipments.jsonl.gz", "shipments"),
        ("invoice_lines_7.tsv", "invoice_lines"),
        ("ORDERS.csv", None),
        ("orders.csv.zip", None),
        ("orders.xlsx", None),
        ("my_orders.csv", None),
    ],
)
def test_the_longest_stream_name_wins(name, stream):
    found = CONTRACTS["generic"].stream_of(name)

    assert (found.name if found else None) == stream


@pytest.mark.parametrize(
    ("name", "stream"),
    [
        ("olist_orders_dataset.csv", "orders"),
        ("olist_order_items_dataset.csv", "order_items"),
        ("product_category_name_translation.csv", "product_category_name_translation"),
        ("olist_geolocation_dataset.csv", None),
    ],
)
def test_patterns_of_a_contract_are_its_own(name, stream):
    found = CONTRACTS["olist"].stream_of(name)

    assert (found.name if found else None) == stream


def test_a_column_is_promised_between_since_and_until():
    column = ColumnContract(
        type=ColumnType.ID, required=True, since=date(2026, 1, 1), until=date(2026, 2, 1)
    )

    promised = [date(2026, 1, 1), date(2026, 1, 31)]
    assert all(column.is_required_on(day) for day in promised)
    assert not any(column.is_required_on(day) for day in (date(2025, 12, 31), date(2026, 2, 1)))


def test_the_digest_of_a_contract_follows_its_content():
    orders = CONTRACTS["generic"].streams["orders"]
    changed = orders.model_copy(update={"extra_columns": "window"})

    assert orders.content_hash() == orders.model_copy().content_hash()
    assert orders.content_hash() != changed.content_hash()
