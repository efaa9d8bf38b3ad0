"""Faults of JSON and JSON lines: what CSV cannot get wrong."""

import json
from decimal import Decimal

import pytest
from landed_rows import order, orders


def lines(*records: str) -> str:
    """Return JSON lines."""
    return "".join(record + "\n" for record in records)


def with_amount(order_id: str, literal: str) -> str:
    """Return an order as JSON text whose amount is exactly this literal."""
    return json.dumps(order(order_id, "@")).replace('"@"', literal)


@pytest.mark.parametrize("name", ["orders.json", "orders.jsonl"])
def test_a17_json_numbers_are_read_as_they_are_written(harness, name):
    """A number that passes through floating point would arrive as another one."""
    literals = ["10.25", "0.1", '"7.50"', "9999999999999.99", "-12.5", "3"]
    records = [with_amount(f"SO-{n}", literal) for n, literal in enumerate(literals)]
    text = lines(*records) if name.endswith("l") else f"[{','.join(records)}]\n"

    outcome = harness.load_rows(name, text)

    assert outcome.rows_loaded == len(literals), outcome
    assert harness.stored("total_amount") == [
        (Decimal(literal.strip('"')),) for literal in literals
    ]
    harness.assert_sound()


def test_a17_json_numbers_outside_the_grammar_are_rejected(harness):
    bad = [
        "1e2",
        "1.005",
        "1E400",
        "-0.001",
        "[1]",
        '{"value": 1}',
        "true",
        "1" * 40,
        "1" * 14,
        "null",
    ]
    records = [with_amount(f"SO-BAD-{n}", literal) for n, literal in enumerate(bad)]
    good = [json.dumps(row) for row in orders(len(bad) + 2)]

    outcome = harness.load_rows("orders.jsonl", lines(*good, *records))

    assert (outcome.rows_loaded, outcome.rows_rejected) == (len(good), len(bad)), outcome
    rejected = harness.rows("select line from raw.rejected_rows order by line")
    assert rejected == [(len(good) + n + 1,) for n in range(len(bad))]
    harness.assert_sound()


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "+5", "01", ".5", "0x10"])
def test_a17_json_that_is_no_json_stores_nothing_of_that_row(harness, literal):
    good = [json.dumps(row) for row in orders(4)]

    outcome = harness.load_rows("orders.jsonl", lines(*good, with_amount("SO-BAD", literal)))

    assert outcome.status == "refused" or (outcome.rows_loaded, outcome.rows_rejected) == (4, 1)
    assert ("SO-BAD",) not in harness.stored()
    harness.assert_sound()


def test_a9_a_line_that_is_no_record_costs_that_line_only(harness):
    bad = ["{", "[]", '"text"', "42", "null", "{'a': 1}", '{"order_id": "SO-8"', "not json", "{}}"]
    good = [json.dumps(row) for row in orders(len(bad) + 2)]

    outcome = harness.load_rows("orders.jsonl", lines(*good[:3], *bad, *good[3:]))

    assert outcome.status == "refused" or (outcome.rows_loaded, outcome.rows_rejected) == (
        len(good),
        len(bad),
    )
    if outcome.status == "loaded":
        found = harness.rows("select line from raw.rejected_rows order by line")
        assert found == [(number,) for number in range(4, 4 + len(bad))]
    harness.assert_sound()


def test_a9_records_on_one_line_keep_their_own_fates(harness):
    """Regression: compact JSON has all its records on line 1, and one bad one ended the run."""
    rows = [*orders(3), order("SO-BAD", "1.005"), order("SO-1"), order("SO-4")]
    conflict = [order("SO-9", "1.00"), order("SO-9", "2.00")]

    outcome = harness.load_rows("orders.json", json.dumps([*rows, *conflict]))

    assert sorted(harness.stored()) == [("SO-1",), ("SO-2",), ("SO-3",), ("SO-4",)], outcome
    counts = (outcome.rows_loaded, outcome.rows_duplicate, outcome.rows_rejected)
    assert counts == (4, 1, 3)
    assert sorted(outcome.row_faults) == ["A18", "A23", "A23"]
    harness.assert_sound()


def test_a9_a_name_twice_in_one_record_is_never_settled_by_chance(harness):
    twice = with_amount("SO-BAD", '"1.00", "total_amount": "2.00"')

    outcome = harness.load_rows(
        "orders.jsonl", lines(*[json.dumps(row) for row in orders(4)], twice)
    )

    assert outcome.status == "refused" or (outcome.rows_loaded, outcome.rows_rejected) == (4, 1)
    assert ("SO-BAD",) not in harness.stored()
    harness.assert_sound()


