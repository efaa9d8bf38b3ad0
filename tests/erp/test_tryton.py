"""Delivery to a real ERP through its RPC: `make test-erp`.

R-S1, C1, C4, C5: what Tryton keeps unique, what it refuses with status 200, what it forgets.
"""

import json
import threading
import time
from collections import Counter
from decimal import Decimal

import pytest

from orchestration.connectors.targets.tryton import TrytonTarget
from orchestration.settings import Settings
from tests.erp.fault_proxy import start_proxy
from tests.erp.tryton_server import PASSWORD, Tryton, is_installed
from tests.faults.delivery_bed import artifact, assert_chain_holds, bed_in, policy

pytestmark = [
    pytest.mark.erp,
    pytest.mark.skipif(not is_installed(), reason="call `make setup-erp` first"),
]
UNIQUE = {"mechanism": "unique_field", "field": "web_id", "settle_seconds": 60}
RETRIES = {
    "most_attempts": 1000,
    "base_seconds": 1,
    "cap_seconds": 1,
    "jitter": "full",
    "retry_after_cap_seconds": 1,
}
ORDERS = 60


@pytest.fixture(scope="module")
def erp(tmp_path_factory):
    """A running Tryton with filled books."""
    server = Tryton(tmp_path_factory.mktemp("erp") / "server")
    server.prepare()
    server.start()
    yield server
    server.kill()


@pytest.fixture
def bed(tmp_path, monkeypatch):
    monkeypatch.setenv("MESHLINE_TARGET_ERP_TOKEN", f"admin:{PASSWORD}")
    with bed_in(tmp_path) as one:
        yield one


def open_erp(address: str, **changes) -> TrytonTarget:
    """The target of an address."""
    row = policy(
        adapter="tryton",
        address_env="MESHLINE_TARGET_ERP",
        idempotency=UNIQUE,
        retries=RETRIES,
        timeouts={"connect_seconds": 5, "read_seconds": 20, "total_seconds": 30},
        **changes,
    )
    return TrytonTarget("billing", row, Settings(None, None), address)


def document(number: int, kind: str = "invoice", customer: str = "C-1", sku: str = "CHAIR"):
    """An artifact as the marts make it, of six chairs and what is charged for them."""
    charges = Decimal("33.60") + number
    line = {"line_no": "1", "quantity": "6", "sku": sku}
    payload = {
        "customer_id": customer,
        "document_no": f"{kind}-{number}",
        "lines": [line],
        "order_id": f"O-{number}",
        "order_version": 1,
        "recon_key": f"rk_{number}",
    }
    total = Decimal("150.00") + charges
    if kind != "fulfilment_order":
        line |= {"net_amount": "150.00", "unit_price": "25.00"}
        payload |= {
            "amount": str(total),
            "currency": "EUR",
            "is_provisional": False,
            "tax_and_charges_amount": str(charges),
            "term_days": 30,
        }
    text = json.dumps(payload, sort_keys=True, separators=(",", ":"))
    return artifact(
        number,
        artifact_kind=kind,
        natural_key=f"INV-{number}",
        payload=text,
        total=total,
        currency_code="EUR" if kind != "fulfilment_order" else None,
    )


def ask(target: TrytonTarget, method: str, *parameters: object):
    """What a person at the ERP would do."""
    return target._rpc.call(method, *parameters)


def test_a_sale_is_invoiced_to_the_cent_and_its_goods_are_shipped(erp, bed):
    bed.put([document(1001), document(1002, "fulfilment_order")])
    with open_erp(erp.address) as target:
        bed.once(target)
        assert bed.states() == Counter({"done": 2})
        rows = bed.rows()
        sale = int(rows["INV-1001v1"]["receiver_ref"].removeprefix("sale,"))
        (held,) = ask(target, "model.sale.sale.read", [sale], ["state", "invoices", "shipments"])
        (invoice,) = ask(
            target, "model.account.invoice.read", held["invoices"], ["state", "total_amount"]
        )
        assert invoice["state"] == "posted"
        assert Decimal(invoice["total_amount"]["decimal"]) == Decimal(rows["INV-1001v1"]["amount"])
        assert held["shipments"] == []
        order = int(rows["INV-1002v1"]["receiver_ref"].removeprefix("sale,"))
        (held,) = ask(target, "model.sale.sale.read", [order], ["invoices", "shipments"])
        assert held["invoices"] == []
        shipment = "model.stock.shipment.out"
        for step in ("assign_force", "pick", "pack", "do"):
            ask(target, f"{shipment}.{step}", held["shipments"])
        (shipped,) = ask(target, f"{shipment}.read", held["shipments"], ["state"])
        assert shipped["state"] == "done"


