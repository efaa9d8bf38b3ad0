# ruff: noqa: DTZ001 - raw timestamps are naive UTC
# ruff: noqa: RUF001 - look-alike characters are what is tested here
"""Faults A21 and A22: times and keys."""

from datetime import datetime
from decimal import Decimal

from landed_rows import csv_text, order, orders
from loader_harness import LoaderHarness, assert_only_row_rejected

# A21


BAD_TIMES = (
    "2026-02-01T10:00:00",
    "2026-02-01",
    "2026-02-01 10:00",
    "2025-02-29T10:00:00Z",
    "2026-13-01T10:00:00Z",
    "2026-02-30T10:00:00Z",
    "2026-02-01T25:00:00Z",
    "2026-02-01T10:61:00Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "1770000000",
    "1770000000000",
    "01/02/2026",
    "1 Feb 2026",
    "2026-02-01T10:00:00+99:00",
    "2026-02-01T10:00:00 Europe/Berlin",
    "now",
    "today",
    "infinity",
    "-infinity",
    "epoch",
    "yesterday",
    "292277-01-01T00:00:00Z",
    "2026-02-01T10:00:00ZZ",
    "20260201T100000Z\x20",
    "-2026-02-01T10:00:00Z",
    "46054.5",
)


def test_a21_times_without_zone_or_sense_are_rejected(harness):
    bad = [order(f"SO-BAD-{n}", ordered_at=text) for n, text in enumerate(BAD_TIMES)]
    good = orders(len(bad) + 2)

    outcome = harness.load_rows("orders.csv", csv_text([*good, *bad]))

    assert [row[0] for row in harness.stored()] == [row["order_id"] for row in good]
    assert (outcome.status, outcome.rows_rejected) == ("loaded", len(bad))
    rejects = harness.rows(
        "select fault_id, column_name, value_text from raw.rejected_rows order by line"
    )
    assert rejects == [("A21", "ordered_at", text) for text in BAD_TIMES]
    harness.assert_sound()


GOOD_TIMES = {
    "2026-02-01T10:00:00Z": datetime(2026, 2, 1, 10),
    "2026-02-01T10:00Z": datetime(2026, 2, 1, 10),
    "2026-02-01T10:00:00+02:00": datetime(2026, 2, 1, 8),
    "2026-02-01 10:00:00+02:00": datetime(2026, 2, 1, 8),
    "2026-02-01T00:30:00+05:30": datetime(2026, 1, 31, 19),
    "2026-02-01T10:00:00.123456-03:00": datetime(2026, 2, 1, 13, 0, 0, 123456),
    "2024-02-29T23:59:59Z": datetime(2024, 2, 29, 23, 59, 59),
    "2026-03-29T02:30:00+01:00": datetime(2026, 3, 29, 1, 30),
}


def test_a21_times_with_an_offset_are_stored_in_utc(harness):
    rows = [order(f"SO-{n}", ordered_at=text) for n, text in enumerate(GOOD_TIMES)]

    outcome = harness.load_rows("orders.csv", rows)

    assert outcome.rows_loaded == len(rows), outcome
    assert harness.stored("ordered_at") == [(moment,) for moment in GOOD_TIMES.values()]


def test_a21_a_time_far_behind_the_run_is_not_plausible(harness):
    """An order of next year is a typing error or a wrong clock; a contract's end may be."""
    assert_only_row_rejected(harness, order("SO-9", ordered_at="2126-02-01T10:00:00Z"), "A21")


def test_a21_an_end_date_years_ahead_is_plausible(harness):
    harness.load_rows("orders.csv", [order("SO-1", ends_on="2036-02-29")])

    assert [str(value) for (value,) in harness.stored("ends_on")] == ["2036-02-29"]


def with_zone(harness: LoaderHarness, zone: str) -> None:
    """Let times of orders without offset be local times of a zone."""
    stream = harness.stream("orders")
    column = stream.columns["ordered_at"].model_copy(update={"timezone": zone})
    generic = harness.contracts["generic"]
    changed = stream.model_copy(update={"columns": {**stream.columns, "ordered_at": column}})
    streams = {**generic.streams, "orders": changed}
    harness.contracts = {"generic": generic.model_copy(update={"streams": streams})}


