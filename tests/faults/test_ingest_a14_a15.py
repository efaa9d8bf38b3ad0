"""Faults A14 and A15: bombs and sizes."""

import gzip
import io
import random
import time
import zipfile

import pytest
from landed_rows import HEADER, ORDER_HEADER, csv_text, order, orders
from loader_harness import assert_refused, time_limit

# A14


@pytest.mark.parametrize("fill", [b"\n", b"0", b"SO-1,commerce,C-1,EUR,2026-02-01T10:00:00Z,1\n"])
def test_a14_a_gzip_bomb_is_refused_by_its_ratio(harness, fill):
    content = gzip.compress(HEADER.encode() + fill * (40_000_000 // len(fill)))
    assert len(content) < 400_000

    started = time.monotonic()
    with time_limit(20):
        harness.load_rows("orders.csv.gz", content)

    assert_refused(harness, "orders.csv.gz", "A14")
    assert time.monotonic() - started < 10
    left = [p for p in harness.settings.home.rglob("*") if p.stat().st_size > 5_000_000]
    assert not left, f"unpacked bytes left behind: {left}"


def test_a14_unpacked_size_has_a_cap(harness):
    noise = random.Random(14).randbytes(1_500_000).hex()
    rows = [order(f"SO-{n}", customer_id=noise[n * 1000 : n * 1000 + 1000]) for n in range(3000)]
    harness.limits(max_expanded_mb=1)

    harness.load_rows("orders.csv.gz", gzip.compress(csv_text(rows).encode()))

    assert_refused(harness, "orders.csv.gz", "A14", "A15")


def test_a14_delivered_size_has_a_cap(harness):
    rows = [order(f"SO-{n}", customer_id="C" * 900) for n in range(2000)]
    harness.limits(max_file_mb=1)

    harness.load_rows("orders.csv", csv_text(rows))

    assert_refused(harness, "orders.csv", "A14", "A15")


def test_a14_packed_twice_is_refused(harness):
    content = gzip.compress(gzip.compress(csv_text(orders(3)).encode()))

    harness.load_rows("orders.csv.gz", content)

    assert harness.outcome("orders.csv.gz").status == "refused"
    assert harness.stored() == []
    harness.assert_sound()


def test_a14_a_cut_archive_is_refused_whole(harness):
    whole = gzip.compress(csv_text(orders(50)).encode())
    cuts = (1, 5, 12, 60, len(whole) - 9, len(whole) - 4)
    for cut in cuts:
        harness.land(f"orders_{cut}.csv.gz", whole[:cut])

    harness.load()

    for cut in cuts:
        assert_refused(harness, f"orders_{cut}.csv.gz", "A4", "A14", "A16")


def test_a14_a_wrong_checksum_is_refused_whole(harness):
    whole = bytearray(gzip.compress(csv_text(orders(50)).encode()))
    whole[-6] ^= 0xFF

    harness.load_rows("orders.csv.gz", bytes(whole))

    assert_refused(harness, "orders.csv.gz", "A4", "A14", "A16")


def test_a14_bytes_behind_the_archive_are_not_dropped_silently(harness):
    whole = gzip.compress(csv_text(orders(3)).encode())

    outcome = harness.load_rows("orders.csv.gz", whole + b"SO-9,commerce,and more\n")

    assert outcome.status == "refused", outcome
    harness.assert_sound()


def test_a14_many_members_load_in_full_or_not_at_all(harness):
    text = csv_text(orders(500)).encode()
    members = b"".join(gzip.compress(text[n : n + 7]) for n in range(0, len(text), 7))

    with time_limit(20):
        outcome = harness.load_rows("orders.csv.gz", members + gzip.compress(b"") * 20_000)

    assert outcome.status == "refused" or outcome.rows_loaded == 500
    harness.assert_sound()


def test_a14_a_zip_archive_with_climbing_names_is_never_unpacked(harness, workplace):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("../../escaped.csv", csv_text(orders(1)))
    names = ["orders.zip", "orders_1.csv.zip", "orders_2.csv.gz", "orders_3.csv"]
    for name in names:
        harness.land(name, archive.getvalue() + name.encode())

    harness.load()

    assert not list(harness.settings.home.parent.rglob("escaped.csv"))
    assert harness.stored() == []
    told = {path.rpartition("/")[2] for path, _ in harness.reports[-1].ignored}
    for name in names:
        assert name in told or harness.outcome(name).status == "refused", name
    harness.assert_sound()


def test_a14_plain_bytes_named_gz_are_refused(harness):
    harness.load_rows("orders.csv.gz", csv_text(orders(3)))

    assert harness.outcome("orders.csv.gz").status == "refused"
    harness.assert_sound()


# A15


def test_a15_a_huge_row_does_not_take_its_file_along_silently(harness):
    """More than the 2 MB at which the reader gives up by itself: the row alone is rejected, or
    the file as a whole, never a part."""
    huge = order("SO-HUGE", customer_id="x" * 3_000_000)
    content = csv_text([*orders(2), huge, *orders(2, first=3)])

    with time_limit(30):
        outcome = harness.load_rows("orders.csv", content)

    assert "A15" in outcome.faults
    assert outcome.status == "refused" or (outcome.rows_loaded, outcome.rows_rejected) == (4, 1)
    harness.assert_sound()


def test_a15_text_of_a_reject_is_bounded(harness):
    harness.load_rows(
        "orders.csv",
        csv_text([*orders(4), order("SO-9", "x" * 900_000, customer_id="y" * 900_000)]),
    )

    lengths = harness.rows("select length(row_text), length(value_text) from raw.rejected_rows")

    for row_length, value_length in lengths:
        assert (row_length or 0) <= 2_000_000
        assert (value_length or 0) <= 1_000_000
    harness.assert_sound()


def test_a15_ten_thousand_columns_are_no_columns_of_ours(harness):
    harness.load_rows("customers.csv", "customer_id\nC-1\n")
    before = harness.table_names()
    extra = {f"extra_{number}": "1" for number in range(10_000)}

    with time_limit(30):
        outcome = harness.load_rows("orders.csv", [{**order(), **extra}])

    assert outcome.status == "loaded" or outcome.fault_id in ("A10", "A15")
    assert harness.table_names() == before
    harness.assert_sound()


def test_a15_a_header_of_megabytes_is_refused(harness):
    with time_limit(30):
        harness.load_rows("orders.csv", HEADER.strip() + "," + "h" * 4_000_000 + "\n" + "x,y\n")

    assert_refused(harness, "orders.csv", "A15", "A10")


def test_a15_a_megabyte_of_delimiters_is_bounded(harness):
    with time_limit(30):
        outcome = harness.load_rows(
            "orders.csv", csv_text(orders(3), ORDER_HEADER) + "," * 1_000_000 + "\n"
        )

    assert outcome.status == "refused" or (outcome.rows_loaded, outcome.rows_rejected) == (3, 1)
    harness.assert_sound()


def test_a15_a_quote_before_a_million_line_ends_is_bounded_in_time(harness):
    start = csv_text(orders(3), ORDER_HEADER) + 'SO-9,"'
    for number, inside in enumerate(("\n", '""\n', "a,\n", '"",\n')):
        harness.land(f"orders_{number}.csv", start + inside * 450_000)

    with time_limit(20):
        harness.load()

    for outcome in harness.outcomes().values():
        assert outcome.status in ("refused", "duplicate") or outcome.rows_rejected >= 1
    harness.assert_sound()


def test_a15_deeply_nested_json_ends_in_refusal(harness):
    with time_limit(30):
        outcome = harness.load_rows("orders.json", "[" * 200_000 + "]" * 200_000)

    assert outcome.status == "refused"
    harness.assert_sound()
