"""Macros of money, ids, moments and text: rendered by dbt, executed on values made for them."""

import base64
import hashlib
import json
import random
from datetime import datetime
from decimal import Decimal

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dbt.macros import PROVEN_BY_UNIT_TESTS, TEMPLATES, evaluate, type_of
from tests.dbt.project import DBT_PROJECT


def test_every_macro_is_rendered_here(rendered):
    macros = {
        name.split("(")[0].strip()
        for path in (DBT_PROJECT / "macros").rglob("*.sql")
        # How relations are made is proven by making them: tests/dbt/test_materializations.py.
        if path.parent.name != "materializations"
        for name in path.read_text(encoding="utf-8").split("{% macro ")[1:]
    }
    own = {name for name in macros if not name.startswith(("default__", "spark__", "postgres__"))}
    assert own - set(TEMPLATES) == PROVEN_BY_UNIT_TESTS
    assert set(rendered) == set(TEMPLATES)


def test_dialects_offer_what_duckdb_offers():
    text = (DBT_PROJECT / "macros" / "dialect" / "dialect.sql").read_text(encoding="utf-8")
    names = {
        line.split("default__")[1].split("(")[0]
        for line in text.split("macro ")
        if line.startswith("default__")
    }
    for dialect in ("spark",):
        lacking = {name for name in names if f"macro {dialect}__{name}(" not in text}
        assert not lacking, f"{dialect} lacks {lacking}"


def test_the_order_of_versions_is_one_order_read_from_either_end(rendered, duck):
    rows = (
        "(null, date '2026-01-02', 1, 'no stamp, early'), (null, date '2026-01-03', 2, 'no stamp'),"
        "(timestamp '2026-01-01', null, 3, 'first stamp'),"
        "(timestamp '2026-01-02', date '2026-01-01', 5, 'same stamp, other day'),"
        "(timestamp '2026-01-02', date '2026-01-02', 4, 'same stamp, later day'),"
        "(timestamp '2026-01-02', date '2026-01-02', 6, 'arrived last')"
    )
    oldest, newest = (
        [
            name
            for name, _ in duck.execute(
                f"select name, {rendered[macro]} as place from (select *, 'a' as source,"
                f" 'b' as stream, 1 as _row_key from (values {rows})"
                " as given(updated_at, _business_on, _row_version, name)) as stored"
                " order by place"
            ).fetchall()
        ]
        for macro in ("versions_of", "versions_of_newest")
    )
    assert oldest == [
        "no stamp, early", "no stamp", "first stamp", "same stamp, other day",
        "same stamp, later day", "arrived last",
    ]  # fmt: skip
    assert newest == oldest[::-1]


@pytest.mark.parametrize(
    ("tenant", "expected"),
    [("synthetic.clean", True), ("synthetic", False), ("main", False), (None, False)],
)
def test_synthetic_tenants_are_those_with_the_prefix(rendered, duck, tenant, expected):
    assert evaluate(duck, rendered["is_synthetic"], tenant=tenant) is expected


def test_an_amount_that_was_widened_can_be_multiplied_by_a_rate(rendered, duck):
    values = "cast(12e11 as decimal(18, 4)) as amount, cast(0.9 as decimal(9, 6)) as rate"
    (found,) = duck.execute(f"select {rendered['wide']} from (select {values})").fetchone()
    assert found == Decimal(1080000000000)
    with pytest.raises(duckdb.OutOfRangeException, match="Overflow in multiplication"):
        duck.execute(f"select amount * rate from (select {values})").fetchone()


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1.00004", "1.0000"), ("1.00005", "1.0001"), ("-1.00005", "-1.0001"), ("0", "0.0000")],
)
def test_money_has_four_decimals_and_rounds_away_from_zero(rendered, duck, value, expected):
    found = evaluate(duck, rendered["money"], value=Decimal(value))
    assert found == Decimal(expected)
    assert type_of(duck, rendered["money"], f"{value} as value") == "DECIMAL(18,4)"


def test_a_sum_of_money_is_money_again(rendered, duck):
    expression = rendered["money"].replace("value", "sum(value)")
    row = "cast(1.5 as decimal(18, 4)) as value"
    assert type_of(duck, expression, row) == "DECIMAL(18,4)"


