"""C1 to C6: answers that are late, lost, wrong, hostile, or no."""

import gzip
from collections import Counter
from datetime import timedelta

import pytest
from delivery_bed import NO_KEY, NOON, UNIQUE, artifact, assert_chain_holds, http_target, policy
from receiver import FAULTS, Handle

from orchestration.core.delivery.waits import retry_after
from orchestration.core.errors import UsageRefused

AMBIGUOUS = ("drop_before", "drop_after", "late_apply", "reset", "error_after", "malformed")


@pytest.mark.parametrize("mechanism", ["native_key", "unique_field"])
@pytest.mark.parametrize("fault", AMBIGUOUS)
def test_c1_an_unknown_outcome_is_sent_again_under_the_same_key(bed, receiver, fault, mechanism):
    row = policy() if mechanism == "native_key" else policy(idempotency=UNIQUE)
    receiver.set(plan=[fault])
    bed.put([artifact(1)])
    with http_target(receiver.address, row) as target:
        bed.once(target)
        assert bed.row()["state"] == "unknown"
        bed.dial.pass_(60)
        bed.once(target)
    wait_for_late_writes(receiver)
    assert bed.row()["state"] == "done"
    assert [one["idempotency_key"] for one in receiver.documents()] == [bed.row()["idem_key"]]
    assert bed.actions()[-3:] == ["intent_unknown", "intents_taken", "intent_delivered"]


@pytest.mark.parametrize("fault", AMBIGUOUS)
def test_c1_without_a_key_an_unknown_outcome_settles_and_is_looked_up(bed, receiver, fault):
    receiver.set(plan=[fault], enforces_key=False, late_seconds=0.05)
    bed.put([artifact(1)])
    with http_target(receiver.address, policy(idempotency=NO_KEY)) as target:
        bed.once(target)
        assert bed.row()["state"] == "unknown"
        bed.dial.pass_(59)
        bed.once(target)
        assert receiver.ask("/_all")["requests"] == 1, "nothing is written while it settles"
        wait_for_late_writes(receiver)
        bed.dial.pass_(2)
        bed.once(target)
    was_there = fault in ("drop_after", "late_apply", "error_after", "malformed")
    assert bed.row()["state"] == ("swept" if was_there else "done")
    assert len(receiver.documents()) == 1


def test_c1_without_a_key_a_write_later_than_the_settle_time_is_found_by_the_sweep(bed, receiver):
    receiver.set(plan=["late_apply"], enforces_key=False, late_seconds=0.4)
    bed.put([artifact(1)])
    with http_target(receiver.address, policy(idempotency=NO_KEY)) as target:
        bed.once(target)
        bed.dial.pass_(61)
        bed.once(target)  # looked up: not there, so written again
        assert bed.row()["state"] == "done"
        wait_for_late_writes(receiver, seconds=0.6)
        assert len(receiver.documents()) == 2
        bed.dial.pass_(61)
        bed.once(target)
    row = bed.row()
    assert (row["state"], row["last_error_class"]) == ("parked", "duplicated_at_receiver")
    assert "doc_1, doc_2" in row["last_error"]
    assert bed.actions()[-1] == "intent_parked"


def test_c2_the_first_of_two_acknowledgements_wins(bed, receiver):
    receiver.set(plan=["replayed"])
    bed.put([artifact(1)])
    with http_target(receiver.address) as target:
        assert bed.once(target).states == Counter({"done": 1})
    assert bed.row()["receiver_ref"] == "doc_1"
    assert len(receiver.documents()) == 1


