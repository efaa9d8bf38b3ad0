"""C7 to C14: outages, lost records, forgotten keys, order, poison, bulk, and the way around."""

import inspect
import time
from collections import Counter
from datetime import timedelta
from random import Random

import pytest
from delivery_bed import (
    ENGINE,
    NATIVE,
    NO_KEY,
    artifact,
    assert_chain_holds,
    http_target,
    policy,
)
from sqlalchemy import exc, insert, select, text, update

from orchestration.connectors.targets.base import Target
from orchestration.connectors.targets.courier import sweep
from orchestration.connectors.targets.file import FileTarget
from orchestration.connectors.targets.holdings import compare_holdings
from orchestration.connectors.targets.http import HttpTarget
from orchestration.core.delivery.answers import Answer, AnswerClass, State
from orchestration.ledger.errors import NotAllowed
from orchestration.ledger.events import Actor
from orchestration.ledger.outbox_answers import settle
from orchestration.ledger.outbox_claims import Claim, Taken, claim
from orchestration.ledger.outbox_documents import NotReleased
from orchestration.ledger.outbox_release import release, resume
from orchestration.ledger.outbox_report import SameKeyOtherPayload
from orchestration.ledger.outbox_status import open_incidents, orders_of_incident, read_targets
from orchestration.ledger.outbox_tables import incidents, intents

BREAKER = {
    "failures": 5,
    "window_seconds": 60,
    "open_seconds": 30,
    "open_cap_seconds": 900,
    "probes": 1,
}


def test_c7_an_outage_of_half_an_hour_costs_probes_only_and_marks_its_orders(bed, receiver):
    """T8: one probe an open interval; half as many calls again at most; in order afterwards."""
    rows = [artifact(number, version=1, order=number % 100) for number in range(300)]
    bed.put(rows)
    row = policy(breaker=BREAKER, max_in_flight=2)
    receiver.set(plan=["error_before"] * 100_000)
    calls = []
    with http_target(receiver.address, row) as target:
        for _ in range(180):
            before = receiver.ask("/_all")["requests"]
            bed.once(target)
            calls.append(receiver.ask("/_all")["requests"] - before)
            bed.dial.pass_(10)
        with bed.ledger.read() as connection:
            (incident,) = open_incidents(connection)
            affected = orders_of_incident(connection, incident["incident_id"])
            (status,) = read_targets(connection, ("billing",))
        assert (incident["cause_code"], incident["member_count"]) == ("failed_writes", 300)
        assert affected == tuple(sorted(f"rk_{number}" for number in range(100)))
        assert (status.breaker, status.waiting) == ("open", 300)
        assert calls[0] <= BREAKER["failures"] + row.max_in_flight
        assert all(each <= 1 for each in calls[1:])
        assert sum(calls) < 20, "open time grows: 30, 60, 120, 240, 480, 900 seconds"
        receiver.set(plan=[])
        bed.until_quiet(target, step=300)
    assert bed.states() == Counter({"done": 300})
    requests = receiver.ask("/_all")["requests"]
    assert requests <= 1.5 * 300
    actions = bed.actions()
    assert actions.count("external_system_failure") == 1
    assert actions.count("external_system_recovered") == 1
    assert_in_order(receiver)


def test_c7_a_receiver_that_is_slow_all_at_once_is_found_by_its_latency(bed, receiver):
    timeouts = {"connect_seconds": 1, "read_seconds": 2, "total_seconds": 2}
    row = policy(breaker=BREAKER | {"failures": 3}, timeouts=timeouts, max_in_flight=1)
    bed.put([artifact(number) for number in range(60)])
    with bed.ledger.write() as connection:
        settle_with(bed, connection, row, [0.01] * 30)
        settle_with(bed, connection, row, [0.6] * 5)
        (incident,) = open_incidents(connection)
    assert incident["cause_code"] == "rising_latency"
    assert "usual are" in incident["last_error"]