@pytest.mark.parametrize(
    ("quantity", "unit_rate", "expected"),
    [
        ("3", "0.333333333333", "1.0000"),
        ("0.5", "0.0001", "0.0001"),
        ("-0.5", "0.0001", "-0.0001"),
        ("0.499999", "0.0001", "0.0000"),
        ("999999", "99999999.999999999999", "99999900000000.0000"),
        ("7", "12.3456", "86.4192"),
        ("-7", "99999.9999", "-699999.9993"),
        ("999999999", "99999.9999", "99999999800000.0001"),
        ("7", "100000", "700000.0000"),
        ("1234567.891235", "1", "1234567.8912"),
        ("123456789012", "1234567890123456", "9999999999999.9999"),
        ("-123456789012", "123456789", "-9999999999999.9999"),
    ],
)
def test_a_line_is_multiplied_exactly_and_rounded_once(
    rendered, duck, quantity, unit_rate, expected
):
    row = (
        f"cast({quantity} as decimal(18, 6)) as quantity,"
        f" cast({unit_rate} as decimal(28, 12)) as unit_rate"
    )
    (found,) = duck.execute(f"select {rendered['line_amount']} from (select {row})").fetchone()
    assert found == Decimal(expected)
    assert type_of(duck, rendered["line_amount"], row) == "DECIMAL(18,4)"


def test_a_line_of_nothing_known_comes_to_nothing_known(rendered, duck):
    row = "cast(null as decimal(18, 6)) as quantity, cast(2.5 as decimal(28, 12)) as unit_rate"
    for name in ("line_amount", "exact_product"):
        (found,) = duck.execute(f"select {rendered[name]} from (select {row})").fetchone()
        assert found is None


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    quantity=st.decimals(-(10**11), 10**11, places=6),
    unit_rate=st.decimals(-(10**6), 10**6, places=12),
    digits=st.tuples(st.integers(0, 6), st.integers(0, 12)),
)
def test_the_short_way_of_a_product_is_the_long_way(rendered, duck, quantity, unit_rate, digits):
    quantity, unit_rate = round(quantity, digits[0]), round(unit_rate, digits[1])
    row = (
        f"cast({quantity:f} as decimal(18, 6)) as quantity,"
        f" cast({unit_rate:f} as decimal(28, 12)) as unit_rate"
    )
    long = "cast(quantity * unit_rate as decimal(38, 12))"
    short, whole = duck.execute(
        f"select {rendered['exact_product']}, {long} from (select {row})"
    ).fetchone()
    assert short == whole


@pytest.mark.parametrize(
    ("amount", "part", "whole", "share"),
    [
        ("9.08", "1", "2", "4.5400"),
        ("10.00", "1", "3", "3.3333"),
        ("10.00", "2", "3", "6.6667"),
        ("0.0001", "1", "2", "0.0001"),
        ("99999999999999.9999", "999999999999", "999999999999", "99999999999999.9999"),
        ("10.00", "1", "0", None),
    ],
)
def test_a_share_of_an_amount_is_exact_and_rounded_once(rendered, duck, amount, part, whole, share):
    row = (
        f"cast('{amount}' as decimal(18, 4)) as amount,"
        f" cast('{part}' as decimal(18, 6)) as part, cast('{whole}' as decimal(18, 6)) as whole"
    )
    (found,) = duck.execute(f"select {rendered['shared_amount']} from (select {row})").fetchone()
    assert found == (None if share is None else Decimal(share))
    assert type_of(duck, rendered["shared_amount"], row) == "DECIMAL(18,4)"


@pytest.mark.parametrize(
    ("value", "exponent", "expected"),
    [
        ("0.045", 2, "0.05"),
        ("-0.045", 2, "-0.05"),
        ("0.0445", 2, "0.04"),
        ("0.5", 0, "1"),
        ("1.0005", 3, "1.001"),
    ],
)
def test_an_amount_is_rounded_half_away_from_zero_to_its_minor_unit(
    rendered, duck, value, exponent, expected
):
    row = f"cast('{value}' as decimal(27, 10)) as value, {exponent} as exponent"
    (found,) = duck.execute(f"select {rendered['rounded_to']} from (select {row})").fetchone()
    assert found == Decimal(expected)


def test_quantities_have_six_decimals(rendered, duck):
    assert evaluate(duck, rendered["quantity"], value=Decimal("0.0000015")) == Decimal("0.000002")
    assert type_of(duck, rendered["quantity"], "1 as value") == "DECIMAL(18,6)"


