"""Faults A5 to A8: deliveries that come late, not at all, or with nothing inside."""

import itertools
from datetime import date
from decimal import Decimal

import pytest
from landed_rows import ORDER_HEADER, csv_text, declared, order, orders, payment
from loader_harness import assert_refused

# A5


def test_a5_a_stream_that_needs_a_manifest_does_not_load_without_one(harness):
    harness.change_stream("orders", completeness={"rule": "manifest"})
    harness.land("payments.csv", [payment()])

    outcome = harness.load_rows("orders_2026-02-01.csv", orders(3))

    assert outcome.status in ("refused", "received")
    assert outcome.fault_id == "A5"
    assert len(outcome.reason.split()) >= 4
    assert harness.stored() == []
    assert harness.outcome("payments.csv").status == "loaded"
    harness.assert_sound()


# A6


DAY_FILES = {
    "orders_2026-02-01.csv": [order("SO-1", "10.00"), order("SO-2", "10.00")],
    "orders_2026-02-02.csv": [order("SO-1", "20.00"), order("SO-3", "10.00")],
    "orders_2026-02-03.csv": [order("SO-1", "30.00"), order("SO-3", "5.00")],
}


@pytest.mark.parametrize("arrival", itertools.permutations(DAY_FILES))
def test_a6_late_files_end_in_the_same_state_in_any_order_of_arrival(harness, arrival):
    for name in arrival:
        harness.load_rows(name, DAY_FILES[name])

    assert harness.latest("order_id, total_amount") == [
        ("SO-1", Decimal(30)),
        ("SO-2", Decimal(10)),
        ("SO-3", Decimal(5)),
    ]
    harness.assert_sound()


@pytest.mark.parametrize("arrival", itertools.permutations((1, 2, 3)))
def test_a6_a_value_that_goes_away_and_comes_back_survives_a_late_file(harness, arrival):
    """Day 1 says 10, day 2 says 20, day 3 says 10 again. When day 2 comes last, day 3 was
    skipped as a repetition of day 1, and 20 must not win: the spec's rule for repetitions
    (equal to the latest stored version) needs the business date beside the content."""
    amounts = {1: "10.00", 2: "20.00", 3: "10.00"}
    for day in arrival:
        harness.load_rows(
            f"orders_2026-02-0{day}.csv",
            [order("SO-1", amounts[day]), order(f"SO-OF-DAY-{day}")],
        )

    assert harness.latest("order_id, total_amount")[0] == ("SO-1", Decimal(10))
    harness.assert_sound()


@pytest.mark.parametrize("arrival", itertools.permutations((1, 2, 3)))
def test_a6_updated_at_decides_before_the_date_of_the_file(harness, arrival):
    moments = {1: "2026-02-05", 2: "2026-02-04", 3: "2026-02-03"}
    for day in arrival:
        row = order("SO-1", f"{day}.00", updated_at=f"{moments[day]}T10:00:00Z")
        harness.load_rows(f"orders_2026-02-0{day}.csv", [row])

    assert harness.latest("total_amount") == [(Decimal(1),)]


def test_a6_files_of_one_landing_load_in_order_of_their_business_date(harness):
    for name in reversed(DAY_FILES):
        harness.land(name, DAY_FILES[name])

    harness.load()

    in_order = harness.rows("select business_on from raw.files order by load_seq")
    assert in_order == [(date(2026, 2, day),) for day in (1, 2, 3)]


# A7


def test_a7_a_missing_day_shows_and_takes_its_place_when_it_comes(harness):
    """The loader does not hold other days back; the gap can be read from `business_on`."""
    for day in ("2026-02-01", "2026-02-02", "2026-02-04"):
        harness.land(f"orders_{day}.csv", [order(f"SO-{day}"), order("SO-1", f"{day[-1]}.00")])
    harness.load()
    gap = harness.rows(
        """
        with days as (
            select business_on, lead(business_on) over (order by business_on) as next_on
            from raw.files where status = 'loaded'
        )
        select business_on + 1 from days where next_on > business_on + 1
        """
    )
    assert [str(row[0])[:10] for row in gap] == ["2026-02-03"]

    outcome = harness.load_rows(
        "orders_20260203.csv", [order("SO-2026-02-03"), order("SO-1", "3.00")]
    )

    assert outcome.rows_loaded == 2
    latest = dict(harness.latest("order_id, total_amount"))
    assert latest["SO-1"] == Decimal(4)
    assert len(latest) == 5
    harness.assert_sound()


def test_a7_a_numbered_file_waits_for_the_one_before_it(harness):
    harness.change_stream("orders", delivery={"sequence": r"orders_(\d+)"})
    for number in (1, 2, 4):
        harness.land(f"orders_{number}.csv", [order(f"SO-{number}")])
    harness.land("payments.csv", [payment()])
    harness.load()
    held = harness.outcome("orders_4.csv")
    assert (held.status, held.fault_id) == ("received", "A7")
    assert len(held.reason.split()) >= 4
    assert harness.stored() == [("SO-1",), ("SO-2",)]
    assert harness.outcome("payments.csv").status == "loaded"
    harness.assert_sound()

    harness.land("orders_3.csv", [order("SO-3")])
    harness.load()

    assert harness.stored() == [("SO-1",), ("SO-2",), ("SO-3",), ("SO-4",)]
    harness.assert_sound()


def test_a7_a_declared_day_without_a_file_loads_nothing_and_stops_nothing(harness):
    harness.change_stream("orders", completeness={"rule": "declared"})
    harness.land(
        "completeness.csv", declared([("2026-02-01", 1, "10.00"), ("2026-02-02", 7, "70.00")])
    )
    harness.land("orders_2026-02-01.csv", orders(1))

    harness.load()

    assert harness.outcome("orders_2026-02-01.csv").status == "loaded"
    held = harness.rows(
        "select cast(business_on as varchar), row_count "
        "from raw.generic__completeness order by business_on"
    )
    assert held == [("2026-02-01", 1), ("2026-02-02", 7)]


# A8


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"\r\n",
        b"\xef\xbb\xbf",
        csv_text([], ORDER_HEADER).encode(),
        csv_text([], ORDER_HEADER).encode() + b"\n\n",
        b"\x00" * 100,
    ],
    ids=["nothing", "newline", "crlf", "mark", "header", "header and empty lines", "zeros"],
)
def test_a8_a_file_without_rows_is_refused(harness, content):
    harness.load_rows("orders.csv", content)

    expected = ("A8", "A4", "A10", "A16") if b"\x00" in content else ("A8",)
    assert_refused(harness, "orders.csv", *expected)


def test_a8_a_file_without_rows_is_accepted_when_zero_is_declared(harness):
    harness.change_stream("orders", completeness={"rule": "declared"})
    harness.land("completeness.csv", declared([("2026-02-01", 0, "0.00")]))
    harness.land("orders_2026-02-01.csv", csv_text([], ORDER_HEADER))

    harness.load()

    outcome = harness.outcome("orders_2026-02-01.csv")
    assert (outcome.status, outcome.rows_read) == ("loaded", 0)
