"""Faults A9 and A10: rows and headers that do not have the shape of the contract."""

from datetime import timedelta

import pytest
from landed_rows import ORDER_HEADER, csv_text, order, orders, payment
from loader_harness import AS_OF, assert_refused

# A9


def test_a9_a_ragged_row_is_rejected_with_its_line_and_text(harness):
    texts = [
        "SO-BAD,commerce,C-1",
        "SO-BAD,commerce,C-1,EUR,2026-02-01T10:00:00Z,10.00,surplus",
        "SO-BAD",
        ",,,,,",
        'SO-BAD,commerce,"C"1,EUR,2026-02-01T10:00:00Z,10.00',
        'SO-BAD,commerce, "C1",EUR,2026-02-01T10:00:00Z,10.00',
    ]
    for number, ragged in enumerate(texts):
        good = csv_text(orders(4, first=number * 10), ORDER_HEADER).splitlines()
        content = "\n".join([*good[:3], ragged, *good[3:]]) + "\n"
        harness.land(f"orders_{number}.csv", content)

    harness.load()

    for number, ragged in enumerate(texts):
        outcome = harness.outcome(f"orders_{number}.csv")
        counts = (outcome.rows_read, outcome.rows_loaded, outcome.rows_rejected)
        assert counts == (5, 4, 1), (ragged, outcome)
        line, text = harness.rows(
            "select line, row_text from raw.rejected_rows where load_seq = ?", outcome.load_seq
        )[0]
        assert (line, text.strip("\r\n")) == (4, ragged)
        stored = harness.stored(f"_line, _load_seq = {outcome.load_seq}")
        assert [line for line, here in stored if here] == [2, 3, 5, 6]
    harness.assert_sound()


def test_a9_ragged_rows_carry_that_fault(harness):
    good = csv_text(orders(4), ORDER_HEADER)

    harness.load_rows("orders.csv", good + "SO-8,commerce\nSO-9,a,b,c,d,e,f,g\n")

    assert harness.outcome("orders.csv").row_faults == ("A9", "A9")


def test_a9_most_rows_ragged_never_swallow_the_good_ones_silently(harness):
    """Auto-detection once dropped five of six rows of such a file without a word."""
    content = csv_text(orders(1), ORDER_HEADER) + "note\nx,y\na,b,c\nq,w,e,r\n1,2,3,4,5\n"

    outcome = harness.load_rows("orders.csv", content)

    assert outcome.rows_loaded + outcome.rows_rejected == outcome.rows_read
    assert outcome.status == "refused" or (outcome.rows_loaded, outcome.rows_rejected) == (1, 5)
    harness.assert_sound()


@pytest.mark.parametrize("position", [2, 4, 5])
def test_a9_a_quote_that_is_never_closed_swallows_nothing_silently(harness, position):
    lines = csv_text(orders(4), ORDER_HEADER).splitlines()
    lines[position - 1] = lines[position - 1].replace("C-1", '"C-1')

    outcome = harness.load_rows("orders.csv", "\n".join(lines) + "\n")

    assert outcome.status == "refused" or outcome.rows_rejected >= 1, outcome
    swallowed = harness.rows(
        "select count(*) from raw.generic__orders where cast(customer_id as varchar) like '%SO-%'"
    )
    assert swallowed == [(0,)]
    text = " ".join(t or "" for (t,) in harness.rows("select row_text from raw.rejected_rows"))
    ids = {row[0] for row in harness.stored()}
    if outcome.status != "refused":
        assert all(f"SO-{n}" in ids or f"SO-{n}" in text for n in range(1, 5))
    harness.assert_sound()


def test_a9_line_breaks_inside_quotes_keep_physical_line_numbers(harness):
    harness.load_rows(
        "orders.csv",
        [order("SO-1", channel="a\nb"), order("SO-2"), order("SO-3", "x"), order("SO-4")],
    )

    lines = harness.stored("order_id, _line")

    assert lines == [("SO-1", 2), ("SO-2", 4), ("SO-4", 6)]
    assert harness.rows("select line from raw.rejected_rows") == [(5,)]
    harness.assert_sound()


# A10


