"""Faults A5 to A8: deliveries that come late, not at all, or with nothing inside."""

import itertools
from datetime import date
from decimal import Decimal

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

    harness.land_manifest("orders_2026-02-01.csv", rows=3)
    harness.load()
    assert harness.outcome("orders_2026-02-01.csv").rows_loaded == 3
    harness.assert_sound()


# A6


ARRIVALS = tuple(itertools.permutations((1, 2, 3)))


def deliver_in_each_order(harness, rows_of_day):
    """Load three days in each order of arrival; each order has keys of its own in one home."""
    for step in range(3):
        for place, arrival in enumerate(ARRIVALS):
            day = arrival[step]
            rows = [{**row, "order_id": f"{place}-{row['order_id']}"} for row in rows_of_day(day)]
            harness.land(f"orders_2026-02-0{day}_{place}.csv", rows)
        harness.load()
    harness.assert_sound()


def ends(harness, *columns):
    """Return the latest versions by order of arrival."""
    found = {arrival: [] for arrival in ARRIVALS}
    for order_id, *values in harness.latest(", ".join(("order_id", *columns))):
        place, _, key = order_id.partition("-")
        found[ARRIVALS[int(place)]].append((key, *values))
    return found


def test_a6_late_files_end_in_the_same_state_in_any_order_of_arrival(harness):
    days = {
        1: [order("SO-1", "10.00"), order("SO-2", "10.00")],
        2: [order("SO-1", "20.00"), order("SO-3", "10.00")],
        3: [order("SO-1", "30.00"), order("SO-3", "5.00")],
    }
    deliver_in_each_order(harness, days.get)

    end = [("SO-1", Decimal(30)), ("SO-2", Decimal(10)), ("SO-3", Decimal(5))]
    assert ends(harness, "total_amount") == dict.fromkeys(ARRIVALS, end)


def test_a6_updated_at_decides_before_the_date_of_the_file(harness):
    moments = {1: "2026-02-05", 2: "2026-02-04", 3: "2026-02-03"}
    deliver_in_each_order(
        harness,
        lambda day: [order("SO-1", f"{day}.00", updated_at=f"{moments[day]}T10:00:00Z")],
    )

    assert ends(harness, "total_amount") == {
        arrival: [("SO-1", Decimal(1))] for arrival in ARRIVALS
    }


def test_a6_files_of_one_landing_load_in_order_of_their_business_date(harness):
    for day in (3, 2, 1):
        harness.land(f"orders_2026-02-0{day}.csv", [order(f"SO-{day}")])

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


def test_a8_a_file_without_rows_is_refused(harness):
    header = csv_text([], ORDER_HEADER).encode()
    contents = [b"", b"\n", b"\r\n", b"\xef\xbb\xbf", header, header + b"\n\n", header.strip()]
    for number, content in enumerate(contents):
        harness.land(f"orders_{number}.csv", content)
    harness.land("payments.csv", b"\x00" * 100)

    harness.load()

    for number in range(len(contents)):
        assert_refused(harness, f"orders_{number}.csv", "A8")
    assert_refused(harness, "payments.csv", "A4", "A8", "A10", "A16")


def test_a8_a_file_without_rows_is_accepted_when_a_manifest_says_so(harness):
    harness.land("orders.csv", csv_text([], ORDER_HEADER))
    harness.land_manifest("orders.csv", rows=0)

    harness.load()

    outcome = harness.outcome("orders.csv")
    assert (outcome.status, outcome.rows_read) == ("loaded", 0)
