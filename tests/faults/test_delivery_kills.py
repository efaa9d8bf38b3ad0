"""B3, B9, B10, B12, B14: workers killed, meeting each other, under clocks and schemas that move."""

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from delivery_bed import (
    ENGINE,
    NOON,
    Bed,
    artifact,
    assert_chain_holds,
    bed_in,
    http_target,
    policy,
)
from receiver import start_receiver
from sqlalchemy import event

from orchestration.connectors.targets.courier import deliver, new_worker
from orchestration.core.delivery.answers import Answer, AnswerClass
from orchestration.ledger.errors import LedgerUnreachable
from orchestration.ledger.events import Draft, append
from orchestration.ledger.outbox import enqueue
from orchestration.ledger.outbox_answers import settle
from orchestration.ledger.outbox_claims import Worker, claim
from orchestration.ledger.outbox_clock import open_clock
from orchestration.ledger.outbox_status import read_targets
from orchestration.ledger.store import open_ledger

RETRIES = {
    "most_attempts": 1000,
    "base_seconds": 1,
    "cap_seconds": 1,
    "jitter": "full",
    "retry_after_cap_seconds": 1,
}
# So many faults open the breaker: it closes again as soon as all other waits here end.
BREAKER = {
    "failures": 1000,
    "window_seconds": 60,
    "open_seconds": 1,
    "open_cap_seconds": 1,
    "probes": 1,
}
QUICK = {"connect_seconds": 1, "read_seconds": 1, "total_seconds": 1}


def _work(url: str, address: str) -> None:
    """A worker as `meshline deliver` runs one, but with waits and leases that end soon."""
    from orchestration.connectors.targets import courier
    from orchestration.ledger import outbox_answers as answers
    from orchestration.ledger import outbox_claims as claims

    claims.LEASE_MARGIN_SECONDS = 1
    courier.CALLS_PER_SLOT = 8
    courier.IDLE_SECONDS = 0.05
    answers.backoff = lambda *_, **__: timedelta(milliseconds=random.randrange(200))
    row = policy(retries=RETRIES, timeouts=QUICK, breaker=BREAKER, max_in_flight=4)
    with open_ledger(url, busy_seconds=120) as ledger, http_target(address, row) as target:
        with ledger.write() as connection:
            clock = open_clock(connection)
        deliver(ledger, clock, target, new_worker(), once=False)