def test_a21_a_local_time_is_read_in_the_zone_of_the_contract(harness):
    with_zone(harness, "Europe/Berlin")

    harness.load_rows(
        "orders.csv",
        [
            order("SO-1", ordered_at="2026-01-15T10:00:00"),
            order("SO-2", ordered_at="2025-07-15T10:00:00"),
            order("SO-3", ordered_at="2025-07-15T10:00:00Z"),
        ],
    )

    assert harness.stored("ordered_at") == [
        (datetime(2026, 1, 15, 9),),
        (datetime(2025, 7, 15, 8),),
        (datetime(2025, 7, 15, 10),),
    ]


def test_a21_a_local_time_that_the_clock_change_skips_is_not_moved_silently(harness):
    """02:30 of that night never was. It is rejected, or kept at the instant that both readings
    of the zone's rules allow (00:30 or 01:30 UTC), never at another."""
    with_zone(harness, "Europe/Berlin")

    outcome = harness.load_rows(
        "orders.csv", [*orders(4), order("SO-9", ordered_at="2025-03-30T02:30:00")]
    )

    if outcome.rows_rejected:
        assert outcome.row_faults == ("A21",)
    else:
        stored = dict(harness.stored("order_id, ordered_at"))["SO-9"]
        assert stored in (datetime(2025, 3, 30, 0, 30), datetime(2025, 3, 30, 1, 30))
    harness.assert_sound()


# A22


def test_a22_keys_that_look_alike_stay_apart_and_verbatim(harness):
    keys = [
        "SO-1",
        "so-1",
        "SO‐1",
        "ЅО-1",
        "SO-1\u200b",
        "00123",
        "123",
        "1.0",
        "1",
        "1e3",
        "1000",
        "É",
        "E\u0301",
        "ＳＯ-1",
        "TRUE",
        "true",
    ]
    outcome = harness.load_rows("orders.csv", [order(key) for key in keys])

    stored = {row[0] for row in harness.stored()}
    rejected = outcome.rows_rejected

    assert len(stored) + rejected == len(keys)
    assert stored <= set(keys)
    assert {"SO-1", "so-1", "00123", "123", "1.0", "1", "1e3", "1000"} <= stored
    hashes = harness.rows("select count(distinct _key_hash) from raw.generic__orders")
    assert hashes == [(len(stored),)]
    harness.assert_sound()


def test_a22_a_key_with_a_space_behind_it_never_replaces_the_one_without(harness):
    outcome = harness.load_rows(
        "orders.csv", [*orders(4), order("SO-1 ", "99.00"), order(" SO-2", "99.00")]
    )

    amounts = harness.stored("order_id, total_amount")
    assert ("SO-1", Decimal(99)) not in amounts
    assert ("SO-2", Decimal(99)) not in amounts
    assert outcome.rows_read == 6
    assert ("SO-1", Decimal(10)) in amounts or outcome.rows_rejected >= 2
    harness.assert_sound()


def test_a22_composite_keys_do_not_run_into_each_other(harness):
    line = {"sku": "A", "quantity": "1", "unit_price": "1"}
    outcome = harness.load_rows(
        "order_lines.csv",
        [
            {**line, "order_id": "SO-1", "line_no": "11"},
            {**line, "order_id": "SO-11", "line_no": "1"},
            {**line, "order_id": "SO-1|1", "line_no": "1"},
            {**line, "order_id": "SO-1,1", "line_no": "1"},
        ],
    )

    assert outcome.rows_loaded == 4
    hashes = harness.rows("select count(distinct _key_hash) from raw.generic__order_lines")
    assert hashes == [(4,)]


def test_a22_tenants_keep_their_own_keys(harness):
    outcome = harness.load_rows(
        "orders.csv", [order("SO-1", tenant="a"), order("SO-1", tenant="b"), order("SO-1")]
    )

    assert outcome.rows_loaded == 3
    assert harness.stored("tenant, system, instance")[2] == ("main", "generic", "")
