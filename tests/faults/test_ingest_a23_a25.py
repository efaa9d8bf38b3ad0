"""Faults A23 to A25: repeated keys, deletes and clocks."""

from decimal import Decimal

import pytest
from landed_rows import HEADER, csv_text, order, orders, payment
from loader_harness import LoaderHarness

# A23


def test_a23_one_key_with_two_contents_in_a_file_is_rejected_both_times(harness):
    outcome = harness.load_rows(
        "orders.csv",
        [*orders(3), order("SO-9", "1.00"), order("SO-9", "2.00"), order("SO-9", "1.00")],
    )

    assert (outcome.rows_loaded, outcome.rows_rejected) == (3, 3)
    assert outcome.row_faults == ("A23", "A23", "A23")
    held = harness.rows("select sum(amount) from raw.rejected_rows where currency_code = 'EUR'")
    assert held == [(Decimal(4),)]
    harness.assert_sound()


def test_a23_one_key_with_one_content_is_stored_once(harness):
    outcome = harness.load_rows("orders.csv", [*orders(3), order("SO-1"), order("SO-1")])

    assert (outcome.rows_loaded, outcome.rows_duplicate, outcome.rows_rejected) == (3, 2, 0)
    doubled = harness.rows("select currency_code, row_count, amount from raw.duplicate_rows")
    assert doubled == [("EUR", 2, Decimal(20))]
    harness.assert_sound()


def test_a23_a_missing_key_is_rejected_and_collides_with_nothing(harness):
    outcome = harness.load_rows("orders.csv", [*orders(3), order("", "1.00"), order("", "2.00")])

    assert (outcome.rows_loaded, outcome.rows_rejected) == (3, 2)
    harness.assert_sound()


def test_a23_a_bad_twin_does_not_hide_the_good_one(harness):
    """One of the two rows of a key cannot be read: whether the other is stored or held back with
    it is open, but both are accounted for and the unreadable one is never stored."""
    outcome = harness.load_rows("orders.csv", [*orders(3), order("SO-9"), order("SO-9", "1e2")])

    assert outcome.rows_rejected in (1, 2)
    assert outcome.rows_loaded + outcome.rows_rejected == 5
    harness.assert_sound()


# A24


def snapshots(harness: LoaderHarness) -> None:
    harness.change_stream("orders", delivery={"mode": "full_snapshot"})
    harness.load_rows("orders_2026-02-01.csv", orders(3))


def tombstones(harness: LoaderHarness) -> list[tuple]:
    return harness.rows("select order_id from raw.generic__orders where _line is null order by all")


def test_a24_a_row_missing_from_a_snapshot_is_marked_deleted(harness):
    snapshots(harness)

    harness.load_rows("orders_2026-02-02.csv", orders(2))

    assert harness.latest("order_id") == [("SO-1",), ("SO-2",)]
    assert harness.rows(
        "select order_id, _is_deleted, _row_version from raw.generic__orders where _line is null"
    ) == [("SO-3", True, 2)]
    harness.assert_sound()


def test_a24_a_second_snapshot_without_it_marks_it_once(harness):
    snapshots(harness)
    harness.load_rows("orders_2026-02-02.csv", orders(2))

    harness.load_rows("orders_2026-02-03.csv", [*orders(2), order("SO-7")])

    assert tombstones(harness) == [("SO-3",)]
    harness.assert_sound()


def test_a24_a_row_that_comes_back_lives_again(harness):
    snapshots(harness)
    harness.load_rows("orders_2026-02-02.csv", orders(2))

    harness.load_rows("orders_2026-02-03.csv", [*orders(3), order("SO-4")])

    assert harness.latest("order_id") == [("SO-1",), ("SO-2",), ("SO-3",), ("SO-4",)]
    harness.assert_sound()


@pytest.mark.parametrize(
    "content",
    [HEADER, "", csv_text(orders(2))[:-5], HEADER.replace("currency", "coin") + "x\n"],
    ids=["header", "empty", "cut", "drift"],
)
def test_a24_a_refused_snapshot_deletes_nothing(harness, content):
    snapshots(harness)

    outcome = harness.load_rows("orders_2026-02-02.csv", content)

    assert outcome.status == "refused"
    assert tombstones(harness) == []


def test_a24_a_rejected_row_of_a_snapshot_is_not_a_missing_one(harness):
    """The source still has SO-3; that we cannot read it is no reason to call it deleted."""
    snapshots(harness)

    outcome = harness.load_rows("orders_2026-02-02.csv", [*orders(2), order("SO-3", "1e2")])

    assert outcome.rows_rejected == 1
    assert tombstones(harness) == []
    assert len(harness.latest("order_id")) == 3


