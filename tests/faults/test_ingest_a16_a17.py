# ruff: noqa: RUF001 - look-alike characters are what is tested here
"""Faults A16 and A17: encodings and numbers."""

from decimal import Decimal

import pytest
from landed_rows import ORDER_HEADER, csv_text, order, orders
from loader_harness import assert_only_row_rejected, assert_refused

# A16


def test_a16_latin_1_in_a_utf_8_stream_is_not_guessed(harness):
    text = csv_text([*orders(4), order("SO-É", customer_id="Société")])

    outcome = harness.load_rows("orders.csv", text.encode("latin-1"))

    assert "A16" in outcome.faults
    assert "SO-É" not in {row[0] for row in harness.stored()}
    assert not [row for row in harness.stored("customer_id") if "�" in row[0]]
    harness.assert_sound()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a16_wide_encodings_are_refused_whole(harness, encoding):
    harness.load_rows("orders.csv", csv_text(orders(3)).encode(encoding))

    assert_refused(harness, "orders.csv", "A16")


def test_a16_a_byte_order_mark_is_no_part_of_the_first_name(harness):
    outcome = harness.load_rows("orders.csv", b"\xef\xbb\xbf" + csv_text(orders(3)).encode())

    assert outcome.rows_loaded == 3
    assert harness.rows("select count(*) from raw.schema_changes where change = 'added'") == [(0,)]
    harness.assert_sound()


def test_a16_mixed_line_ends_lose_no_row_and_leave_no_mark(harness):
    lines = csv_text(orders(6), ORDER_HEADER).splitlines()
    ends = ["\n", "\r\n"] * 4

    outcome = harness.load_rows(
        "orders.csv", "".join(line + end for line, end in zip(lines, ends, strict=False))
    )

    assert (outcome.rows_read, outcome.rows_loaded) == (6, 6)
    assert harness.stored("_line") == [(number,) for number in range(2, 8)]
    harness.assert_sound()


def test_a16_windows_line_ends_load_the_same_rows(harness):
    harness.load_rows("orders.csv", csv_text(orders(3)))

    outcome = harness.load_rows("orders_crlf.csv", csv_text(orders(3)).replace("\n", "\r\n"))

    assert outcome.rows_duplicate == 3
    harness.assert_sound()


def test_a16_old_line_ends_lose_nothing_silently(harness):
    outcome = harness.load_rows("orders.csv", csv_text(orders(3)).replace("\n", "\r"))

    assert outcome.status == "refused" or outcome.rows_loaded == 3
    harness.assert_sound()


def test_a16_a_lone_carriage_return_loses_no_row(harness):
    text = csv_text(orders(5), ORDER_HEADER).replace("C-1", "C\r1", 1)

    outcome = harness.load_rows("orders.csv", text)

    kept = {row[0] for row in harness.stored()}
    assert outcome.status == "refused" or {f"SO-{n}" for n in range(2, 6)} <= kept
    assert outcome.status == "refused" or outcome.rows_rejected >= 1
    harness.assert_sound()


