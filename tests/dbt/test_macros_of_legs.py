"""The macros that legs, matching and metrics share, rendered by dbt and held against known values.

What belongs here: their values. What does not: how they are rendered (`macros.py`).
"""

from datetime import date, datetime
from decimal import Decimal

import pytest

from tests.dbt.macros import evaluate


@pytest.mark.parametrize(
    ("macro", "expected", "columns"),
    [
        ("capitals", "AB-1", {"value": " ab-1 "}),
        ("id_word", "INV0012A", {"value": "inv-00 12/a"}),
        ("words_of", "REINV123X RE  INV123 X RE  INV 12 3 X", {"value": "Re: INV-12.3 x"}),
        ("record_checksum", "YAT", {"value": "801SG00000DX1jW"}),
        ("json_text", "7", {"value": '{"wanted": "7", "other": "8"}'}),
        ("json_text", None, {"value": '{"other": "8"}'}),
        (
            "evidence_item_key",
            "shop.payments 5",
            {"source": "shop", "stream": "payments", "row_key": 5},
        ),
        ("row_key_text", "FF", {"value": 255}),
        ("json_string", '"a \\"b\\" \\\\ ü"', {"value": 'a "b" \\ ü'}),
        ("json_string", "null", {"value": None}),
        (
            "json_document",
            '{"a":"one","b":null,"c":[1]}',
            {"one": "one", "two": None, "raw": "[1]"},
        ),
        ("json_rows", "[{}]", {"document": "{}", "place": 1}),
        ("joined_in_order", "x", {"document": "x", "place": 1}),
        ("in_units", 12345, {"amount": Decimal("1.2345")}),
        ("in_units", -12345, {"amount": Decimal("-1.2345")}),
        ("in_units", 9_999_999_999_999, {"amount": Decimal("999999999.9999")}),
        ("in_units", 10_000_000_000_000, {"amount": Decimal("1000000000.0000")}),
        ("in_units", 999_999_999_999_999_999, {"amount": Decimal("99999999999999.9999")}),
        ("in_units", None, {"amount": None}),
        ("whole_part", 2, {"value": 53}),
        ("whole_part", 0, {"value": 17}),
        ("json_flag", "true", {"value": 2}),
        ("json_flag", "false", {"value": None}),
        ("end_of_time", date(9999, 12, 31), {"value": 1}),
        ("cardinality_of", "1:1", {"expected": 1, "reported": 1}),
        ("cardinality_of", "n:1", {"expected": 3, "reported": 1}),
        ("cardinality_of", "n:m", {"expected": 2, "reported": 2}),
        ("cardinality_of", "0:n", {"expected": 0, "reported": 2}),
        ("rate_of", Decimal("0.333333"), {"part": 1, "whole": 3}),
        ("rate_of", Decimal("0.666667"), {"part": 2, "whole": 3}),
        ("rate_of", Decimal(1), {"part": 3, "whole": 3}),
        ("rate_of", None, {"part": 1, "whole": 0}),
        ("rate_text", "12.10", {"value": Decimal("12.100000000000")}),
        ("rate_text", "0.1250", {"value": Decimal("0.125000000000")}),
        ("rate_text", "0.000125000000", {"value": Decimal("0.000125000000")}),
        ("days_between", 31, {"start_on": date(2026, 1, 1), "finish_on": date(2026, 2, 1)}),
        ("days_between", -1, {"start_on": date(2026, 1, 2), "finish_on": date(2026, 1, 1)}),
        ("service_months", 12, {"start_on": date(2026, 1, 1), "finish_on": date(2026, 12, 31)}),
        ("months_touched", 1, {"start_on": date(2026, 1, 31), "finish_on": date(2026, 1, 31)}),
        ("months_touched", 3, {"start_on": date(2025, 12, 31), "finish_on": date(2026, 2, 1)}),
        ("months_touched", 0, {"start_on": date(2026, 2, 1), "finish_on": date(2026, 1, 31)}),
        (
            "utc_to_local",
            datetime(2026, 1, 31, 23, 30),  # noqa: DTZ001, a clock on a wall
            {"start_at": datetime(2026, 2, 1, 7, 30), "zone": "America/Los_Angeles"},  # noqa: DTZ001
        ),
        ("end_of_day", datetime(2026, 7, 7, 23, 59, 59), {"start_on": date(2026, 7, 7)}),  # noqa: DTZ001, UTC without a zone
        (
            "part_of",
            Decimal("-3.33"),
            {"amount": Decimal("-10.00"), "part": 1, "whole": 3, "exponent": 2},
        ),
        (
            "part_of",
            Decimal("10.01"),
            {"amount": Decimal("10.01"), "part": 3, "whole": 3, "exponent": 0},
        ),
        ("part_of", Decimal(3), {"amount": Decimal("10.00"), "part": 1, "whole": 3, "exponent": 0}),
    ],
)
def test_what_a_macro_makes_of_a_row(rendered, duck, macro, expected, columns):
    assert evaluate(duck, rendered[macro], **columns) == expected


@pytest.mark.parametrize(
    ("start", "finish", "hours"),
    [
        ("10:00:00", "11:30:00", "1.5000"),
        ("10:00:00", "09:56:00", "0"),
        ("10:00:00", "10:00:01", "0.0003"),
    ],
)
def test_hours_are_never_negative(rendered, duck, start, finish, hours):
    found = evaluate(
        duck,
        rendered["hours_between"],
        start_at=datetime.fromisoformat(f"2026-05-01 {start}"),
        finish_at=datetime.fromisoformat(f"2026-05-01 {finish}"),
    )
    assert found == Decimal(hours)


def test_texts_of_a_group_stand_in_order(rendered, duck):
    values = "(values ('b', 2), ('a', 1), (null, 0), ('c', null)) as rows (document, place)"
    sql = f"select {rendered['joined_in_order']} from {values}"
    assert duck.execute(sql).fetchone() == ("a,b,c",)
    assert duck.execute(f"{sql} where place = 9").fetchone() == (None,)


def test_figures_of_a_group(rendered, duck):
    values = "(values (1), (2), (3), (4), (null)) as rows (value)"
    sql = f"select {rendered['percentile_of']}, {rendered['count_if']} from {values}"
    assert duck.execute(sql).fetchone() == (2, 3)


def test_a_json_list_gives_one_row_an_element(rendered, duck):
    listed = """('[{"a":"1"},{"a":"2"}]'), ('[]'), (null)"""
    sql = f"select {rendered['unnest_json_list']} from (values {listed}) as lists(value)"
    assert [row[0] for row in duck.execute(sql).fetchall()] == ['{"a":"1"}', '{"a":"2"}']


def test_a_text_gives_one_row_a_word(rendered, duck):
    sql = f"select {rendered['unnest_words']} from (select 'A B C' as value)"
    assert [row[0] for row in duck.execute(sql).fetchall()] == ["A", "B", "C"]