def test_c7_flapping_is_damped(bed, receiver):
    bed.put([artifact(number) for number in range(40)])
    opened = []
    for _ in range(4):
        with bed.ledger.write() as connection:
            settle_with(bed, connection, policy(breaker=BREAKER), [0.01] * 5, AnswerClass.TRANSIENT)
            (status,) = read_targets(connection, ("billing",))
        assert status.breaker == "open"
        opened.append((status.open_until - bed.clock.now()).total_seconds())
        bed.dial.pass_(opened[-1] + 1)
        with bed.ledger.write() as connection:
            settle_with(bed, connection, policy(breaker=BREAKER), [0.01])
    assert opened == [30, 60, 120, 240]


def test_c8_what_the_receiver_lost_is_sent_again(bed, receiver, tmp_path):
    bed.put([artifact(number) for number in range(20)])
    with http_target(receiver.address) as target:
        bed.once(target)
        gone = [bed.row(number)["idem_key"] for number in (3, 7, 11)]
        receiver.ask("/_forget?" + "&".join(f"key={key}" for key in gone))
        bed.dial.pass_(3600)
        found = compare_holdings(bed.ledger, bed.clock, target, bed.worker, tmp_path / "acks")
        assert (found.delivered, found.held, found.missing) == (20, 17, 3)
        bed.once(target)
        bed.dial.pass_(3600)
        again = compare_holdings(bed.ledger, bed.clock, target, bed.worker, tmp_path / "acks")
    assert (again.missing, again.duplicated, again.different, again.strangers) == (0, 0, 0, 0)
    assert bed.actions().count("intent_reopened") == 3
    assert len(list((tmp_path / "acks").glob("documents_billing_*.jsonl"))) == 2


def test_c8_duplicates_and_other_contents_at_the_receiver_are_parked(bed, receiver, tmp_path):
    receiver.set(enforces_key=False, plan=["none", "replayed"])
    bed.put([artifact(1), artifact(2)])
    with http_target(receiver.address, policy(max_in_flight=1)) as target:
        bed.once(target)
        bed.dial.pass_(3600)
        found = compare_holdings(bed.ledger, bed.clock, target, bed.worker, tmp_path)
    assert (found.duplicated, found.missing) == (1, 0)
    assert bed.states() == Counter({"done": 1, "parked": 1})


def test_c9_a_key_that_the_receiver_forgot_is_looked_up_before_it_is_used_again(bed, receiver):
    receiver.set(plan=["drop_after"])
    bed.put([artifact(1)])
    row = policy(idempotency=NATIVE | {"key_hours": 1})
    with http_target(receiver.address, row) as target:
        bed.once(target)
        receiver.set(enforces_key=False)  # it would take it twice now
        bed.dial.pass_(3601)
        bed.once(target)
    assert bed.row()["state"] == "swept"
    assert len(receiver.documents()) == 1


def test_c9_a_forgotten_key_of_what_never_arrived_is_used_again(bed, receiver):
    receiver.set(plan=["drop_before"])
    bed.put([artifact(1)])
    row = policy(idempotency=NATIVE | {"key_hours": 1})
    with http_target(receiver.address, row) as target:
        bed.once(target)
        bed.dial.pass_(3601)
        bed.once(target)
    assert bed.row()["state"] == "done"
    assert len(receiver.documents()) == 1


def test_c10_amendments_arrive_in_the_order_of_their_versions(bed, receiver):
    rows = [artifact(1, version=version) for version in range(1, 6)]
    rows += [artifact(2, version=version, order=1) for version in range(1, 6)]
    Random(7).shuffle(rows)
    rows.sort(key=lambda row: row.artifact_version)
    receiver.set(plan=["error_after", "drop_before", "throttle", "reset", "late_apply"] * 2)
    bed.put(rows)
    with http_target(receiver.address) as target:
        bed.until_quiet(target)
    time.sleep(0.4)
    assert bed.states() == Counter({"done": 10})
    assert_in_order(receiver)


def test_c10_a_version_older_than_the_last_known_is_never_sent(bed, receiver):
    bed.put([artifact(1, version=3)])
    report = bed.put([artifact(1, version=2)])
    assert (report.stale, report.released) == (1, 0)
    with http_target(receiver.address) as target:
        bed.once(target)
    assert [one["artifact_version"] for one in receiver.documents()] == [3]


