"""Faults of parquet: what CSV cannot get wrong."""

import io
import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
from landed_rows import orders
from loader_harness import assert_refused, time_limit


def parquet(columns: dict[str, pa.Array | list]) -> bytes:
    """Return a parquet file of the columns."""
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def order_columns(count: int = 4) -> dict[str, list]:
    """Return valid orders by column."""
    rows = orders(count)
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_a17_parquet_keeps_decimals_and_never_takes_doubles_for_money(harness):
    exact = {**order_columns(), "total_amount": [Decimal("10.25")] * 4}
    harness.load_rows("orders_1.parquet", parquet(exact))
    assert harness.stored("total_amount") == [(Decimal("10.25"),)] * 4

    doubles = {**order_columns(), "total_amount": [10.25, 0.1, 0.3, float("nan")]}
    outcome = harness.load_rows("orders_2.parquet", parquet(doubles))

    assert outcome.rows_loaded == 0, outcome
    assert outcome.faults & {"A10", "A17"}
    harness.assert_sound()


def test_a18_parquet_decimals_beyond_the_currency_are_rejected(harness):
    amounts = [Decimal("1.000"), Decimal("1.005"), Decimal("2.500"), Decimal("3.000")]

    outcome = harness.load_rows(
        "orders.parquet", parquet({**order_columns(), "total_amount": amounts})
    )

    stored = dict(harness.stored("order_id, total_amount"))
    assert "SO-2" not in stored
    assert outcome.rows_loaded + outcome.rows_rejected == 4 or outcome.status == "refused"
    harness.assert_sound()


def test_a4_a_cut_or_damaged_parquet_file_is_refused_whole(harness):
    whole = parquet(order_columns())
    for number, content in enumerate(
        [
            whole[:40],
            whole[:-1],
            whole[4:],
            b"PAR1" + whole[-8:],
            whole[:-8] + b"\xff" * 4 + b"PAR1",
        ]
    ):
        harness.land(f"orders_{number}.parquet", content)
        harness.load()
        outcome = harness.outcome(f"orders_{number}.parquet")
        assert outcome.status == "refused", (number, outcome)
        harness.clear_landing()
    assert harness.stored() == []
    harness.assert_sound()


def test_a4_parquet_with_any_byte_flipped_never_ends_the_run(harness):
    """A flipped byte may pass as another value of one column; it may not break the loader."""
    whole = parquet(order_columns())
    for place in range(4, len(whole), max(1, len(whole) // 40)):
        content = whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]
        harness.land(f"orders_{place}.parquet", content)
        harness.load()
        harness.clear_landing()

    harness.assert_sound()


def test_a10_a_list_where_an_id_belongs_is_no_id(harness):
    """CSV cannot say this, JSON and parquet can: the column has another type as a whole."""
    nested = {**order_columns(), "customer_id": [["a"], ["b"], ["c"], ["d"]]}
    as_parquet = harness.load_rows("orders.parquet", parquet(nested))
    harness.clear_landing()
    rows = [json.dumps({**row, "customer_id": ["a"]}) for row in orders(4, first=10)]
    as_json = harness.load_rows("orders.jsonl", "".join(row + "\n" for row in rows))

    assert (as_parquet.rows_loaded, as_json.rows_loaded) == (0, 0), harness.stored("customer_id")
    assert as_parquet.faults
    assert as_json.faults
    harness.assert_sound()


def test_a14_a_parquet_dictionary_bomb_is_refused(harness):
    """One text of a megabyte, named by hundreds of rows: a small file that says it is small."""
    count = 400
    names = pa.DictionaryArray.from_arrays(pa.array([0] * count, pa.int32()), ["x" * 1_000_000])
    content = parquet({"customer_id": [f"C-{n}" for n in range(count)], "name": names})
    assert len(content) < 2_000_000
    harness.limits(max_expanded_mb=50)

    with time_limit(30):
        harness.load_rows("customers.parquet", content)

    assert harness.outcome("customers.parquet").status == "refused"
    assert harness.outcome("customers.parquet").fault_id in ("A14", "A15")
    harness.assert_sound()


def test_a8_parquet_without_rows_is_refused(harness):
    empty = {name: pa.array([], pa.string()) for name in order_columns()}

    harness.load_rows("orders.parquet", parquet(empty))

    assert_refused(harness, "orders.parquet", "A8")


def test_a21_parquet_times_keep_their_instant(harness):
    moments = pa.array([1_770_000_000_000_000] * 4, pa.timestamp("us", tz="Europe/Berlin"))

    outcome = harness.load_rows(
        "orders.parquet", parquet({**order_columns(), "ordered_at": moments})
    )

    assert outcome.rows_loaded == 4, outcome
    assert {str(row[0]) for row in harness.stored("ordered_at")} == {"2026-02-02 02:40:00"}
    harness.assert_sound()


def test_a21_parquet_times_without_zone_are_rejected(harness):
    moments = pa.array([1_770_000_000_000_000] * 4, pa.timestamp("us"))

    outcome = harness.load_rows(
        "orders.parquet", parquet({**order_columns(), "ordered_at": moments})
    )

    assert outcome.rows_loaded == 0
    assert outcome.faults & {"A21", "A10"}
    harness.assert_sound()