def chaos(
    folder: Path,
    *,
    orders: int,
    versions: int,
    workers: int,
    kills: int,
    pause: float,
    patience: int = 240,
):
    """Deliver under faults while workers are killed; then compare both sides."""
    with start_receiver(rate=0.4, late_seconds=0.2, seed=11) as receiver:
        url = f"sqlite:///{folder / 'ledger.db'}"
        with open_ledger(url) as ledger:
            with ledger.write() as connection:
                clock = open_clock(connection)
            for version in range(1, versions + 1):
                rows = [artifact(number, version=version) for number in range(orders)]
                rows += [
                    artifact(orders + number, version=version, status_code="held")
                    for number in range(orders // 20)
                ]
                with ledger.write() as connection:
                    enqueue(
                        connection,
                        rows,
                        gate_run_id="run_1",
                        actor=ENGINE,
                        at=clock.wall(),
                        now=clock.keep(connection),
                    )
        # Forked of a process that has read all modules: a killed worker is replaced at once.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])

        def begin():
            return context.Process(target=_work, args=(url, receiver.address), daemon=True)

        alive = [begin() for _ in range(workers)]
        for each in alive:
            each.start()
        rng, killed = random.Random(5), 0
        deadline = time.monotonic() + patience
        with open_ledger(url) as ledger:
            while time.monotonic() < deadline:
                if killed < kills:
                    time.sleep(pause * rng.random())
                    index = rng.randrange(workers)
                    os.kill(alive[index].pid, signal.SIGKILL)
                    alive[index].join()
                    killed += 1
                    alive[index] = begin()
                    alive[index].start()
                else:
                    time.sleep(0.5)
                with ledger.read() as connection:
                    (status,) = read_targets(connection, ("billing",))
                if status.waiting == 0 and killed >= kills:
                    break
        for each in alive:
            each.kill()
            each.join()
        time.sleep(0.3)
        said = receiver.ask("/_all")
    return url, said, killed


def assert_both_sides_agree(url: str, said: dict, expected: int) -> None:
    with open_ledger(url) as ledger:
        rows = Bed(ledger).rows().values()
        states = Counter(row["state"] for row in rows)
        assert_chain_holds(ledger)
    assert states["done"] == expected
    assert set(states) <= {"done", "held", "superseded"}, states
    sent = {row["idem_key"]: row["amount"] for row in rows if row["state"] == "done"}
    received = Counter(one["idempotency_key"] for one in said["documents"])
    assert max(received.values()) == 1, "duplicates"
    assert received.keys() == sent.keys(), "lost, or sent though held"
    assert all(one["amount"] == sent[one["idempotency_key"]] for one in said["documents"])
    last: dict[str, int] = {}
    for one in said["documents"]:
        assert one["order_version"] > last.get(one["order_key"], 0), "out of order"
        last[one["order_key"]] = one["order_version"]


def test_b3_nothing_is_lost_or_doubled_while_workers_are_killed(tmp_path):
    """Ten thousand deliveries, four of ten calls faulted; a million are in `make soak`."""
    url, said, killed = chaos(
        tmp_path, orders=5000, versions=2, workers=2, kills=100, pause=0.4, patience=1200
    )
    assert killed == 100
    assert said["faulted"] > 4000
    assert_both_sides_agree(url, said, 10_000)


@pytest.mark.soak
def test_b3_a_million_deliveries_and_a_thousand_kills(tmp_path):
    url, said, killed = chaos(
        tmp_path, orders=500_000, versions=2, workers=2, kills=1000, pause=3, patience=20_000
    )
    assert killed == 1000
    assert_both_sides_agree(url, said, 1_000_000)


def test_b3_a_worker_that_dies_between_commit_and_call_leaves_an_unknown_outcome(bed, receiver):
    bed.put([artifact(1)])
    row = policy()
    with bed.ledger.write() as connection:
        claim(
            connection, "billing", row, bed.worker, at=bed.dial.moment, now=bed.clock.now(), most=9
        )
    bed.restart()
    with http_target(receiver.address, row) as target:
        assert bed.once(target).states == Counter(), "its lease has not ended"
        bed.dial.pass_(3600)
        bed.once(target)
    assert bed.row()["state"] == "done"
    assert "intent_unknown" in bed.actions()


def test_b9_two_workers_never_have_one_intent(bed):
    bed.put([artifact(number) for number in range(40)])
    workers = [Worker(f"w{number}", ENGINE) for number in range(4)]
    taken = []
    moments = {"at": bed.dial.moment, "now": bed.clock.now()}
    for worker in workers:
        with bed.ledger.write() as connection:
            one = claim(connection, "billing", policy(), worker, most=10, **moments)
            taken += [each.intent_id for each in one.taken]
    assert len(taken) == len(set(taken)) == 40


def test_b9_the_answer_of_a_worker_that_was_given_up_is_not_believed(bed, receiver):
    bed.put([artifact(1)])
    row = policy()
    with bed.ledger.write() as connection:
        stale = claim(
            connection, "billing", row, bed.worker, at=bed.dial.moment, now=bed.clock.now(), most=1
        )
    bed.dial.pass_(3600)
    with http_target(receiver.address, row) as target:
        bed.once(target, Worker("w2", ENGINE))
    late = {stale.taken[0].intent_id: Answer(AnswerClass.REFUSED, detail="late")}
    with bed.ledger.write() as connection:
        moments = {"at": bed.dial.moment, "now": bed.clock.now()}
        assert settle(connection, stale, row, bed.worker, late, **moments) == {}
    assert bed.row()["state"] == "done"


def test_b10_what_a_dead_worker_held_is_taken_over_when_its_lease_ends(bed, receiver):
    bed.put([artifact(number) for number in range(5)])
    row = policy()
    with bed.ledger.write() as connection:
        claim(
            connection, "billing", row, bed.worker, at=bed.dial.moment, now=bed.clock.now(), most=9
        )
    assert bed.states() == Counter({"inflight": 5})
    bed.dial.pass_(3600)
    with http_target(receiver.address, row) as target:
        bed.once(target, Worker("w2", ENGINE))
    assert bed.states() == Counter({"done": 5})


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1), timedelta(days=3650)])
def test_b12_a_clock_that_is_set_ends_no_lease_and_stops_no_queue(bed, receiver, jump):
    receiver.set(plan=["drop_before"])
    bed.put([artifact(1), artifact(2)])
    row = policy()
    moments = {"at": bed.dial.moment, "now": bed.clock.now()}
    with bed.ledger.write() as connection:
        claim(connection, "billing", row, bed.worker, most=1, **moments)
    bed.dial.moment += jump
    bed.restart()  # a new process asks the wall clock nothing while the machine runs on
    with http_target(receiver.address, row) as target:
        bed.once(target, Worker("w2", ENGINE))
        assert bed.states() == Counter({"inflight": 1, "unknown": 1})
        bed.dial.pass_(3600)
        bed.once(target, Worker("w2", ENGINE))
    assert bed.states() == Counter({"done": 2})
    assert_chain_holds(bed.ledger)