@pytest.mark.parametrize(
    ("exponent", "expected"), [(0, "0.5"), (2, "0.005"), (3, "0.0005"), (None, "0.005")]
)
def test_half_a_minor_unit_follows_the_exponent(rendered, duck, exponent, expected):
    assert evaluate(duck, rendered["half_minor_unit"], exponent=exponent) == Decimal(expected)


def test_every_currency_has_an_exponent_that_is_known(rendered, built_home, duck):
    path = built_home.settings.seeds / "mappings" / "currencies.csv"
    exponents = duck.execute(f"select distinct exponent from '{path}'").fetchall()
    for (exponent,) in exponents:
        found = evaluate(duck, rendered["half_minor_unit"], exponent=exponent)
        assert found == Decimal(5).scaleb(-exponent - 1), exponent


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", "1.00"), ("1.5000", "1.50"), ("0.0010", "0.001"), ("-2.3456", "-2.3456"), ("0", "0.00")],
)
def test_an_amount_for_people_shows_all_of_it(rendered, duck, value, expected):
    assert evaluate(duck, rendered["amount_text"], value=Decimal(value)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("3.000000", "3"), ("2.5", "2.500"), ("0.000001", "0.000001"), ("-1.25", "-1.250")],
)
def test_a_quantity_for_people_shows_all_of_it(rendered, duck, value, expected):
    assert evaluate(duck, rendered["quantity_text"], value=Decimal(value)) == expected


def test_foreign_money_is_never_added(rendered, duck):
    rows = "(values ('EUR', 1.5), ('EUR', 2), ('USD', 100)) as match_groups(currency_code, amount)"
    orders = "(select 'EUR' as currency_code) as orders"
    (total,) = duck.execute(
        f"select {rendered['same_currency']} from {rows} cross join {orders}"
    ).fetchone()
    assert total == Decimal("3.5")


def test_base32_is_that_of_the_standard(rendered, duck):
    draw = random.Random(20260630)
    digests = [draw.randbytes(32) for _ in range(2000)] + [b"\0" * 32, b"\xff" * 32]
    duck.execute("create table digests(position integer, value varchar)")
    duck.executemany(
        "insert into digests values (?, ?)",
        [(position, digest.hex()) for position, digest in enumerate(digests)],
    )
    found = duck.execute(
        f"select {rendered['base32_26']} from digests order by position"
    ).fetchall()
    expected = [base64.b32encode(digest).decode().lower()[:26] for digest in digests]
    assert [value for (value,) in found] == expected


@pytest.mark.parametrize("parts", [("a", "b", "c"), ("", "b", None), ("ü\u00e9", "1", "")])
def test_ids_are_the_hash_of_their_joined_parts(rendered, duck, parts):
    text = "\x1f".join(part or "" for part in parts)
    digest = hashlib.sha256(text.encode()).digest()
    columns = dict(zip(("one", "two", "three"), parts, strict=True))
    assert evaluate(duck, rendered["joined_parts"], **columns) == text
    assert evaluate(duck, rendered["sha256_hex"], value=text) == digest.hex()
    expected = "rk1_" + base64.b32encode(digest).decode().lower()[:26]
    assert evaluate(duck, rendered["deterministic_id"], **columns) == expected


def test_parts_that_move_across_a_border_give_another_id(rendered, duck):
    expression = rendered["deterministic_id"]
    first = evaluate(duck, expression, one="ab", two="c", three="")
    assert first != evaluate(duck, expression, one="a", two="bc", three="")
    assert evaluate(duck, rendered["separator"]) == "\x1f"