@pytest.mark.parametrize(
    ("fault", "says"), [("other_key", "another"), ("other_amount", "has the amount 999.99")]
)
def test_c2_an_acknowledgement_of_something_else_freezes_the_order(bed, receiver, fault, says):
    receiver.set(plan=[fault])
    bed.put([artifact(1), artifact(1, version=2), artifact(2)])
    with http_target(receiver.address, policy(max_in_flight=1)) as target:
        bed.once(target)
    assert bed.row(1)["state"] == "parked"
    assert says in bed.row(1)["last_error"]
    assert bed.row(1, 2)["state"] == "ready", "its order waits for a person"
    assert bed.row(2)["state"] == "done", "others do not"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("Tue, 30 Jun 2026 12:01:00 GMT", 60),
        ("315360000", 3600),
        ("9" * 400, 3600),
        ("Fri, 30 Jun 2036 12:00:00 GMT", 3600),
        ("Mon, 29 Jun 2026 12:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_c3_retry_after_is_honoured_within_its_cap(header, seconds):
    wanted = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after(header, now=NOON, cap_seconds=3600) == wanted


def test_c3_a_receiver_that_asks_for_silence_gets_it_and_fewer_calls(bed, receiver):
    receiver.set(plan=["retry=120"])
    bed.put([artifact(number) for number in range(4)])
    with http_target(receiver.address, policy(max_in_flight=1)) as target:
        bed.once(target)
        sent = receiver.ask("/_all")["requests"]
        bed.dial.pass_(119)
        assert bed.once(target).stopped_because == "closed_to_us"
        assert receiver.ask("/_all")["requests"] == sent
        bed.dial.pass_(2)
        bed.once(target)
    assert bed.states() == Counter({"done": 4})
    assert all(row["failures"] == 0 for row in bed.rows().values()), "throttling is no failure"


@pytest.mark.parametrize(
    ("fault", "state"),
    [("business_error", "refused"), ("unprocessable", "refused"), ("confirm", "held")],
)
def test_c4_a_refusal_is_not_tried_again(bed, receiver, fault, state):
    receiver.set(plan=[fault])
    bed.put([artifact(1)])
    with http_target(receiver.address) as target:
        bed.once(target)
        bed.dial.pass_(86_400)
        bed.once(target)
    assert bed.row()["state"] == state
    assert receiver.ask("/_all")["requests"] == 1
    if state == "held":
        assert (bed.row()["needs_approval"], bed.row()["hold_reason"]) == (True, "credit limit")
        assert bed.put([artifact(1)], run="run_2").released == 0, "only an approval releases it"


def test_c5_an_expired_session_is_tried_again_later_with_the_secret_of_then(
    bed, receiver, tmp_path, monkeypatch
):
    token = tmp_path / "token"
    token.write_text("t0ken-before\n")
    monkeypatch.setenv("MESHLINE_TARGET_BILLING_TOKEN_FILE", str(token))
    receiver.set(plan=["unauthorised"])
    bed.put([artifact(1)])
    with http_target(receiver.address) as target:
        assert target._headers(b"")["Authorization"] == "Bearer t0ken-before"
        bed.once(target)
        assert (bed.row()["state"], bed.row()["last_error_class"]) == ("ready", "auth_expired")
        token.write_text("t0ken-after\n")
        bed.dial.pass_(60)
        bed.once(target)
        assert target._headers(b"")["Authorization"] == "Bearer t0ken-after"
    assert bed.row()["state"] == "done"
    assert "t0ken" not in str(bed.rows())


@pytest.mark.parametrize("fault", ["redirect", "html", "huge", "gzip", "malformed"])
def test_c6_a_broken_or_hostile_answer_is_no_success(bed, receiver, fault):
    receiver.set(plan=[fault])
    bed.put([artifact(1)])
    with http_target(receiver.address) as target:
        bed.once(target)
        row = bed.row()
        assert row["state"] in ("unknown", "ready")
        assert row["last_error"]
        bed.dial.pass_(60)
        bed.once(target)
    assert bed.row()["state"] == "done"
    assert len(receiver.documents()) == 1


def test_c6_a_bomb_is_not_unpacked(bed, receiver, monkeypatch):
    monkeypatch.setattr(gzip, "decompress", lambda *_: pytest.fail("unpacked"))
    receiver.set(plan=["gzip"])
    bed.put([artifact(1)])
    with http_target(receiver.address) as target:
        bed.once(target)
    assert bed.row()["last_error"] == "answered compressed, unasked"


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://evil.example/x", "not allowed"),
        ("https://169.254.169.254/latest", "not allowed"),
        ("ftp://127.0.0.1/x", "no http"),
        ("http://user:" + "pw" + "@127.0.0.1/x", "_TOKEN"),
        ("http://[::1", "no http"),
    ],
)
def test_c6_an_address_outside_of_the_policy_is_refused(address, says):
    with pytest.raises(UsageRefused, match=says) as caught, http_target(address):
        pass
    assert "pw" not in str(caught.value)


def test_c6_a_host_elsewhere_needs_to_be_named_and_encrypted():
    row = policy(hosts=["billing.example"])
    with pytest.raises(UsageRefused, match="https"), http_target("http://billing.example/x", row):
        pass
    with http_target("https://billing.example/x/", row) as target:
        assert target._address == "https://billing.example/x"


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_ends_with_one_document_and_a_whole_chain(bed, receiver, fault):
    receiver.set(plan=[fault] * 6)
    bed.put([artifact(number) for number in range(5)])
    with http_target(receiver.address) as target:
        bed.until_quiet(target)
    wait_for_late_writes(receiver)
    held = Counter(one["idempotency_key"] for one in receiver.documents())
    assert held == Counter({row["idem_key"]: 1 for row in bed.rows().values()})
    assert_chain_holds(bed.ledger)


def wait_for_late_writes(receiver: Handle, seconds: float = 0.45) -> None:
    """Let what the receiver applies late come in."""
    import time

    time.sleep(seconds)
    receiver.ask("/_all")