def test_a16_control_characters_and_broken_utf_8_are_quarantined(harness):
    controls = [bytes([code]) for code in (0, 1, 7, 8, 11, 12, 26, 27, 31)]
    broken = [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80"]
    for number, mark in enumerate(controls + broken):
        bad = order(f"SO-BAD-{number}", customer_id="C-MARK")
        text = csv_text([*orders(4, first=number * 10), bad]).encode()
        harness.land(f"orders_{number}.csv", text.replace(b"C-MARK", b"C" + mark + b"1"))

    harness.load()

    for number, mark in enumerate(controls + broken):
        outcome = harness.outcome(f"orders_{number}.csv")
        counts = (outcome.rows_loaded, outcome.rows_rejected)
        assert "A16" in outcome.faults, (mark, outcome)
        assert outcome.status == "refused" or counts == (4, 1), (mark, outcome)
    assert not [row for row in harness.stored() if "BAD" in row[0]]
    harness.assert_sound()


@pytest.mark.parametrize(
    ("column", "value", "forged", "forged_value"),
    [
        ("customer_id", "C-1", "contract_id", "K-1"),
        ("currency", "EUR", "total_amount", "10.00"),
        ("customer_id", "C-1", "currency", "EUR"),
    ],
)
def test_a16_a_separator_inside_a_value_cannot_stand_in_for_another_column(
    harness, column, value, forged, forged_value
):
    """Rows are checked as one joined text; its separator can be written by anybody."""
    harness.load_rows("customers.csv", "customer_id\nC-1\n")
    row = order("SO-BAD", contract_id="")
    row[forged] = ""
    row[column] = f"{value}\x1f{forged_value}"

    outcome = harness.load_rows("orders.csv", csv_text([*orders(4), row]))

    assert "A16" in outcome.faults or "A17" in outcome.faults
    assert "SO-BAD" not in {row[0] for row in harness.stored()}
    harness.assert_sound()


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a16_an_encoding_named_by_the_contract_is_read(harness, encoding):
    harness.change_stream("orders", format={"encoding": encoding})
    text = csv_text([order("SO-É", customer_id="Société")])

    outcome = harness.load_rows("orders.csv", text.encode(encoding))

    assert outcome.rows_loaded == 1, outcome
    assert harness.stored("order_id, customer_id") == [("SO-É", "Société")]
    harness.assert_sound()


# A17


BAD_AMOUNTS = (
    "NaN",
    "nan",
    "inf",
    "-inf",
    "Infinity",
    "1e400",
    "1e2",
    "1E2",
    "1,234.50",
    "1.234,50",
    "1 234",
    "1_000",
    "+5",
    "",
    "１２",
    "٣",
    "12½",
    "²",
    " 12.50",
    "12.50 ",
    "\t12",
    "12\u00a0",
    "0x10",
    "0b1",
    "1.",
    ".5",
    "-",
    "--5",
    "-+5",
    "(5.00)",
    "9" * 14,
    "-" + "9" * 14 + ".99",
    "5-",
    "5.00-",
    "$5",
    "5 EUR",
    "€5",
    "9" * 39,
    "-" + "9" * 39,
    "9" * 15,
    "1.5.0",
    "1/2",
    "50%",
    "null",
    "None",
    "true",
    "1;2",
    "'5",
    "5'",
    "=5",
    "5\u200b",
    "\u22125",
    "1e-2",
    "5.0e0",
    "0." + "0" * 40 + "1",
)


def test_a17_what_is_not_in_the_amount_grammar_is_rejected(harness):
    bad = [order(f"SO-BAD-{number}", text) for number, text in enumerate(BAD_AMOUNTS)]
    good = orders(len(bad) + 2)

    outcome = harness.load_rows("orders.csv", csv_text([*good, *bad]))

    assert [row[0] for row in harness.stored()] == [row["order_id"] for row in good]
    assert (outcome.status, outcome.rows_rejected) == ("loaded", len(bad))
    rejects = harness.rows(
        "select line, column_name, fault_id, value_text from raw.rejected_rows order by line"
    )
    for number, (line, column, fault_id, value) in enumerate(rejects):
        text = BAD_AMOUNTS[number]
        assert (line, column) == (len(good) + number + 2, "total_amount"), text
        assert fault_id in (("A17", "A18") if text else ("A9", "A10", "A17")), text
        assert (value or "") == text
    harness.assert_sound()


GOOD_AMOUNTS = {
    "0": Decimal(0),
    "-0.00": Decimal(0),
    "007.50": Decimal("7.50"),
    "12.5": Decimal("12.5"),
    "-12.50": Decimal("-12.50"),
    "9" * 13 + ".99": Decimal("9" * 13 + ".99"),
    "1": Decimal(1),
    "-" + "9" * 13 + ".99": Decimal("-" + "9" * 13 + ".99"),
    "0.1": Decimal("0.1"),
}


def test_a17_amounts_in_the_grammar_are_stored_exactly(harness):
    harness.load_rows(
        "orders.csv", [order(f"SO-{number}", text) for number, text in enumerate(GOOD_AMOUNTS)]
    )

    stored = dict(harness.stored("order_id, total_amount"))

    assert stored == {f"SO-{n}": value for n, value in enumerate(GOOD_AMOUNTS.values())}
    harness.assert_sound()


def test_a17_optional_amounts_are_held_to_the_grammar_too(harness):
    assert_only_row_rejected(harness, order("SO-9", tax_amount="1e2"), "A17")


def test_a17_a_line_that_comes_to_more_than_an_amount_holds_is_rejected_alone(harness):
    """One absurd line must not keep everybody else's figures from being computed."""
    lines = [
        ("123456789012", "123456789"),
        ("123456789012", "1234567890123456"),
        ("-123456789012", "123456789.5"),
        ("10000000", "1000000"),
        ("9999999", "1000000"),
        ("2", "4999999999999.99"),
        ("0", "1234567890123456"),
        *[("1", "10.00")] * 3,
    ]

    outcome = harness.load_rows(
        "order_lines.csv",
        [
            {
                "order_id": "SO-1",
                "line_no": str(number),
                "sku": "A",
                "quantity": quantity,
                "unit_price": unit_price,
            }
            for number, (quantity, unit_price) in enumerate(lines)
        ],
    )

    assert (outcome.status, outcome.rows_rejected) == ("loaded", 4)
    stored = harness.stored("line_no", stream="order_lines")
    assert [line_no for (line_no,) in stored] == ["4", "5", "6", "7", "8", "9"]
    rejects = harness.rows(
        "select line, column_name, fault_id, reason from raw.rejected_rows order by line"
    )
    assert [row[:3] for row in rejects] == [(at, "unit_price", "A17") for at in range(2, 6)]
    assert rejects[0][3] == (
        "unit_price: '123456789' times its quantity comes to more than 13 digits before the "
        "decimals; correct one of them and resend the row"
    )
    harness.assert_sound()


def test_a17_an_unknown_currency_is_rejected_with_its_amount(harness):
    codes = ["EURO", "eur", "XX", "€", "", "EUR ", "ZZZ", "'; drop"]
    bad = [order(f"SO-BAD-{code}", "7.00", currency=code) for code in codes]

    outcome = harness.load_rows("orders.csv", csv_text([*orders(len(bad) + 2), *bad]))

    assert (outcome.rows_loaded, outcome.rows_rejected) == (len(bad) + 2, len(bad))
    held = harness.rows("select sum(amount) from raw.rejected_rows")
    assert held == [(Decimal(7) * len(bad),)]
    harness.assert_sound()