@pytest.mark.parametrize(
    ("value", "rule", "expected"),
    [
        ("  O-1 ", ("keep", None, None, None), "O-1"),
        ("O\u0308-1", ("keep", None, None, None), "\u00d6-1"),
        ("O-a", ("upper", None, None, None), "O-A"),
        ("O-A", ("lower", None, None, None), "o-a"),
        ("0061t00000AbCdEAA2", ("keep", 18, 15, False), "0061t00000AbCdE"),
        (" 0061t00000AbCdEAA2 ", ("keep", 18, 15, False), "0061t00000AbCdE"),
        ("0061t00000AbCdEAA", ("keep", 18, 15, False), "0061t00000AbCdEAA"),
        ("801SG00000DX1jWYAT", ("keep", 18, 15, True), "801SG00000DX1jW"),
        ("801SG00000DX1jWYAA", ("keep", 18, 15, True), "801SG00000DX1jWYAA"),
        ("123456789012345678", ("keep", 18, 15, True), "123456789012345678"),
        ("   ", ("keep", None, None, None), None),
        (None, ("keep", None, None, None), None),
    ],
)
def test_identifiers_take_the_form_of_their_rule(rendered, duck, value, rule, expected):
    rows = (
        "(select cast(? as varchar) as case_mode, cast(? as integer) as full_length, "
        "cast(? as integer) as significant_length, cast(? as boolean) as is_checksummed) as rule, "
        "(select cast(? as varchar) as value)"
    )
    found = duck.execute(f"select {rendered['normalised_id']} from {rows}", [*rule, value])
    assert found.fetchone()[0] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1.2E+15", True),
        ("1,2E+15", True),
        ("12e+3", True),
        ("E+15", False),
        ("O-1", False),
        (None, False),
    ],
)
def test_damaged_ids_are_told_by_the_rule(rendered, duck, built_home, value, expected):
    path = built_home.settings.seeds / "mappings" / "id_rules.csv"
    rule = f"(select * from read_csv('{path}', all_varchar=true) where system = '*') as rule"
    found = duck.execute(
        f"select {rendered['is_damaged_id']} from {rule}, (select cast(? as varchar) as value)",
        [value],
    )
    assert found.fetchone()[0] is expected


@pytest.mark.parametrize(
    ("start", "finish", "expected"),
    [
        ("2026-05-01 00:00:00", "2026-05-01 00:00:59.999999", 59),
        ("2026-05-01 00:00:00.9", "2026-05-01 00:00:01.1", 0),
        ("2026-05-01 00:00:00", "2026-04-30 23:59:00", -60),
        ("1999-12-31 23:59:59", "2026-01-01 00:00:00", 820540801),
    ],
)
def test_seconds_between_counts_whole_seconds(rendered, duck, start, finish, expected):
    columns = {
        "start_at": datetime.fromisoformat(start),
        "finish_at": datetime.fromisoformat(finish),
    }
    assert evaluate(duck, rendered["seconds_between"], **columns) == expected
    row = "timestamp '2026-05-01' as start_at, timestamp '2026-05-02' as finish_at"
    assert type_of(duck, rendered["seconds_between"], row) == "BIGINT"


def test_hours_are_added_across_days_and_a_null_stays_null(rendered, duck):
    expression = rendered["plus_hours"]
    start = datetime(2026, 2, 28, 23, 30)  # noqa: DTZ001 - the warehouse holds naive UTC
    found = evaluate(duck, expression, start_at=start, hours=25)
    assert found == datetime(2026, 3, 2, 0, 30)  # noqa: DTZ001 - the warehouse holds naive UTC
    assert evaluate(duck, expression, start_at=start, hours=None) is None
    row = "timestamp '2026-05-01' as start_at, 1 as hours"
    assert type_of(duck, expression, row) == "TIMESTAMP"


def test_json_keeps_decimals_as_text_and_nulls_as_null(rendered, duck):
    found = evaluate(duck, rendered["json_object"], name='say "hi"\n', amount=Decimal("1.50"))
    assert json.loads(found) == {"name": 'say "hi"\n', "amount": "1.50", "nothing": None}


def test_patterns_match_anywhere_unless_anchored(rendered, duck):
    assert evaluate(duck, rendered["regex_like"], value="abc", pattern="b") is True
    assert evaluate(duck, rendered["regex_like"], value="abc", pattern="^b") is False


def test_the_moment_of_the_run_is_the_one_that_was_given(rendered, duck):
    found = evaluate(duck, rendered["as_of"])
    assert found == datetime(2026, 5, 4, 3, 2, 1, 999)  # noqa: DTZ001 - the warehouse holds naive UTC


def test_provenance_names_the_row(rendered):
    names = [part.split(" as ")[-1].strip() for part in rendered["provenance"].split(",")]
    assert names == [
        "_row_key", "_row_version", "_load_seq", "_line", "_business_on", "_is_deleted",
        "_observed_at",
    ]  # fmt: skip