def test_a24_a_late_snapshot_does_not_delete_what_came_after_it(harness):
    harness.change_stream("orders", delivery={"mode": "full_snapshot"})
    harness.load_rows("orders_2026-02-03.csv", orders(4))

    harness.load_rows("orders_2026-02-02.csv", orders(2))

    assert len(harness.latest("order_id")) == 4
    harness.assert_sound()


def test_a24_a_delta_says_nothing_about_rows_that_it_leaves_out(harness):
    harness.load_rows("orders_2026-02-01.csv", orders(3))

    harness.load_rows("orders_2026-02-02.csv", [order("SO-1", "11.00")])

    assert tombstones(harness) == []
    assert len(harness.latest("order_id")) == 3


def test_a24_a_delete_told_by_the_source_is_a_version(harness):
    harness.load_rows("orders.csv", orders(2))

    harness.load_rows("orders_2.csv", [order("SO-2", is_deleted="true")])

    assert harness.latest("order_id") == [("SO-1",)]
    assert harness.stored("order_id, _is_deleted, _row_version")[2] == ("SO-2", True, 2)
    harness.assert_sound()


# A25


def test_a25_a_change_that_did_not_move_its_timestamp_is_a_new_version(harness):
    moment = "2026-02-01T10:00:00Z"
    harness.change_stream("orders", delivery={"mode": "overlap"})
    harness.load_rows("orders_1.csv", [order("SO-1", status="confirmed", updated_at=moment)])

    outcome = harness.load_rows("orders_2.csv", [order("SO-1", status="closed", updated_at=moment)])

    assert outcome.rows_loaded == 1
    assert harness.latest("order_id, status") == [("SO-1", "closed")]
    harness.assert_sound()


def test_a25_an_overlapping_delivery_stores_nothing_twice(harness):
    harness.change_stream("orders", delivery={"mode": "overlap"})
    harness.load_rows("orders_1.csv", orders(5))

    outcome = harness.load_rows("orders_2.csv", orders(5, first=3))

    assert (outcome.rows_loaded, outcome.rows_duplicate) == (2, 3)
    assert len(harness.stored()) == 7
    assert tombstones(harness) == []
    harness.assert_sound()


def test_a25_equal_timestamps_at_the_watermark_lose_no_row(harness):
    moment = "2026-02-01T10:00:00Z"
    harness.change_stream("orders", delivery={"mode": "overlap"})
    rows = [order(f"SO-{n}", updated_at=moment) for n in range(1, 7)]
    harness.load_rows("orders_1.csv", rows[:3])

    harness.load_rows("orders_2.csv", rows[2:])

    assert len(harness.stored()) == 6


def test_a25_a_clock_set_back_loses_no_version(harness):
    harness.load_rows("orders_1.csv", [order("SO-1", "10.00", updated_at="2026-02-02T10:00:00Z")])

    outcome = harness.load_rows(
        "orders_2.csv", [order("SO-1", "20.00", updated_at="2026-02-01T10:00:00Z")]
    )

    assert outcome.rows_loaded == 1
    assert harness.stored("total_amount, _row_version") == [(Decimal(10), 1), (Decimal(20), 2)]
    harness.assert_sound()


def test_a25_recorded_shop_history_ends_in_the_last_state(harness):
    """As seen in a shop system: the order's `updated_at` stood still through its last steps."""
    steps = [
        ("Added", "2026-02-01T20:06:30.1Z"),
        ("ArrangingPayment", "2026-02-01T20:06:37.7Z"),
        ("PaymentSettled", "2026-02-01T20:06:37.7Z"),
        ("PartiallyShipped", "2026-02-01T20:06:37.7Z"),
    ]
    for number, (state, moment) in enumerate(steps):
        harness.load_rows(
            f"orders_{number}.csv",
            [order("SO-1", channel=state, updated_at=moment), order(f"SO-{number + 2}")],
        )

    assert harness.latest("order_id, channel")[0] == ("SO-1", "PartiallyShipped")
    assert harness.rows("select max(_row_version) from raw.generic__orders") == [(4,)]


def test_a25_a_payment_without_updated_at_is_versioned_by_content(harness):
    harness.load_rows("payments_1.csv", [payment("P-1", status="pending")])

    harness.load_rows("payments_2.csv", [payment("P-1", status="succeeded")])

    latest = harness.latest("payment_id, status", stream="payments", key="payment_id")
    assert latest == [("P-1", "succeeded")]
