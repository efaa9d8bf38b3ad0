"""The outbox in both databases: enqueued, refused without a release, taken, put down."""

import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import exc, text, update

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))

from delivery_bed import Bed, artifact, assert_chain_holds, policy

from orchestration.core.delivery.answers import Answer, AnswerClass
from orchestration.ledger.outbox_answers import settle
from orchestration.ledger.outbox_claims import Claim, Wait, claim
from orchestration.ledger.outbox_documents import claimed_documents
from orchestration.ledger.outbox_status import read_stuck, read_targets
from orchestration.ledger.outbox_tables import intents

BREAKER = {
    "failures": 2,
    "window_seconds": 60,
    "open_seconds": 30,
    "open_cap_seconds": 900,
    "probes": 1,
}


def take(bed: Bed, connection, row=None, most: int = 10) -> Claim | Wait:
    moments = {"at": bed.dial.moment, "now": bed.clock.now()}
    return claim(connection, "billing", row or policy(), bed.worker, most=most, **moments)


def put_down(bed: Bed, connection, taken: Claim, kind: AnswerClass, row=None) -> None:
    answers = {one.intent_id: Answer(kind, "doc", "said so") for one in taken.taken}
    moments = {"at": bed.dial.moment, "now": bed.clock.now()}
    settle(connection, taken, row or policy(), bed.worker, answers, **moments)


def test_an_intent_goes_from_enqueued_to_done(ledger):
    bed = Bed(ledger)
    assert bed.put([artifact(1), artifact(2), artifact(3, status_code="held")]).released == 2
    with ledger.write() as connection:
        taken = take(bed, connection)
        assert len(taken.taken) == 2
        assert take(bed, connection) == Wait("empty")
    with ledger.read() as connection:
        documents = claimed_documents(connection, taken)
    assert {one.payload for one in documents.values()} == {artifact(n).payload for n in (1, 2)}
    with ledger.write() as connection:
        put_down(bed, connection, taken, AnswerClass.CREATED)
    assert bed.states() == Counter({"done": 2, "held": 1})
    assert bed.put([artifact(1)]).unchanged == 1
    assert_chain_holds(ledger)


@pytest.mark.parametrize("state", ["ready", "inflight", "done"])
def test_no_database_lets_go_what_nobody_released(ledger, state):
    bed = Bed(ledger)
    bed.put([artifact(1, status_code="held"), artifact(2)])
    forged = {"gate_run_id": "run_1", "release_seq": bed.row(2)["release_seq"]}
    forged |= {"owner": "x", "lease_until": "2026-06-30T12:00:00.000000Z"}
    change = update(intents).where(intents.c.natural_key == "INV-1").values(state=state, **forged)
    with pytest.raises(exc.DBAPIError, match="release"), ledger.write() as connection:
        connection.execute(change)
    assert bed.row(1)["state"] == "held"


@pytest.mark.parametrize(
    "statement",
    ["update intents set payload = '{}'", "delete from intents", "update intents set amount = '1'"],
)
def test_no_database_lets_an_intent_be_changed_or_deleted(ledger, statement):
    bed = Bed(ledger)
    bed.put([artifact(1)])
    with pytest.raises(exc.DBAPIError), ledger.write() as connection:
        connection.execute(text(statement))
    assert bed.row()["amount"] == "101.00"


def test_an_outage_opens_the_breaker_and_a_probe_closes_it(ledger):
    bed, row = Bed(ledger), policy(breaker=BREAKER)
    bed.put([artifact(number) for number in range(6)])
    with ledger.write() as connection:
        put_down(bed, connection, take(bed, connection, row, 3), AnswerClass.TRANSIENT, row)
        assert take(bed, connection, row) == Wait("closed_to_us")
    bed.dial.pass_(31)
    with ledger.write() as connection:
        probe = take(bed, connection, row)
        assert (len(probe.taken), probe.is_probe) == (1, True)
        put_down(bed, connection, probe, AnswerClass.CREATED, row)
        (status,) = read_targets(connection, ("billing",))
    assert (status.breaker, status.waiting, status.incident_id) == ("closed", 5, None)
    assert [one for one in bed.actions() if one.startswith("external")] == [
        "external_system_failure",
        "external_system_recovered",
    ]


def test_documents_of_one_order_are_taken_one_after_the_other(ledger):
    bed = Bed(ledger)
    bed.put([artifact(1, version=version) for version in (1, 2, 3)])
    for version in (1, 2, 3):
        with ledger.write() as connection:
            taken = take(bed, connection)
            assert [one.intent_id for one in taken.taken] == [bed.row(1, version)["intent_id"]]
            put_down(bed, connection, taken, AnswerClass.CREATED)
    with ledger.read() as connection:
        assert read_stuck(connection) == ()
