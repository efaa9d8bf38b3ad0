"""Generated extracts: repeatable to the byte, sound without defects, true with them."""

import csv
import json
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import yaml

from orchestration.core.errors import UsageRefused
from orchestration.generator import api
from orchestration.generator.api import STREAMS, generate
from orchestration.generator.billing_defects import BILLING_DEFECTS
from orchestration.generator.change import generate_change
from orchestration.generator.defects import DEFECTS
from orchestration.generator.settlement_defects import BATCH_DEFECTS, SETTLEMENT_DEFECTS
from orchestration.settings import PROJECT_ROOT
from tests.benchmarks.baseline import reconcile, typed_scan
from tests.benchmarks.baseline_legs import ORDER_LEGS

ORDERS = 4_000
# Younger orders may wait for a document; older ones are past due on every leg.
MOMENT = datetime(2026, 7, 1, tzinfo=UTC)
SETTLED = "2026-06-28 00:00:00"
SETTLEMENT_CODES = {defect.code for defect in SETTLEMENT_DEFECTS}
BILLING_CODES = {defect.code for defect in BILLING_DEFECTS}
BATCH_CODES = {defect.code for defect in BATCH_DEFECTS}
FAULTY = {
    "PAY_MISSING": ("leg_payment", "missing"),
    "PAY_SHORT": ("leg_payment", "short"),
    "PAY_OVER": ("leg_payment", "over"),
    "PAY_DUPLICATE": ("leg_payment", "over"),
    "PAY_REFUND_EXCEEDS": ("leg_payment", "refund_exceeds"),
    "PAY_REFUND_MISSING": ("leg_payment", "refund_missing"),
    "PAY_UNAPPLIED": ("leg_payment", "no_order"),
    "FUL_MISSING": ("leg_fulfilment", "missing"),
    "FUL_SHORT": ("leg_fulfilment", "short"),
    "FUL_OVER": ("leg_fulfilment", "over"),
    "MKT_SPLIT": ("leg_seller_split", "different"),
    "MKT_PAYOUT_MISSING": ("leg_seller_split", "missing"),
}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    out = tmp_path_factory.mktemp("sound")
    generate(out, ORDERS, seed=11, as_of=MOMENT)
    return out


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    out = tmp_path_factory.mktemp("faulty")
    generate(out, ORDERS, seed=12, defect_rate=Decimal("0.3"))
    return out


def _unsettled(landing: Path, database: Path) -> dict[tuple[str, str], set[str]]:
    """Return (leg, status) to the past due orders that do not match."""
    reconcile(landing, database, threads=1, memory_mb=1024)
    found = defaultdict(set)
    with duckdb.connect(str(database)) as connection:
        for leg in ORDER_LEGS:
            rows = connection.execute(
                f"select leg.order_id, leg.status from {leg} as leg "
                "left join orders on orders.order_id = leg.order_id "
                "where leg.status <> 'matched' and not coalesce(orders.is_test, false) "
                f"and (orders.ordered_at is null or orders.ordered_at < '{SETTLED}')"
            ).fetchall()
            for order_id, status in rows:
                found[leg, status].add(order_id)
    return dict(found)


def test_same_arguments_give_the_same_bytes(tmp_path, faulty):
    generate(tmp_path, ORDERS, seed=12, defect_rate=Decimal("0.3"))
    assert _bytes(tmp_path) == _bytes(faulty)


def test_another_seed_gives_another_world(sound, faulty):
    name = "generic/orders.csv"
    assert (sound / name).read_bytes() != (faulty / name).read_bytes()


def test_the_rows_do_not_depend_on_the_size_of_the_pieces(tmp_path, monkeypatch, faulty):
    monkeypatch.setattr(api, "CHUNK_ORDERS", 700)
    generate(tmp_path, ORDERS, seed=12, defect_rate=Decimal("0.3"))
    small, large = _bytes(tmp_path), _bytes(faulty)
    assert {name: sorted(text.splitlines()) for name, text in small.items()} == {
        name: sorted(text.splitlines()) for name, text in large.items()
    }