def renamed(header: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    return tuple(new if name == old else name for name in header)


def with_header(header: tuple[str, ...], count: int = 3) -> str:
    """Return valid rows under another header line."""
    return ",".join(header) + "\n" + csv_text(orders(count), ORDER_HEADER).partition("\n")[2]


@pytest.mark.parametrize(
    "content",
    [
        csv_text(orders(3), tuple(n for n in ORDER_HEADER if n != "total_amount")),
        with_header(renamed(ORDER_HEADER, "total_amount", "amount_total")),
        with_header(renamed(ORDER_HEADER, "customer_id", "order_id")),
        with_header(renamed(ORDER_HEADER, "customer_id", "")),
        csv_text([order(f"SO-{n}", "ten euros") for n in range(3)], ORDER_HEADER),
        csv_text([order(f"SO-{n}", ordered_at="last week") for n in range(3)], ORDER_HEADER),
        csv_text(orders(3), ORDER_HEADER).partition("\n")[2],
    ],
    ids=[
        "missing",
        "renamed",
        "doubled",
        "nameless",
        "amount as text",
        "time as text",
        "no header",
    ],
)
def test_a10_a_broken_required_column_refuses_the_file_and_stops_only_its_stream(harness, content):
    harness.land("orders.csv", content)
    harness.land("payments.csv", [payment()])

    harness.load()

    assert_refused(harness, "orders.csv", "A10")
    assert harness.outcome("payments.csv").rows_loaded == 1


def test_a10_doubled_optional_column_is_refused(harness):
    row = {**order(), "channel": "web"}
    text = csv_text([row]).replace("channel", "status", 1).replace("\n", ",draft\n", 2)

    harness.load_rows("orders.csv", text.replace("status,draft", "status,status", 1))

    assert_refused(harness, "orders.csv", "A10")


def test_a10_a_new_column_is_kept_and_reported(harness):
    outcome = harness.load_rows("orders.csv", [order(gift_note="for Ann"), order("SO-2")])

    assert (outcome.status, outcome.rows_loaded) == ("loaded", 2)
    assert harness.stored("json_extract_string(_extra, '$.gift_note')")[0] == ("for Ann",)
    changes = harness.rows("select stream, column_name, change from raw.schema_changes")
    assert ("orders", "gift_note", "added") in changes
    columns = {row[2] for row in harness.table_names() if row[1] == "generic__orders"}
    assert "gift_note" not in columns
    harness.assert_sound()


def test_a10_a_new_column_outlives_its_window_only_by_the_contract(harness):
    """After the window a column that nobody wrote into the contract stops its stream."""
    stream = harness.stream("orders").model_copy(update={"extra_columns": "window"})
    generic = harness.contracts["generic"]
    streams = {**generic.streams, "orders": stream}
    harness.contracts = {"generic": generic.model_copy(update={"streams": streams})}
    days = generic.compatibility_window_days
    harness.land("orders_1.csv", [order("SO-1", gift_note="for Ann")])
    harness.load(as_of=AS_OF)
    assert harness.outcome("orders_1.csv").status == "loaded"

    harness.land("orders_2.csv", [order("SO-2", gift_note="for Bob")])
    harness.load(as_of=AS_OF + timedelta(days=days - 1))
    harness.land("orders_3.csv", [order("SO-3", gift_note="for Cid")])
    harness.load(as_of=AS_OF + timedelta(days=days + 1))

    assert harness.outcome("orders_2.csv").status == "loaded"
    assert_refused(harness, "orders_3.csv", "A10")
    assert "gift_note" in harness.outcome("orders_3.csv").reason


def test_a10_columns_in_another_order_load_the_same(harness):
    harness.load_rows("orders_1.csv", csv_text(orders(3), ORDER_HEADER))

    outcome = harness.load_rows("orders_2.csv", csv_text(orders(3), ORDER_HEADER[::-1]))

    assert (outcome.status, outcome.rows_duplicate) == ("loaded", 3)
    harness.assert_sound()


def test_a10_a_dropped_optional_column_loads_and_is_reported(harness):
    harness.load_rows("orders_1.csv", [order(channel="web")])

    outcome = harness.load_rows("orders_2.csv", [order("SO-2")])

    assert outcome.rows_loaded == 1
    changes = harness.rows("select column_name, change from raw.schema_changes")
    assert ("channel", "removed") in changes
    assert harness.stored("order_id, channel") == [("SO-1", "web"), ("SO-2", None)]


def test_a10_a_good_file_behind_the_bad_one_waits_and_is_loaded_later(harness):
    bad = harness.land("orders_1.csv", with_header(renamed(ORDER_HEADER, "currency", "coin")))
    harness.land("orders_2.csv", orders(3))
    harness.load()
    assert_refused(harness, "orders_1.csv", "A10")
    assert harness.outcome("orders_2.csv").status in ("received", "loaded")

    bad.unlink()
    harness.land("orders_1.csv", orders(2, first=8))
    harness.load()

    assert harness.outcome("orders_1.csv").rows_loaded == 2
    assert harness.outcome("orders_2.csv").rows_loaded == 3
    harness.assert_sound()


def test_a10_a_refused_file_is_not_tried_again_while_nothing_changes(harness):
    harness.load_rows("orders.csv", with_header(renamed(ORDER_HEADER, "currency", "coin")))

    report = harness.load()

    assert not report.has_news
    assert harness.rows("select count(*) from raw.files") == [(1,)]