def test_a4_json_cut_anywhere_is_refused_or_costs_only_its_last_line(harness):
    whole = lines(*[json.dumps(row) for row in orders(2)])
    second = whole.index("\n") + 1
    cuts = range(second + 1, len(whole) - 1, 7)
    for cut in cuts:
        harness.land(f"orders_{cut}.jsonl", whole[:cut])
        harness.land(f"payments_{cut}.json", f"[{whole[: cut - 2]}")

    harness.load()

    for cut in cuts:
        assert harness.outcome(f"payments_{cut}.json").status in ("refused", "received")
        outcome = harness.outcome(f"orders_{cut}.jsonl")
        assert outcome.faults, (cut, outcome)
    assert {row[0] for row in harness.stored()} <= {"SO-1"}
    harness.assert_sound()


@pytest.mark.parametrize(
    "content",
    ["", "\n", "[]", "{}", "null", '"text"', "42", "[", "]", "[[]]", "[1, 2]", "\ufeff[]"],
)
def test_a8_json_without_records_is_refused(harness, content):
    harness.load_rows("orders.json", content)

    outcome = harness.outcome("orders.json")
    assert outcome.status == "refused" or outcome.rows_rejected == outcome.rows_read > 0
    assert harness.stored() == []
    harness.assert_sound()


def test_a10_a_required_name_that_no_record_has_refuses_the_file(harness):
    rows = [{name: row[name] for name in row if name != "currency"} for row in orders(3)]

    harness.load_rows("orders.jsonl", lines(*map(json.dumps, rows)))

    assert harness.stored() == []
    assert harness.outcome("orders.jsonl").status == "refused"
    harness.assert_sound()


def test_a11_hostile_names_in_records_stay_data(harness):
    harness.load_rows("customers.csv", "customer_id\nC-1\n")
    before = harness.table_names()
    names = ['x"; drop table raw.files; --', "_line", "a.b", "$.order_id", "__proto__", "", "é"]

    outcome = harness.load_rows(
        "orders.jsonl",
        lines(*[json.dumps({**row, **dict.fromkeys(names, "x")}) for row in orders(2)]),
    )

    assert harness.table_names() == before
    assert outcome.status == "refused" or outcome.rows_loaded == 2
    harness.assert_sound()


def test_a16_escaped_control_characters_are_quarantined(harness):
    bad = json.dumps(order("SO-BAD", customer_id="C\x001"))

    outcome = harness.load_rows("orders.jsonl", lines(*[json.dumps(row) for row in orders(4)], bad))

    assert "A16" in outcome.faults
    assert ("SO-BAD",) not in harness.stored()
    harness.assert_sound()


def test_a16_a_lone_surrogate_does_not_end_the_run(harness):
    bad = json.dumps(order("SO-BAD", customer_id="@")).replace("@", "\\ud800")

    outcome = harness.load_rows("orders.jsonl", lines(*[json.dumps(row) for row in orders(4)], bad))

    assert outcome.status == "refused" or outcome.rows_read == 5
    harness.assert_sound()


def test_a15_a_record_with_a_deep_value_is_bounded(harness):
    deep = json.dumps(order("SO-BAD", channel="@")).replace('"@"', "[" * 50_000 + "]" * 50_000)

    outcome = harness.load_rows(
        "orders.jsonl", lines(*[json.dumps(row) for row in orders(4)], deep)
    )

    assert outcome.status == "refused" or outcome.rows_loaded >= 4
    harness.assert_sound()


def test_a23_one_key_with_two_contents_in_json_is_rejected_both_times(harness):
    rows = [*orders(3), order("SO-9", "1.00"), order("SO-9", "2.00")]

    outcome = harness.load_rows("orders.jsonl", lines(*map(json.dumps, rows)))

    assert (outcome.rows_loaded, outcome.rows_rejected) == (3, 2)
    harness.assert_sound()


def test_a1_the_same_rows_as_json_and_csv_are_stored_once(harness):
    harness.load_rows("orders.csv", orders(3))

    outcome = harness.load_rows("orders.jsonl", lines(*map(json.dumps, orders(3))))

    assert outcome.rows_duplicate == 3, outcome
    harness.assert_sound()


def test_a16_json_that_is_not_utf_8_never_ends_the_run(harness):
    bad = json.dumps(order("SO-BAD", customer_id="@")).encode().replace(b"@", b"\xff\xc3")
    good = lines(*[json.dumps(row) for row in orders(4)]).encode()
    harness.land("orders.jsonl", good + bad + b"\n")
    harness.land("payments.json", b"[" + bad + b"]\n")

    harness.load()

    assert "A16" in harness.outcome("orders.jsonl").faults
    assert "A16" in harness.outcome("payments.json").faults
    assert ("SO-BAD",) not in harness.stored()
    harness.assert_sound()
