"""Formats that a contract can name: each is read as stated, and the same rows come of all."""

import json
from datetime import datetime
from decimal import Decimal

import pyarrow
import pyarrow.parquet
import pytest
from loader_shop import Shop

SALES = """
sales:
  entity: orders
  {format}
  key: [sale_id]
  amount: total
  columns:
    sale_id: {{type: id, required: true}}
    total: {{type: amount, required: true, currency_column: currency}}
    currency: {{type: currency, required: true}}
    sold_at: {{type: timestamp, timezone: Europe/Berlin}}
    note: {{type: string}}
"""
SOLD_AT = datetime.fromisoformat("2026-01-05 09:00:00")  # without zone, as the warehouse has it
ROWS = [
    ("S-1", Decimal("10.50"), "EUR", SOLD_AT, "plain"),
    ("S-2", Decimal("-7.00"), "USD", SOLD_AT, 'a "b", c'),
    ("S-3", Decimal(300), "JPY", None, None),
]
CSV = (
    "sale_id,total,currency,sold_at,note\n"
    "S-1,10.50,EUR,2026-01-05 10:00:00,plain\n"
    'S-2,-7.00,USD,2026-01-05T09:00:00Z,"a ""b"", c"\n'
    "S-3,300,JPY,,\n"
)


def shop(tmp_path, file_format=""):
    return Shop(tmp_path, SALES.format(format=file_format))


def stored(made: Shop) -> list[tuple]:
    return made.rows(
        "select sale_id, total, currency, sold_at, note from raw.shop__sales order by sale_id"
    )


def as_lines(text: str, **others: str) -> str:
    """The CSV of this module in another dialect."""
    delimiter, point = others.get("delimiter", ","), others.get("point", ".")
    rows = [line.split(",", 4) for line in text.splitlines()]
    changed = [
        [cell.replace(".", point) if at == 1 else cell for at, cell in enumerate(row)]
        for row in rows
    ]
    return "".join(delimiter.join(row) + "\n" for row in changed)


@pytest.mark.parametrize(
    ("file_format", "name", "content"),
    [
        ("", "sales.csv", CSV),
        ("", "sales.csv.gz", CSV),
        ("", "sales.csv", "\ufeff" + CSV),
        ("", "sales.csv", CSV.replace("\n", "\r\n")),
        ("", "sales.tsv", as_lines(CSV, delimiter="\t")),
        (
            "format: {delimiter: ';', decimal_separator: ','}",
            "sales.csv",
            as_lines(CSV, delimiter=";", point=","),
        ),
        ("format: {skip_rows: 2}", "sales.csv", "report, of\n1 May\n" + CSV),
        ("format: {encoding: utf-16}", "sales.csv", CSV.encode("utf-16")),
        ("format: {encoding: latin-1}", "sales.csv.gz", CSV),
        ("format: {escape: '\\'}", "sales.csv", CSV.replace('""', '\\"')),
        ("format: {type: csv}", "sales.tsv", CSV),
    ],
)
def test_delimited_text_is_read_as_the_contract_says(tmp_path, file_format, name, content):
    made = shop(tmp_path, file_format)

    result = made.load_file(name, content)

    assert (result.status, result.rows_loaded, result.rows_rejected) == ("loaded", 3, 0), result
    assert stored(made) == ROWS


def records() -> list[dict]:
    return [
        {
            "sale_id": "S-1",
            "total": 10.5,
            "currency": "EUR",
            "sold_at": "2026-01-05 10:00:00",
            "note": "plain",
        },
        {
            "note": 'a "b", c',
            "sale_id": "S-2",
            "total": "-7.00",
            "currency": "USD",
            "sold_at": "2026-01-05T09:00:00Z",
        },
        {"sale_id": "S-3", "total": 300, "currency": "JPY", "sold_at": None},
    ]


@pytest.mark.parametrize(
    ("file_format", "name", "content"),
    [
        ("", "sales.jsonl", "".join(json.dumps(row) + "\n" for row in records())),
        ("", "sales.jsonl.gz", "\n".join(json.dumps(row) for row in records())),
        ("", "sales.json", json.dumps(records(), indent=2)),
        ("", "sales.json", json.dumps(records())),
        (
            "format: {records_path: data.sales}",
            "sales.json.gz",
            json.dumps({"page": [1, {"a": "]}"}], "data": {"n": 3, "sales": records(), "z": {}}}),
        ),
    ],
)
def test_json_is_read_with_the_digits_of_its_numbers(tmp_path, file_format, name, content):
    made = shop(tmp_path, file_format)

    result = made.load_file(name, content)

    assert (result.status, result.rows_loaded) == ("loaded", 3), result
    assert stored(made) == ROWS


