"""The samples: the bytes in the repository are what the stories make, and hold what they say."""

from collections import Counter, defaultdict

import duckdb
import pytest

from orchestration.generator.samples import tell_samples
from orchestration.generator.samples.__main__ import FOLDER
from orchestration.generator.samples.book import differences, write_files
from tests.benchmarks.baseline import reconcile
from tests.benchmarks.baseline_legs import ORDER_LEGS

CLASS_OF = {
    ("leg_payment", "missing"): "PAY_MISSING",
    ("leg_payment", "short"): "PAY_SHORT",
    ("leg_payment", "refund_exceeds"): "PAY_REFUND_EXCEEDS",
    ("leg_payment", "refund_missing"): "PAY_REFUND_MISSING",
    ("leg_fulfilment", "missing"): "FUL_MISSING",
    ("leg_fulfilment", "short"): "FUL_SHORT",
    ("leg_fulfilment", "over"): "FUL_OVER",
    ("leg_seller_split", "different"): "MKT_SPLIT",
    ("leg_seller_split", "missing"): "MKT_PAYOUT_MISSING",
}


@pytest.fixture(scope="module")
def book():
    return tell_samples()


def test_the_files_in_the_repository_are_what_the_stories_make(book):
    assert differences(book, FOLDER) == []


def test_a_changed_file_is_named_with_what_to_do(book, tmp_path):
    write_files(book, tmp_path)
    (tmp_path / "orders.csv").write_text("order_id\n")
    (tmp_path / "parrots.csv").write_text("parrot_id\n")
    first, second = differences(book, tmp_path)
    assert "orders.csv is not what the stories make" in first
    assert "--write" in first
    assert "parrots.csv belongs to no stream" in second


def test_the_stories_hold_exactly_the_problems_they_tell(book, tmp_path):
    reconcile(FOLDER.parent, tmp_path / "legs.duckdb", threads=1, memory_mb=1024)
    found = defaultdict(set)
    with duckdb.connect(str(tmp_path / "legs.duckdb"), read_only=True) as connection:
        tests = {
            row[0]
            for row in connection.execute("select order_id from orders where is_test").fetchall()
        }
        for leg in ORDER_LEGS:
            rows = connection.execute(
                f"select order_id, status from {leg} where status not in ('matched', 'no_order')"
            ).fetchall()
            for order_id, status in rows:
                # Too much money is either a second payment or too large a one.
                found[CLASS_OF.get((leg, status), "PAY_OVER or PAY_DUPLICATE")].add(order_id)
    told = defaultdict(set)
    for one in book.expected:
        if one.order_id and one.order_id not in tests and one.exception_code != "PAY_UNAPPLIED":
            too_much = one.exception_code in {"PAY_OVER", "PAY_DUPLICATE"}
            code = "PAY_OVER or PAY_DUPLICATE" if too_much else one.exception_code
            told[code].add(one.order_id)
    assert found == told


def test_there_are_about_300_orders_and_a_handful_of_problems(book):
    kinds = Counter(row["order_type"] for row in book.streams["orders"])
    assert set(kinds) == {"new", "renewal", "amendment", "commerce", "marketplace"}
    assert 280 <= kinds.total() <= 320
    assert 15 <= len(book.expected) <= 30
    assert len({one.exception_code for one in book.expected}) >= 15


def test_no_document_is_newer_than_the_day_of_the_samples(book):
    stamps = [row["updated_at"] for rows in book.streams.values() for row in rows]
    assert max(stamps).date().isoformat() <= "2026-06-30"