def test_c10_a_held_version_makes_way_for_a_newer_one(bed, receiver):
    bed.put([artifact(1, status_code="held", hold_reason="credit gate")])
    report = bed.put([artifact(1, version=2)])
    assert (report.superseded, report.released) == (1, 1)
    with http_target(receiver.address) as target:
        bed.once(target)
    assert [one["artifact_version"] for one in receiver.documents()] == [2]
    assert bed.states() == Counter({"superseded": 1, "done": 1})


def test_c11_a_poisoned_document_is_parked_alone(bed, receiver):
    bed.put([artifact(number) for number in range(10)])
    poison = bed.row(0)["intent_id"]
    row = policy(breaker=BREAKER, retries=policy().retries.model_dump() | {"most_attempts": 6})

    with http_target(receiver.address, row) as target:
        write = target._write

        def writes(documents):
            if documents[0].intent_id == poison:
                return {poison: Answer(AnswerClass.AMBIGUOUS, detail="500: no reason given")}
            return write(documents)

        target._write = writes
        bed.until_quiet(target, step=70)
        with bed.ledger.read() as connection:
            (status,) = read_targets(connection, ("billing",))
    assert bed.states() == Counter({"done": 9, "parked": 1})
    assert bed.row(0)["failures"] == 6
    assert status.breaker == "closed"
    assert bed.actions().count("intent_parked") == 1


def test_c11_a_parked_document_goes_on_when_somebody_says_so(bed, receiver):
    receiver.set(plan=["error_after"] * 3)
    bed.put([artifact(1)])
    row = policy(retries=policy().retries.model_dump() | {"most_attempts": 3})
    with http_target(receiver.address, row) as target:
        bed.until_quiet(target, step=70)
        assert bed.row()["state"] == "parked"
        with bed.ledger.write() as connection:
            state = resume(
                connection,
                bed.row()["intent_id"],
                actor=ENGINE,
                at=bed.dial.moment,
                now=bed.clock.now(),
                reason="The receiver was mended.",
                may_resume=lambda _: {ENGINE.role},
            )
        assert state == "unknown"
        bed.once(target)
    assert (bed.row()["state"], len(receiver.documents())) == ("done", 1)


def test_c11_who_has_no_right_to_lets_nothing_parked_go_on(bed, receiver):
    receiver.set(plan=["other_amount"])
    bed.put([artifact(1)])
    with http_target(receiver.address) as target:
        bed.once(target)
    assert bed.row()["state"] == "parked"
    seller = Actor("per-sam", "sales", "sam@console")
    with pytest.raises(NotAllowed, match="finance, platform may"), bed.ledger.write() as connection:
        resume(
            connection,
            bed.row()["intent_id"],
            actor=seller,
            at=bed.dial.moment,
            now=bed.clock.now(),
            reason="It is my order.",
            may_resume=lambda _: {"platform", "finance"},
        )
    assert bed.row()["state"] == "parked"


def test_c12_only_what_failed_of_a_bulk_call_is_sent_again(bed, receiver):
    receiver.set(bulk_refuses=["INV-2", "INV-5"])
    bed.put([artifact(number) for number in range(8)])
    with http_target(receiver.address, policy(bulk_size=4)) as target:
        bed.once(target)
        assert bed.states() == Counter({"done": 6, "ready": 2})
        assert receiver.ask("/_all")["requests"] == 2
        receiver.set(bulk_refuses=[])
        bed.dial.pass_(60)
        bed.once(target)
    assert bed.states() == Counter({"done": 8})
    assert len(receiver.documents()) == 8


# ---- C14: no way around the gates


def test_c14_nothing_held_is_ever_sent(bed, receiver):
    bed.put([artifact(1, status_code="held", hold_reason="credit gate"), artifact(2)])
    with http_target(receiver.address) as target:
        bed.until_quiet(target)
        assert [one["natural_key"] for one in receiver.documents()] == ["INV-2"]
        with bed.ledger.write() as connection:
            release(
                connection,
                [bed.row(1)["intent_id"]],
                gate_run_id="run_2",
                actor=ENGINE,
                at=bed.dial.moment,
                now=bed.clock.now(),
            )
        bed.once(target)
    assert bed.states() == Counter({"done": 2})