def test_what_it_refuses_with_status_200_is_refused_and_leaves_nothing(erp, bed):
    """C4."""
    before = erp.rows("select count(*) from sale_sale")
    rows = [
        document(2001, customer="C-nowhere"),
        document(2002, customer="C-unknown"),
        document(2003, sku="NO-SUCH"),
        document(2004),
    ]
    bed.put(rows)
    with open_erp(erp.address) as target:
        bed.once(target)
        assert bed.states() == Counter({"refused": 3, "done": 1})
    said = {name: row["last_error"] for name, row in bed.rows().items() if row["last_error"]}
    assert "invoice address" in said["INV-2001v1"]
    assert "party.party with the code C-unknown" in said["INV-2002v1"]
    assert "product.product with the code NO-SUCH" in said["INV-2003v1"]
    assert erp.rows("select count(*) from sale_sale") == [(before[0][0] + 1,)]


def test_the_same_key_with_other_contents_is_parked(erp, bed, tmp_path):
    bed.put([document(3001)])
    with open_erp(erp.address) as target:
        bed.once(target)
        (tmp_path / "other").mkdir()
        with bed_in(tmp_path / "other") as another:
            another.put([document(3001, customer="C-2")])
            another.once(target)
            assert another.row(3001)["state"] == "parked"
            assert "other contents" in another.row(3001)["last_error"]


def test_an_expired_session_is_opened_anew_once(erp, bed):
    """C5: no stampede, though several threads find it expired."""
    with open_erp(erp.address) as target:
        bed.put([document(4000)])
        bed.once(target)
        logins = []
        real = target._rpc._post

        def counted(method, *rest):
            logins.extend([method] if method == "common.db.login" else [])
            return real(method, *rest)

        target._rpc._post = counted
        target._rpc._session = "bm9ib2R5OjE6eA=="
        bed.put([document(4000 + number) for number in range(1, 9)])
        bed.once(target)
        assert bed.states() == Counter({"done": 9})
        assert logins == ["common.db.login"]


def test_sixty_orders_through_faults_and_restarts_are_there_once(erp, bed):
    """C1, T1: the receiver's own database says how often each is there, and what was posted."""
    bed.put([document(5000 + number) for number in range(ORDERS)])
    stop = threading.Event()

    def restart() -> None:
        while not stop.wait(12):
            erp.kill()
            time.sleep(0.5)
            erp.start()

    with start_proxy(erp.port) as proxy, open_erp(f"http://127.0.0.1:{proxy.port}/erp") as target:
        proxy.rate = 0.4
        thread = threading.Thread(target=restart, daemon=True)
        thread.start()
        try:
            assert bed.until_quiet(target, step=2, rounds=2000) < 2000
        finally:
            stop.set()
            thread.join(90)
        proxy.rate = 0
        time.sleep(1)  # what is late arrives
        assert bed.states() == Counter({"done": ORDERS})
        listed = [one.idem_key for one in target.holdings()]
    faults = sum(count for kind, count in proxy.count.items() if kind != "none")
    assert faults > ORDERS
    keys = {row["idem_key"]: Decimal(row["amount"]) for row in bed.rows().values()}
    held = erp.rows("select web_id, state, id from sale_sale where reference like 'invoice-5%'")
    assert Counter(web_id for web_id, _, _ in held) == Counter(dict.fromkeys(keys, 1))
    assert {state for _, state, _ in held} <= {"processing", "done"}
    posted = erp.rows(
        "select sale.web_id, sum(line.quantity * line.unit_price), count(distinct invoice.id) "
        "from sale_sale as sale "
        "join sale_line as sold on sold.sale = sale.id "
        "join account_invoice_line as line on line.origin = 'sale.line,' || sold.id "
        "join account_invoice as invoice on line.invoice = invoice.id "
        "where sale.reference like 'invoice-5%' and invoice.state = 'posted' group by 1"
    )
    assert {key: Decimal(str(total)) for key, total, _ in posted} == keys
    assert {count for _, _, count in posted} == {1}
    assert set(keys) <= set(listed)
    assert_chain_holds(bed.ledger)