def test_every_past_due_leg_matches_without_defects(sound, tmp_path):
    unsettled = _unsettled(sound, tmp_path / "legs.duckdb")
    # Test orders are nobody's due, so their payments stand alone.
    tests = {
        row["order_id"] for row in _rows(sound / "generic/orders.csv") if row["is_test"] == "true"
    }
    assert {key: orders - tests for key, orders in unsettled.items() if orders - tests} == {}


def test_without_a_moment_every_document_has_been_reported(tmp_path):
    report = generate(tmp_path / "first", ORDERS, seed=13)
    orders = _rows(tmp_path / "first/generic/orders.csv")
    live = {
        row["order_id"]
        for row in orders
        if row["status"] in {"confirmed", "closed"} and row["is_test"] == "false"
    }
    billed = {row["order_ref"] for row in _rows(tmp_path / "first/generic/invoices.csv")}
    reconcile(tmp_path / "first", tmp_path / "legs.duckdb", threads=1, memory_mb=1024)
    with duckdb.connect(str(tmp_path / "legs.duckdb")) as connection:
        missing = connection.execute(
            "select count(*) from leg_payment where status = 'missing' union all "
            "select count(*) from leg_fulfilment where status = 'missing' union all "
            "select count(*) from leg_seller_split where status = 'missing'"
        ).fetchall()
    assert live == billed
    assert missing == [(0,), (0,), (0,)]
    assert max(row["ordered_at"] for row in orders) < "2026-06-27T00:00:00Z"
    assert report.as_of == MOMENT


def test_every_defect_shows_on_its_order_and_nowhere_else(faulty, tmp_path):
    unsettled = _unsettled(faulty, tmp_path / "legs.duckdb")
    expected = defaultdict(set)
    for row in _rows(faulty / "truth/expected_exceptions.csv"):
        # The hand-written legs end with the payment: what became of it then is nothing to them, nor
        # is what a gate holds, which has been carried through all documents, nor how it was billed.
        code = row["exception_code"]
        if (
            row["order_id"]
            and code not in SETTLEMENT_CODES | BILLING_CODES
            and not code.startswith("GATE_")
        ):
            expected[FAULTY[row["exception_code"]]].add(row["order_id"])
    # To the hand-written legs a draft is no order, so they know its payment only as a stray.
    drafts = expected.pop(("leg_payment", "no_order"))
    assert drafts <= unsettled["leg_payment", "no_order"]
    assert {key: orders for key, orders in unsettled.items() if key[1] != "no_order"} == expected


def test_documents_of_no_order_are_expected_by_their_own_id(faulty):
    strays = [
        row
        for row in _rows(faulty / "truth/expected_exceptions.csv")
        if not row["order_id"] and row["exception_code"] not in BATCH_CODES
    ]
    ids = {
        row["payment_id"]: row["order_ref"] for row in _rows(faulty / "generic/payments.csv")
    } | {row["shipment_id"]: row["order_ref"] for row in _rows(faulty / "generic/shipments.csv")}
    known = {row["order_id"] for row in _rows(faulty / "generic/orders.csv")}
    for row in strays:
        assert row["native_ref"] in ids
        if row["exception_code"] != "ING_ROW_REJECTED":
            assert ids[row["native_ref"]] not in known
    blank = {
        row["native_ref"]
        for row in strays
        if row["exception_code"] in {"KEY_MISSING", "PAY_UNAPPLIED"}
    }
    assert {ids[one] for one in blank} == {""}


def test_every_class_of_defect_occurs(faulty):
    rows = _rows(faulty / "truth/expected_exceptions.csv")
    assert {row["exception_code"] for row in rows} == {
        *(defect.code for defect in DEFECTS),
        *BATCH_CODES,
    }