def test_c14_what_is_held_again_before_it_was_sent_stays(bed, receiver):
    bed.put([artifact(1)])
    report = bed.put([artifact(1, status_code="held", hold_reason="credit limit")], run="run_2")
    assert report.held == 1
    with http_target(receiver.address) as target:
        bed.once(target)
    assert (receiver.documents(), bed.row()["state"]) == ([], "held")


def test_c14_a_target_given_the_id_of_something_held_sends_nothing(bed, receiver):
    bed.put([artifact(1, status_code="held"), artifact(2)])
    forged = [Taken(bed.row(number)["intent_id"], 1, State.READY, False, 0) for number in (1, 2)]
    later = bed.clock.now() + timedelta(hours=1)
    with http_target(receiver.address) as target:
        for taken in forged:
            forgery = Claim("billing", "w1", (taken,), later, is_probe=False)
            with pytest.raises(NotReleased, match="not inflight under this claim"):
                target.deliver(bed.ledger, forgery, may_begin=lambda: True)
    assert receiver.documents() == []


@pytest.mark.parametrize("kind", [Target, HttpTarget, FileTarget])
def test_c14_no_public_way_of_a_target_takes_a_payload(kind):
    public = {
        name: set(inspect.signature(member).parameters) - {"self"}
        for name, member in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }
    assert public == {
        "deliver": {"ledger", "claimed", "may_begin"},
        "look_up": {"ledger", "document"},
        "holdings": set(),
        "close": set(),
    }


@pytest.mark.parametrize("state", ["ready", "inflight", "unknown", "done", "parked"])
def test_c14_the_database_refuses_to_let_go_what_nobody_released(bed, state):
    bed.put([artifact(1, status_code="held")])
    lease = {"owner": "x", "lease_until": "2026-06-30T12:00:00.000000Z"}
    proofs = [
        {},
        {"gate_run_id": "run_1"},
        {"gate_run_id": "run_1", "release_seq": 1},
        {"gate_run_id": "run_1", "release_seq": 999},
    ]
    for proof in proofs:
        with pytest.raises(exc.DBAPIError), bed.ledger.write() as connection:
            connection.execute(update(intents).values(state=state, **lease, **proof))
    assert bed.states() == Counter({"held": 1})


def test_c14_the_release_of_one_does_not_let_another_go(bed):
    bed.put([artifact(1, status_code="held"), artifact(2)])
    proof = {"gate_run_id": "run_1", "release_seq": bed.row(2)["release_seq"]}
    with pytest.raises(exc.DBAPIError, match="release"), bed.ledger.write() as connection:
        connection.execute(
            update(intents).where(intents.c.natural_key == "INV-1").values(state="ready", **proof)
        )


def test_c14_an_intent_cannot_be_inserted_ready_changed_or_deleted(bed):
    bed.put([artifact(1)])
    row = bed.row()
    forged = row | {"intent_id": "in_x", "intent_no": 9, "idem_key": "k", "artifact_version": 9}
    attempts = [
        insert(intents).values(forged),
        update(intents).values(payload='{"amount":"1000000.00"}'),
        update(intents).values(target_code="elsewhere"),
        text("delete from intents"),
    ]
    for attempt in attempts:
        with pytest.raises(exc.DBAPIError), bed.ledger.write() as connection:
            connection.execute(attempt)
    assert bed.row() == row


