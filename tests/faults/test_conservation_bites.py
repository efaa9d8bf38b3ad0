"""The loader's accounting is a guard only if it bites: each test breaks the data behind it."""

import pytest
from landed_rows import order, orders, payment
from loader_harness import LoaderHarness

from orchestration.core.errors import ReconError
from orchestration.warehouse.loader_store import Store

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


SABOTAGES = {
    "a stored row is lost": ("_insert_rows", "delete from raw.generic__orders where _line = 2"),
    "a stored row is doubled": (
        "_insert_rows",
        "insert into raw.generic__orders from raw.generic__orders where _line = 2",
    ),
    "a cent is lost": (
        "_insert_rows",
        "update raw.generic__orders set total_amount = total_amount - 0.01 where _line = 2",
    ),
    "a row changes its currency": (
        "_insert_rows",
        "update raw.generic__orders set currency = 'USD' where _line = 2",
    ),
    "rejects are lost": ("_insert_rejects", "delete from raw.rejected_rows"),
    "duplicates are not booked": ("_insert_duplicates", "delete from raw.duplicate_rows"),
    "the books say less than was read": (
        "_insert_accounting",
        "update raw.accounting set amount = amount - 1 where currency_code = 'EUR'",
    ),
}


@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_a_file_that_does_not_add_up_is_rolled_back_and_ends_the_run(
    harness, monkeypatch, sabotage
):
    """The loader's own proof, before it commits: break each step behind its back."""
    harness.load_rows("payments.csv", [payment()])
    before = harness.rows("select * from raw.files")
    step, sql = SABOTAGES[sabotage]
    honest = getattr(Store, step)

    def broken(store, *args, **kwargs):
        done = honest(store, *args, **kwargs)
        store.connection.execute(sql)
        return done

    monkeypatch.setattr(Store, step, broken)
    harness.land("orders.csv", [*orders(3), order("SO-3"), order("SO-5", "1.005")])
    with pytest.raises(ReconError, match="add up"):
        harness.load()

    assert harness.rows("select * from raw.files") == before
    for table in ("generic__orders", "rejected_rows", "duplicate_rows"):
        assert harness.rows(f"select count(*) from raw.{table}") == [(0,)]

    monkeypatch.setattr(Store, step, honest)
    harness.load()
    assert harness.outcome("orders.csv").rows_loaded == 3
    harness.assert_sound()