def test_a_batch_with_a_defect_is_expected_by_its_own_id(faulty):
    batches = {row["batch_id"]: row for row in _rows(faulty / "generic/settlement_batches.csv")}
    bank = {row["line_id"] for row in _rows(faulty / "generic/bank_lines.csv")}
    for row in _rows(faulty / "truth/expected_exceptions.csv"):
        if row["exception_code"] == "BNK_UNKNOWN":
            assert row["native_ref"] in bank
        elif row["exception_code"] in BATCH_CODES:
            paid = f"BNK-{int(row['native_ref'][4:]):09d}" in bank
            assert paid == (row["exception_code"] in {"ING_FILE_FOOTING", "BNK_AMOUNT"})
            failed = batches[row["native_ref"]]["status"] == "failed"
            assert failed == (row["exception_code"] == "SET_PAYOUT_FAILED")


def test_the_share_of_defects_is_about_what_was_asked_for(tmp_path):
    report = generate(tmp_path, 30_000, defect_rate=Decimal("0.05"), streams=("orders",))
    assert 0.045 < sum(report.defects.values()) / 30_000 < 0.055


def test_no_order_has_two_defects(faulty):
    rows = _rows(faulty / "truth/expected_exceptions.csv")
    # An order without credit is held because it is not paid.
    held = {row["order_id"] for row in rows if row["exception_code"] == "GATE_CREDIT"}
    unpaid = {row["order_id"] for row in rows if row["exception_code"] == "PAY_MISSING"}
    assert held <= unpaid
    orders = [row["order_id"] for row in rows if row["exception_code"] != "GATE_CREDIT"]
    named = [order for order in orders if order]
    assert len(named) == len(set(named))


def test_totals_say_what_the_files_hold(sound):
    totals = json.loads((sound / "truth/totals.json").read_text())
    for stream, column in (("orders", "total_amount"), ("payments", "amount")):
        rows = _rows(sound / f"generic/{stream}.csv")
        sums = defaultdict(Decimal)
        for row in rows:
            sums[row["currency"]] += Decimal(row[column])
        assert totals[stream]["rows"] == len(rows)
        assert {code: str(amount) for code, amount in sums.items()} == totals[stream]["amounts"]


def test_batches_foot_to_their_lines_and_reach_the_bank(sound):
    nets = defaultdict(Decimal)
    for row in _rows(sound / "generic/settlement_lines.csv"):
        fees = Decimal(row["fee_amount"]) + Decimal(row["fee_tax_amount"])
        assert Decimal(row["gross_amount"]) - fees == Decimal(row["net_amount"])
        nets[row["batch_id"]] += Decimal(row["net_amount"])
    batches = _rows(sound / "generic/settlement_batches.csv")
    assert {row["batch_id"]: Decimal(row["net_amount"]) for row in batches} == nets
    bank = _rows(sound / "generic/bank_lines.csv")
    paid = [row["net_amount"] for row in batches if Decimal(row["net_amount"])]
    assert [row["amount"] for row in bank] == paid


def test_invoices_foot_and_bill_the_order_without_its_tip(sound):
    owed = {
        row["order_id"]: Decimal(row["total_amount"]) - Decimal(row["tip_amount"])
        for row in _rows(sound / "generic/orders.csv")
    }
    lines = defaultdict(Decimal)
    for row in _rows(sound / "generic/invoice_lines.csv"):
        lines[row["invoice_id"]] += Decimal(row["net_amount"]) + Decimal(row["tax_amount"])
    for row in _rows(sound / "generic/invoices.csv"):
        total = Decimal(row["total_amount"])
        assert total == owed[row["order_ref"]] == lines[row["invoice_id"]]


def test_amounts_have_the_decimals_of_their_currency(sound):
    decimals = defaultdict(set)
    for row in _rows(sound / "generic/payments.csv"):
        decimals[row["currency"]].add(len(row["amount"].partition(".")[2]))
    assert decimals["JPY"] == {0}
    assert decimals["KWD"] == {3}
    assert decimals["USD"] == {2}