def test_c14_a_confirmation_needs_an_approval_that_the_chain_holds(bed, receiver):
    receiver.set(plan=["confirm"])
    bed.put([artifact(1)])
    with http_target(receiver.address) as target:
        bed.once(target)
    given = {"gate_run_id": "run_1", "actor": ENGINE, "at": bed.dial.moment, "now": bed.clock.now()}
    ids = [bed.row()["intent_id"]]
    with pytest.raises(Exception, match="approval is needed"), bed.ledger.write() as connection:
        release(connection, ids, **given)
    with pytest.raises(exc.DBAPIError, match="granted"), bed.ledger.write() as connection:
        release(connection, ids, approval_id="ap_1", **given)
    grant(bed, "ap_1")
    with bed.ledger.write() as connection:
        assert release(connection, ids, approval_id="ap_1", **given) == 1
    assert bed.row()["state"] == "ready"


def test_the_same_key_with_another_payload_names_the_field_and_stops_nothing_else(bed):
    bed.put([artifact(1)])
    other = artifact(1).payload.replace("101.00", "111.00")
    report = bed.put([artifact(1, payload=other), artifact(2)])
    assert report.released == 1
    with pytest.raises(SameKeyOtherPayload, match=r'lines\[0\].amount: "101.00" at first'):
        report.refuse_conflicts()
    assert bed.row(1)["payload"] == artifact(1).payload


def test_a_content_that_comes_back_is_sent_again_and_one_that_stayed_is_not(bed):
    first = artifact(1)
    bed.put([first])
    same = artifact(1, version=2, payload=first.payload, total=first.amount)
    assert bed.put([same]).unchanged == 1
    bed.put([artifact(1, version=3)])
    back = artifact(1, version=4, payload=first.payload, total=first.amount)
    assert bed.put([back]).released == 1
    assert bed.states() == Counter({"ready": 3})


def test_a_sweep_without_a_receiver_is_tried_again(bed, receiver):
    receiver.set(plan=["error_after"], enforces_key=False)
    bed.put([artifact(1)])
    with http_target(receiver.address, policy(idempotency=NO_KEY)) as target:
        bed.once(target)
        bed.dial.pass_(61)
        bed.once(target)
        assert bed.row()["state"] == "swept"
        bed.dial.pass_(61)
        target._address = "http://127.0.0.1:1/x"
        assert sweep(bed.ledger, bed.clock, target, bed.worker) == 0
        target._address = receiver.address
        assert sweep(bed.ledger, bed.clock, target, bed.worker) == 1
        assert sweep(bed.ledger, bed.clock, target, bed.worker) == 0
    assert_chain_holds(bed.ledger)


def grant(bed, approval_id: str) -> None:
    """Put an approval into the chain."""
    from orchestration.ledger.events import Draft, append

    with bed.ledger.write() as connection:
        append(
            connection,
            [Draft(bed.dial.moment, ENGINE, "approval_used", "approval", approval_id)],
        )


def settle_with(bed, connection, row, seconds, kind=AnswerClass.CREATED) -> None:
    """Take and settle intents one by one, each with an answer that took so long."""
    for took in seconds:
        now = bed.clock.now()
        moments = {"at": bed.dial.moment, "now": now}
        taken = claim(connection, "billing", row, bed.worker, most=1, **moments)
        if not isinstance(taken, Claim):
            return
        answers = {one.intent_id: Answer(kind, "doc", "x", seconds=took) for one in taken.taken}
        settle(connection, taken, row, bed.worker, answers, **moments)


def assert_in_order(receiver) -> None:
    """No document of an order was applied before one of a lower version."""
    seen: dict[str, int] = {}
    for one in receiver.documents():
        assert one["order_version"] >= seen.get(one["order_key"], 0)
        seen[one["order_key"]] = one["order_version"]


def test_an_incident_has_no_end_while_the_breaker_is_half_open(bed):
    bed.put([artifact(number) for number in range(20)])
    row = policy(breaker=BREAKER)
    with bed.ledger.write() as connection:
        settle_with(bed, connection, row, [0.01] * 5, AnswerClass.TRANSIENT)
    bed.dial.pass_(31)
    with bed.ledger.write() as connection:
        moments = {"at": bed.dial.moment, "now": bed.clock.now()}
        taken = claim(connection, "billing", row, bed.worker, most=4, **moments)
        assert (len(taken.taken), taken.is_probe) == (1, True)
        assert connection.execute(select(incidents.c.closed_at)).scalar() is None
