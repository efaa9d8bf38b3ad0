"""Invoices to localstripe, which ignores idempotency keys: the receiver without one."""

import json
import multiprocessing
import socket
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from orchestration.connectors.targets.base import CallFailed
from orchestration.connectors.targets.stripe import StripeTarget
from orchestration.core.delivery.answers import AnswerClass
from orchestration.settings import Settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))

from delivery_bed import artifact, bed_in, policy

NO_KEY = {"mechanism": "none", "lookup_field": "recon_key", "settle_seconds": 60}


def _serve(port: int) -> None:
    from aiohttp import web
    from localstripe.server import app

    web.run_app(app, host="127.0.0.1", port=port, print=None)


@pytest.fixture(scope="module")
def stripe():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(port,), daemon=True)
    process.start()
    address = f"http://127.0.0.1:{port}"
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield address
    process.kill()
    process.join(10)


@pytest.fixture
def customer(stripe) -> tuple[str, str]:
    """A customer and a subscription, without which localstripe makes no invoice."""
    made = post(stripe, "/v1/customers", {"email": "a@example.test"})
    card = {"type": "card", "card[number]": "4242424242424242", "card[cvc]": "123"}
    card |= {"card[exp_month]": "12", "card[exp_year]": "2040"}
    method = post(stripe, "/v1/payment_methods", card)
    post(stripe, f"/v1/payment_methods/{method['id']}/attach", {"customer": made["id"]})
    post(
        stripe,
        f"/v1/customers/{made['id']}",
        {"invoice_settings[default_payment_method]": method["id"]},
    )
    plan = {"amount": "0", "currency": "eur", "interval": "month", "product[name]": "none"}
    plan = post(stripe, "/v1/plans", plan)
    form = {"customer": made["id"], "items[0][plan]": plan["id"]}
    return made["id"], post(stripe, "/v1/subscriptions", form)["id"]


def post(address: str, path: str, form: dict) -> dict:
    request = Request(
        address + path,
        data=urlencode(form).encode(),
        headers={"Authorization": "Bearer sk_test_12345"},
    )
    with urlopen(request, timeout=20) as answer:
        return json.load(answer)


@pytest.fixture
def target(stripe, monkeypatch):
    monkeypatch.setenv("MESHLINE_TARGET_BILLING_TOKEN", "sk_test_12345")
    row = policy(idempotency=NO_KEY, max_in_flight=1, adapter="stripe")
    with closing(StripeTarget("billing", row, Settings(Path(), Path()), stripe)) as one:
        yield one


def invoice(number: int, customer: tuple[str, str]):
    payload = {
        "stripe_customer": customer[0],
        "stripe_subscription": customer[1],
        "lines": [{"sku": "A", "amount": "60.00"}, {"sku": "B", "amount": "41.00"}],
    }
    return artifact(number, payload=json.dumps(payload, sort_keys=True, separators=(",", ":")))


def ours(target) -> Counter:
    return Counter(one.idem_key for one in target.holdings())


def test_an_invoice_is_written_and_found_by_our_key(tmp_path, target, customer):
    with bed_in(tmp_path) as bed:
        bed.put([invoice(1, customer)])
        bed.once(target)
        assert bed.row()["state"] == "done", bed.row()["last_error"]
        assert ours(target)[bed.row()["idem_key"]] == 1


@pytest.mark.parametrize("calls_before", range(5))
def test_a_write_that_broke_off_anywhere_settles_and_makes_one_invoice(
    tmp_path, target, customer, monkeypatch, calls_before
):
    made, call = [], target._call

    def breaks(method, path, **more):
        if method == "POST" and len(made) == calls_before and not more.get("again"):
            made.append("broken")
            raise CallFailed(AnswerClass.AMBIGUOUS, "broke off")
        made.append(path)
        return call(method, path, **more)

    with bed_in(tmp_path) as bed:
        bed.put([invoice(10 + calls_before, customer)])
        with monkeypatch.context() as patched:
            patched.setattr(target, "_call", breaks)
            bed.once(target)
        is_whole = calls_before == 4
        assert bed.row(10 + calls_before)["state"] == ("done" if is_whole else "unknown")
        bed.dial.pass_(61)
        bed.once(target)
        row = bed.row(10 + calls_before)
        assert row["state"] == "done"
        assert ours(target)[row["idem_key"]] == 1


def test_an_answer_that_was_lost_is_found_and_not_written_again(
    tmp_path, target, customer, monkeypatch
):
    write = target._write

    def loses(documents):
        write(documents)
        raise CallFailed(AnswerClass.AMBIGUOUS, "the answer was lost")

    with bed_in(tmp_path) as bed:
        bed.put([invoice(20, customer)])
        with monkeypatch.context() as patched:
            patched.setattr(target, "_write", loses)
            bed.once(target)
        assert bed.row(20)["state"] == "unknown"
        bed.once(target)
        assert bed.row(20)["state"] == "unknown", "it settles first"
        bed.dial.pass_(61)
        bed.once(target)
        assert bed.row(20)["state"] == "swept"
        assert ours(target)[bed.row(20)["idem_key"]] == 1


def test_two_of_them_are_found_by_the_sweep(tmp_path, target, customer, monkeypatch):
    write = target._write

    def doubles(documents):
        write(documents)
        write(documents)
        raise CallFailed(AnswerClass.AMBIGUOUS, "the answer was lost")

    with bed_in(tmp_path) as bed:
        bed.put([invoice(30, customer)])
        with monkeypatch.context() as patched:
            patched.setattr(target, "_write", doubles)
            bed.once(target)
        bed.dial.pass_(61)
        bed.once(target)
        row = bed.row(30)
        assert (row["state"], row["last_error_class"]) == ("parked", "duplicated")


def test_what_it_refuses_is_not_sent_again(tmp_path, target):
    with bed_in(tmp_path) as bed:
        bed.put([invoice(40, ("cus_nobody", "sub_none")), artifact(41)])
        bed.once(target)
        assert {row["state"] for row in bed.rows().values()} == {"refused"}
        assert "stripe_customer" in bed.row(41)["last_error"]
