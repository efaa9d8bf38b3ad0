"""C13: webhooks repeated, unordered, forged, replayed, days late."""

import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from delivery_bed import artifact, assert_chain_holds, http_target

from orchestration.connectors.targets.notices import take_notice
from orchestration.core.errors import UsageRefused

SECRET = "shared-with-the-receiver"


def signed(bed, body: bytes, *, secret: str = SECRET, age: float = 0) -> str:
    """The signature of a notice as the receiver makes it."""
    moment = str(int((bed.dial.moment - timedelta(seconds=age)).timestamp()))
    made = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256)
    return f"t={moment},v1={made.hexdigest()}"


def notice(bed, event_id: str = "ev_1", number: int = 1, **said: object) -> bytes:
    return json.dumps(
        {"id": event_id, "idempotency_key": bed.row(number)["idem_key"], **said}
    ).encode()


def tell(bed, target, body: bytes, signature: str | None = None):
    return take_notice(
        bed.ledger, bed.clock, target, bed.worker, body, signature or signed(bed, body), SECRET
    )


@pytest.fixture
def delivered(bed, receiver):
    """One document at its receiver."""
    bed.put([artifact(1)])
    with http_target(receiver.address) as target:
        bed.once(target)
        assert bed.row()["state"] == "done"
        yield target


def test_c13_a_notice_is_heard_once_however_often_it_comes(bed, delivered):
    body = notice(bed)
    assert [tell(bed, delivered, body).is_new for _ in range(3)] == [True, False, False]
    assert bed.actions().count("notice_taken") == 1
    assert bed.row()["state"] == "done"


def test_c13_what_it_says_is_not_believed_but_looked_up(bed, delivered):
    """Late and out of order: an old one that says cancelled changes nothing."""
    for event_id, status in (("ev_2", "paid"), ("ev_1", "cancelled"), ("ev_0", "deleted")):
        bed.dial.pass_(3 * 86_400)
        assert tell(bed, delivered, notice(bed, event_id, status=status)).found == "same"
    assert bed.row()["state"] == "done"
    assert_chain_holds(bed.ledger)


def test_c13_what_the_receiver_lost_is_sent_again(bed, receiver, delivered):
    receiver.set(documents=[], by_key={})
    assert tell(bed, delivered, notice(bed)).found == "missing_at_receiver"
    bed.once(delivered)
    assert (bed.row()["state"], len(receiver.documents())) == ("done", 1)


def test_c13_an_unknown_outcome_is_resolved_by_the_next_delivery(bed, receiver):
    receiver.set(plan=["drop_after"])
    bed.put([artifact(1)])
    with http_target(receiver.address) as target:
        bed.once(target)
        assert bed.row()["state"] == "unknown"
        assert tell(bed, target, notice(bed)).found == "soon"
        bed.once(target)
    assert (bed.row()["state"], len(receiver.documents())) == ("done", 1)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"secret": "guessed"}, "forged"),
        ({"age": 301}, "a replay"),
        ({"age": -301}, "a replay"),
        ({"age": 3 * 86_400}, "a replay"),
    ],
)
def test_c13_a_forged_or_replayed_notice_is_refused(bed, delivered, changed, says):
    body = notice(bed)
    with pytest.raises(UsageRefused, match=says):
        tell(bed, delivered, body, signed(bed, body, **changed))
    assert "notice_taken" not in bed.actions()


@pytest.mark.parametrize("signature", ["", "t=1,v1=00", "v1=" + "0" * 64, "t=x,v1=" + "0" * 64])
def test_c13_a_notice_without_a_signature_is_refused(bed, delivered, signature):
    with pytest.raises(UsageRefused, match="of the form"):
        tell(bed, delivered, notice(bed), signature or "none")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"[" * 50_000, "no JSON object"),
        (b"{}", "lacks"),
        (b'{"id": 7, "idempotency_key": "k"}', "lacks"),
        (b'{"id": "e", "idempotency_key": "ml_of_nobody"}', "was never sent"),
        (b" " * 70_000, "at most"),
    ],
)
def test_c13_a_notice_of_nothing_is_refused(bed, delivered, body, says):
    with pytest.raises(UsageRefused, match=says):
        tell(bed, delivered, body)


def test_c13_without_a_secret_nothing_is_believed(bed, delivered):
    body = notice(bed)
    with pytest.raises(UsageRefused, match="without a secret"):
        take_notice(
            bed.ledger, bed.clock, delivered, bed.worker, body, signed(bed, body, secret=""), ""
        )
