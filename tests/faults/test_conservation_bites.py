"""The loader's accounting is a guard only if it bites: each test breaks the data behind it."""

import pytest
from landed_rows import order, orders
from loader_harness import LoaderHarness

ONE = "where order_id = 'SO-2'"
TAMPERINGS = {
    "a stored row vanishes": f"delete from raw.generic__orders {ONE}",
    "a stored row appears twice": f"insert into raw.generic__orders from raw.generic__orders {ONE}",
    "a cent is added": f"update raw.generic__orders set total_amount = total_amount + 0.01 {ONE}",
    "an amount changes its currency": f"update raw.generic__orders set currency = 'USD' {ONE}",
    "a row moves to another file": f"update raw.generic__orders set _load_seq = 2 {ONE}",
    "a reject vanishes": "delete from raw.rejected_rows",
    "a reject's amount changes": "update raw.rejected_rows set amount = coalesce(amount, 0) + 1",
    "duplicates are forgotten": "delete from raw.duplicate_rows",
    "what was read is forgotten": "delete from raw.accounting",
    "what was read is changed": "update raw.accounting set amount = amount - 0.0001",
}


@pytest.fixture
def loaded(harness: LoaderHarness) -> LoaderHarness:
    """A home with stored, doubled and rejected rows in two currencies."""
    harness.land(
        "orders_1.csv",
        [*orders(3), order("SO-3"), order("SO-4", "7.00", currency="USD"), order("SO-5", "1.005")],
    )
    harness.land("orders_2.csv", [order("SO-1"), order("SO-6", "3.00")])
    harness.load()
    harness.assert_sound()
    return harness


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_tampering_behind_the_loader_is_detected(loaded, tampering):
    loaded.execute(TAMPERINGS[tampering])

    assert loaded.conservation_breaches(), f"nobody noticed that {tampering}"


def test_an_exchange_of_cents_between_two_rows_of_a_file_is_beyond_sums(loaded):
    """Sums cannot tell this; the hash of a row can. Kept so that nobody believes otherwise."""
    loaded.execute(
        "update raw.generic__orders set total_amount = total_amount "
        "+ case order_id when 'SO-2' then 1 else -1 end where order_id in ('SO-2', 'SO-3')"
    )

    assert loaded.conservation_breaches() == []


def without_constraints(harness: LoaderHarness, table: str) -> None:
    """Put a plain copy in the place of a table, so that a test can write what its checks forbid."""
    harness.execute(
        f"create table raw.plain_copy as select * from raw.{table}; drop table raw.{table}; "
        f"alter table raw.plain_copy rename to {table}"
    )


@pytest.mark.parametrize("column", ["rows_read", "rows_loaded", "rows_duplicate", "rows_rejected"])
def test_a_wrong_count_of_a_file_is_detected(loaded, column):
    without_constraints(loaded, "files")

    loaded.execute(f"update raw.files set {column} = {column} + 1")

    assert loaded.count_breaches()


def test_a_reject_without_a_reason_is_detected(loaded):
    without_constraints(loaded, "rejected_rows")

    loaded.execute("update raw.rejected_rows set reason = 'bad'")

    assert loaded.unexplained()
