"""Faults A18 to A20: decimals, sums and formulas."""

from decimal import Decimal

from hostile_strings import FORMULAS, hostile_strings
from landed_rows import csv_text, order, orders

# A18


def test_a18_more_decimals_than_the_currency_is_rejected_not_rounded(harness):
    cells = [
        ("1.005", "EUR"),
        ("0.001", "USD"),
        ("10.000", "EUR"),
        ("1.0", "JPY"),
        ("0.1", "JPY"),
        ("1.0005", "KWD"),
        ("-1.999", "EUR"),
        ("0.00999999999999999999", "EUR"),
    ]
    bad = [order(f"SO-BAD-{n}", text, currency=code) for n, (text, code) in enumerate(cells)]

    outcome = harness.load_rows("orders.csv", csv_text([*orders(len(bad) + 2), *bad]))

    assert (outcome.rows_loaded, outcome.rows_rejected) == (len(bad) + 2, len(bad))
    rejects = harness.rows(
        "select fault_id, column_name, value_text from raw.rejected_rows order by line"
    )
    assert rejects == [("A18", "total_amount", text) for text, _ in cells]
    harness.assert_sound()


def test_a18_the_decimals_of_the_currency_are_kept(harness):
    cells = [("1.005", "KWD"), ("1005", "JPY"), ("1.00", "EUR"), ("-0.999", "KWD")]

    harness.load_rows(
        "orders.csv",
        [order(f"SO-{n}", text, currency=code) for n, (text, code) in enumerate(cells)],
    )

    assert harness.stored("total_amount") == [(Decimal(text),) for text, _ in cells]
    harness.assert_sound()


def test_a18_computed_components_may_carry_four_decimals_and_not_five(harness):
    line = {"order_id": "SO-1", "sku": "A", "quantity": "1", "unit_price": "1.23456"}
    outcome = harness.load_rows(
        "order_lines.csv",
        [
            {**line, "line_no": "1", "discount_amount": "0.1234"},
            {**line, "line_no": "2", "discount_amount": "0.12345"},
            {**line, "line_no": "3", "discount_amount": "0"},
        ],
    )

    assert (outcome.rows_loaded, outcome.rows_rejected) == (2, 1)
    stored = harness.stored("line_no, discount_amount, unit_price", stream="order_lines")
    assert [(str(no), amount) for no, amount, _ in stored] == [
        ("1", Decimal("0.1234")),
        ("3", Decimal(0)),
    ]
    assert stored[0][2] == Decimal("1.23456")
    harness.assert_sound()


# A19


def test_a19_sums_beyond_one_amount_stay_exact(harness):
    big = "9" * 13 + ".99"
    harness.load_rows(
        "orders.csv",
        [
            *(order(f"SO-{n}", big) for n in range(500)),
            order("SO-X", "0.01"),
            order("SO-BAD", "1.005"),
            order("SO-0", big),
        ],
    )

    read = harness.rows("select sum(amount) from raw.accounting where currency_code = 'EUR'")[0][0]

    assert isinstance(read, Decimal)
    assert Decimal(big) * 500 <= read <= Decimal(big) * 501 + 2
    harness.assert_sound()


def test_a19_no_raw_column_holds_money_in_floating_point(harness):
    harness.load_rows("orders.csv", orders(1))

    floating = [
        row
        for row in harness.table_names()
        if row[0] == "raw" and row[3] in ("DOUBLE", "FLOAT", "REAL")
    ]

    assert not floating


# A20


def test_a20_formulas_are_stored_verbatim(harness):
    texts = [text for text in FORMULAS if not set(text) & {"\t", "\r"}]
    harness.load_rows(
        "customers.csv",
        csv_text([{"customer_id": f"C-{n}", "name": text} for n, text in enumerate(texts)]),
    )

    stored = dict(harness.stored("customer_id, name", stream="customers"))

    assert stored == {f"C-{n}": text for n, text in enumerate(texts)}
    harness.assert_sound()


def test_a20_leading_tab_and_return_are_kept_or_quarantined_never_stripped(harness):
    rows = [{"customer_id": f"C-{n}", "name": "Ann"} for n in range(4)]
    rows += [{"customer_id": "C-8", "name": "\t=1+1"}, {"customer_id": "C-9", "name": "\r=1+1"}]

    outcome = harness.load_rows("customers.csv", csv_text(rows))

    stored = dict(harness.stored("customer_id, name", stream="customers"))
    assert stored.get("C-8", "\t=1+1") == "\t=1+1"
    assert stored.get("C-9", "\r=1+1") == "\r=1+1"
    assert outcome.rows_loaded + outcome.rows_rejected == 6
    harness.assert_sound()


def test_a20_a_negative_amount_is_a_number_and_no_formula(harness):
    harness.load_rows("orders.csv", [order("SO-1", "-12.50")])

    assert harness.stored("total_amount") == [(Decimal("-12.50"),)]


def test_a20_five_hundred_hostile_values_execute_nothing_and_stay_verbatim(harness, workplace):
    (workplace / "secret.csv").write_text("CANARY-7F3A\n")
    harness.load_rows("orders.csv", orders(1))
    before = harness.table_names()
    outside = sorted(path.name for path in workplace.iterdir())
    corpus = [text for text in hostile_strings() if len(text) < 50_000]
    rows = [{"customer_id": f"C-{n}", "name": text} for n, text in enumerate(corpus)]
    rows += [{"customer_id": text, "name": "key"} for text in corpus]
    assert len(corpus) >= 500

    outcome = harness.load_rows("customers.csv", csv_text(rows, ("customer_id", "name")))

    assert harness.table_names() == before
    assert sorted(path.name for path in workplace.iterdir()) == outside
    assert outcome.status == "loaded", outcome
    stored = dict(harness.stored("customer_id, name", stream="customers"))
    for number, text in enumerate(corpus):
        assert stored.get(f"C-{number}", text) == text
    plain = [n for n, text in enumerate(corpus) if text.isprintable() and text.strip() == text]
    lost = [corpus[n] for n in plain if f"C-{n}" not in stored]
    assert not lost, f"printable text is no reason to reject: {lost[:5]}"
    assert len(plain) > 300
    assert "CANARY" not in str(harness.rows("select * from raw.generic__customers"))
    harness.assert_sound()