@pytest.mark.parametrize("extract", ["sound", "samples"])
def test_headers_are_those_of_the_contract(extract, request):
    folder = PROJECT_ROOT / "seeds/samples/generic"
    if extract == "sound":
        folder = request.getfixturevalue("sound") / "generic"
    contract = yaml.safe_load((PROJECT_ROOT / "seeds/sources/generic.yml").read_text())
    for path in folder.glob("*.csv"):
        columns = contract["streams"][path.stem]["columns"]
        header = path.read_text(encoding="utf-8").partition("\n")[0].split(",")
        assert set(header) <= set(columns) | set(contract["common_columns"])
        assert {name for name, one in columns.items() if one.get("required")} <= set(header)


def test_a_subset_of_streams_leaves_the_others_out(tmp_path, sound):
    report = generate(tmp_path, ORDERS, seed=11, as_of=MOMENT, streams=("orders", "payments"))
    assert set(report.rows) == {"orders", "payments"}
    written = {path.name: path.read_bytes() for path in (tmp_path / "generic").iterdir()}
    assert written == {
        name: (sound / "generic" / name).read_bytes() for name in ("orders.csv", "payments.csv")
    }


def test_progress_ends_with_every_order(tmp_path):
    seen = []
    generate(
        tmp_path, 60, streams=("orders",), progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (60, 60)


def test_a_refusal_names_every_fault_at_once(tmp_path):
    with pytest.raises(UsageRefused) as refused:
        generate(
            tmp_path,
            0,
            defect_rate=Decimal(2),
            as_of=datetime(2026, 7, 1),  # noqa: DTZ001 - the fault under test
            streams=("orders", "parrots"),
        )
    message = str(refused.value)
    for word in ("orders is 0", "defect rate is 2", "no time zone", "parrots"):
        assert word in message
    assert not list(tmp_path.iterdir())


def test_documents_never_come_from_the_future(sound):
    latest = datetime(2026, 7, 1, tzinfo=UTC)
    for path in (sound / "generic").glob("*.csv"):
        for row in _rows(path):
            assert datetime.fromisoformat(row["updated_at"]) <= latest


def test_a_change_adds_its_share_to_every_moving_stream(sound, tmp_path):
    report = generate_change(tmp_path, ORDERS, seed=11, fraction=Decimal("0.05"), as_of=MOMENT)
    base = {path.stem: len(_rows(path)) for path in (sound / "generic").glob("*.csv")}
    for stream in ("orders", "order_lines", "payments", "shipment_lines", "invoice_lines"):
        assert 0.03 < report.rows[stream] / base[stream] < 0.08


def test_first_extract_and_change_together_match_on_every_past_due_leg(sound, tmp_path):
    report = generate_change(tmp_path, ORDERS, seed=11, fraction=Decimal("0.05"), as_of=MOMENT)
    database = tmp_path / "both.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for stream in sorted(STREAMS):
            paths = [sound / f"generic/{stream}.csv", tmp_path / f"generic/{stream}_2.csv"]
            scans = [
                f"select *, {n} as turn from {typed_scan(p)}"
                for n, p in enumerate(paths)
                if p.exists()
            ]
            key = {"orders": "order_id", "shipments": "shipment_id"}.get(stream)
            latest = f"qualify row_number() over (partition by {key} order by turn desc) = 1"
            union = " union all ".join(scans)
            connection.execute(
                f"create table {stream} as select * from ({union}) {latest if key else ''}"
            )
        for leg, sql in ORDER_LEGS.items():
            connection.execute(sql)
            open_orders = connection.execute(
                f"select count(*) from {leg} as leg join orders on orders.order_id = leg.order_id "
                f"where leg.status <> 'matched' and not orders.is_test "
                f"and orders.ordered_at < timestamptz '{report.as_of}' - interval 66 hour"
            ).fetchone()
            assert open_orders == (0,), leg
        twice = connection.execute(
            "select payment_id from payments group by payment_id having count(*) > 1"
        ).fetchall()
        assert twice == []


def test_a_change_out_of_range_is_refused(tmp_path):
    with pytest.raises(UsageRefused, match=r"up to 0\.1"):
        generate_change(tmp_path, 100, fraction=Decimal("0.5"))