def test_b12_time_never_goes_back_over_a_restart_of_the_machine(bed):
    before = bed.clock.now()
    bed.dial.moment -= timedelta(days=1)
    bed.dial.boot, bed.dial.up = "boot-2", 5.0
    bed.restart()
    assert bed.clock.now() >= before
    bed.dial.moment += timedelta(days=8)
    bed.dial.boot = "boot-3"
    bed.restart()
    assert bed.clock.now() == before + timedelta(days=7)


def test_b14_intents_on_their_way_end_under_the_rule_that_made_them(bed, receiver):
    receiver.set(plan=["drop_after"])
    bed.put([artifact(1, rule_version="1")])
    row = policy()
    with http_target(receiver.address, row) as target:
        bed.once(target)
        bed.put([artifact(1, version=2, rule_version="2")], run="run_2")
        bed.dial.pass_(60)
        bed.until_quiet(target)
    found = bed.rows()
    assert [found[f"INV-1v{number}"]["rule_version"] for number in (1, 2)] == ["1", "2"]
    assert [one["artifact_version"] for one in receiver.documents()] == [1, 2]


def test_b14_the_outbox_is_added_to_a_ledger_that_is_in_use(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with monkeypatch.context() as patched:
        patched.setattr(
            command, "upgrade", lambda config, _, up=command.upgrade: up(config, "0001")
        )
        with open_ledger(url) as ledger, ledger.write() as connection:
            append(connection, [Draft(NOON, ENGINE, "x", "ticket", "t")])
    with open_ledger(url) as ledger:
        assert Bed(ledger).put([artifact(1)]).released == 1
        assert assert_chain_holds(ledger) == 2


def deliver_and_put(bed, target) -> None:
    """Deliver and enqueue more, for as long as there is room."""
    for _ in range(50):
        bed.once(target)
        bed.put([artifact(number) for number in range(1000, 1500)])


def test_a_full_disk_stops_delivery_and_loses_nothing(tmp_path, receiver):
    """B4 of the ledger: what was sent and could not be put down is unknown, and sent again."""
    with bed_in(tmp_path) as bed:
        bed.put([artifact(number) for number in range(30)])
        with http_target(receiver.address) as target:
            with bed.ledger.engine.connect() as plain:
                pages = plain.exec_driver_sql("pragma page_count").scalar()

            def full(connection, _record) -> None:
                connection.execute(f"pragma max_page_count = {pages}")

            event.listen(bed.ledger.engine, "connect", full)
            bed.ledger.engine.dispose()
            with pytest.raises(LedgerUnreachable, match="full"):
                deliver_and_put(bed, target)
            event.remove(bed.ledger.engine, "connect", full)
            bed.ledger.engine.dispose()
            bed.dial.pass_(3600)
            bed.until_quiet(target)
        assert set(bed.states()) == {"done"}
        received = Counter(one["idempotency_key"] for one in receiver.documents())
        assert received == Counter({row["idem_key"]: 1 for row in bed.rows().values()})
        assert_chain_holds(bed.ledger)