@pytest.mark.parametrize("name", ["sales.parquet", "sales.parquet.gz"])
def test_parquet_is_read_with_its_decimals_and_zones(tmp_path, name):
    made = shop(tmp_path)
    table = pyarrow.table(
        {
            "sale_id": ["S-1", "S-2", "S-3"],
            "total": pyarrow.array([row[1] for row in ROWS], pyarrow.decimal128(18, 4)),
            "currency": ["EUR", "USD", "JPY"],
            "sold_at": pyarrow.array([row[3] for row in ROWS], pyarrow.timestamp("us", "UTC")),
            "note": [row[4] for row in ROWS],
        }
    )
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink)

    result = made.load_file(name, sink.getvalue().to_pybytes())

    assert (result.status, result.rows_loaded) == ("loaded", 3), result
    assert stored(made) == ROWS


def test_floating_point_in_parquet_is_refused(tmp_path):
    made = shop(tmp_path)
    table = pyarrow.table({"sale_id": ["S-1"], "total": [10.5], "currency": ["EUR"]})
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink)

    result = made.load_file("sales.parquet", sink.getvalue().to_pybytes())

    assert (result.status, result.fault_id) == ("refused", "A10")
    assert "floating point" in result.reason


def test_minor_units_become_major_by_the_exponent_of_the_currency(tmp_path):
    contract = SALES.replace("currency_column: currency", "currency_column: currency, unit: minor")
    made = Shop(tmp_path, contract.format(format=""))

    result = made.load_file(
        "sales.csv",
        "sale_id,total,currency\nS-1,1250,EUR\nS-2,1250,JPY\nS-3,1250,KWD\nS-4,12.50,EUR\n",
    )

    assert (result.rows_loaded, result.rows_rejected) == (3, 1)
    assert made.rows("select sale_id, total from raw.shop__sales order by all") == [
        ("S-1", Decimal("12.50")),
        ("S-2", Decimal(1250)),
        ("S-3", Decimal("1.25")),
    ]
    assert made.rows("select currency_code, amount from raw.accounting order by all") == [
        ("EUR", Decimal("12.50")),
        ("JPY", Decimal(1250)),
        ("KWD", Decimal("1.25")),
    ]


def test_a_column_may_have_another_name_in_the_file(tmp_path):
    contract = SALES.replace("note: {{type: string}}", "note: {{type: string, header: 'The Note'}}")
    made = Shop(tmp_path, contract.format(format=""))

    made.load_file("sales.csv", "sale_id,total,currency,The Note\nS-1,1,EUR,hello\n")

    assert made.rows("select note, _extra from raw.shop__sales") == [("hello", None)]


def test_a_json_path_reaches_into_a_record(tmp_path):
    contract = SALES.replace("note: {{type: string}}", "note: {{type: string, header: by.name}}")
    made = Shop(tmp_path, contract.format(format=""))

    made.load_file(
        "sales.jsonl", '{"sale_id": "S-1", "total": 1, "currency": "EUR", "by": {"name": "Eve"}}\n'
    )

    assert made.rows("select note from raw.shop__sales") == [("Eve",)]


def test_lines_count_from_the_top_of_the_file_whatever_is_read(tmp_path):
    made = shop(tmp_path, "format: {skip_rows: 1}")

    made.load_file(
        "sales.csv",
        "made by hand\nsale_id,total,currency,note\n"
        'S-1,1,EUR,"two\nlines"\n\nS-2,1,EUR,x\nS-3,1,EUR\nS-4,1e5,EUR,x\n',
    )

    assert made.rows("select sale_id, _line from raw.shop__sales order by all") == [
        ("S-1", 3),
        ("S-2", 6),
    ]
    assert made.rows("select line, fault_id from raw.rejected_rows order by all") == [
        (7, "A9"),
        (8, "A17"),
    ]


def test_a_direct_reading_and_an_exact_one_store_the_same(tmp_path):
    """A blank line makes the whole file be read line by line."""
    direct = shop(tmp_path / "direct")
    exact = shop(tmp_path / "exact")
    direct.root.mkdir()
    exact.root.mkdir()

    direct.load_file("sales.csv", CSV)
    exact.load_file("sales.csv", CSV + "\n")

    columns = "sale_id, total, sold_at, note, _line, _key_hash, _row_hash, _row_version"
    query = f"select {columns} from raw.shop__sales order by all"
    assert direct.rows(query) == exact.rows(query)
