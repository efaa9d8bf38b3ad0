"""The loop that delivers: take, call, put down; and the sweep after writes of unknown outcome.

What belongs here: the order of those steps. What does not: what may be taken (the outbox), how it
is sent (the targets). `orchestration.delivery` and tests import this.
"""

import os
import socket
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from secrets import token_hex

from orchestration.connectors.targets.base import CallFailed, Target
from orchestration.core.delivery.answers import Answer, State
from orchestration.ledger.errors import LedgerBusy
from orchestration.ledger.events import Actor
from orchestration.ledger.outbox_answers import settle
from orchestration.ledger.outbox_claims import Claim, Wait, Worker, claim
from orchestration.ledger.outbox_clock import DeliveryClock
from orchestration.ledger.outbox_documents import unsettled_sweeps
from orchestration.ledger.outbox_review import Finding, Found, record_findings, sweep_done
from orchestration.ledger.store import Ledger

# From this rate on a claim may hold more calls than go at once: commits are then what costs. Below
# it, a call is made as soon as its token is taken, so that the receiver never sees a heap of them.
BATCH_FROM_RATE = 200
CALLS_PER_SLOT = 16
IDLE_SECONDS = 1.0
LIMITED_SECONDS = 0.02
SWEEPS_AT_ONCE = 50


@dataclass(slots=True)
class Delivered:
    """What one worker did for one target.

    Attributes:
        states: How many intents ended in each state, attempts included.
        answers: How many answers of each class there were.
        stopped_because: `empty`, `closed_to_us`, or `stopped` by the caller.
    """

    states: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    stopped_because: str = ""


def new_worker() -> Worker:
    """Return who this process is for the outbox."""
    name = f"{socket.gethostname()}:{os.getpid()}:{token_hex(3)}"
    return Worker(name, Actor.engine(f"deliver:{name}"))


def deliver(
    ledger: Ledger,
    clock: DeliveryClock,
    target: Target,
    worker: Worker,
    *,
    once: bool,
    stop: threading.Event | None = None,
    progress: Callable[[Delivered], None] | None = None,
) -> Delivered:
    """Deliver to one target what may be delivered.

    Safe to run in any number of processes at once, and to kill at any moment.

    Args:
        ledger: Where the outbox is.
        clock: The clock of waits.
        target: Open.
        worker: Who delivers.
        once: Stop when nothing more may be sent now; else go on until `stop` is set.
        stop: Asked between claims.
        progress: Told after each claim.

    Raises:
        Exception: What no class of answers covers: a defect, raised after all else was put down.
    """
    done = Delivered()
    stop = stop or threading.Event()
    while not stop.is_set():
        sweep(ledger, clock, target, worker)
        with ledger.write() as connection:
            now = clock.keep(connection)
            taken = claim(
                connection,
                target.code,
                target.policy,
                worker,
                at=clock.wall(),
                now=now,
                most=most_taken(target),
            )
        if isinstance(taken, Wait):
            done.stopped_because = taken.reason
            if taken.reason != "limited" and once:
                return done
            stop.wait(LIMITED_SECONDS if taken.reason == "limited" else IDLE_SECONDS)
            continue
        _carry(ledger, clock, target, worker, taken, done)
        if progress is not None:
            progress(done)
    done.stopped_because = "stopped"
    return done


def most_taken(target: Target) -> int:
    """Return how many intents one claim holds at most."""
    policy = target.policy
    if policy.idempotency.mechanism == "none":
        return policy.max_in_flight  # each of them may have to settle if this process dies
    batched = policy.rate_per_second >= BATCH_FROM_RATE
    return policy.max_in_flight * policy.bulk_size * (CALLS_PER_SLOT if batched else 1)


def sweep(ledger: Ledger, clock: DeliveryClock, target: Target, worker: Worker) -> int:
    """Look documents up again that a write of unknown outcome may have doubled; returns how many.

    Only for receivers without a key: the late one of two writes may come when the other was taken
    for the only one.
    """
    if target.policy.idempotency.mechanism != "none":
        return 0
    with ledger.read() as connection:
        due = unsettled_sweeps(connection, target.code, clock.now(), SWEEPS_AT_ONCE)
    findings, clear = [], []
    for document in due:
        try:
            held = target.look_up(ledger, document)
        except CallFailed:
            break  # the next sweep begins with it
        if len(held) > 1:
            refs = ", ".join(one.receiver_ref for one in held[:5])
            detail = f"The receiver has it {len(held)} times: {refs}. Void all but one there."
            findings.append(Found(document.intent_id, Finding.DUPLICATED, detail))
        else:
            clear.append(document.intent_id)
    if findings or clear:
        with ledger.write() as connection:
            now, at = clock.keep(connection), clock.wall()
            record_findings(connection, findings, actor=worker.actor, at=at, now=now)
            sweep_done(connection, clear)
    return len(findings) + len(clear)


def _carry(
    ledger: Ledger,
    clock: DeliveryClock,
    target: Target,
    worker: Worker,
    taken: Claim,
    done: Delivered,
) -> None:
    """Call for one claim and put down what came of it."""
    longest = timedelta(seconds=target.policy.timeouts.total_seconds)
    answers, defect = target.deliver(
        ledger, taken, may_begin=lambda: clock.now() + longest <= taken.lease_until
    )
    answered = replace(taken, taken=tuple(one for one in taken.taken if one.intent_id in answers))
    states = _put_down(ledger, clock, target, worker, answered, answers)
    done.states.update(state.value for state in states.values())
    done.answers.update(answer.kind.value for answer in answers.values())
    if defect is not None:
        raise defect


def _put_down(
    ledger: Ledger,
    clock: DeliveryClock,
    target: Target,
    worker: Worker,
    answered: Claim,
    answers: dict[str, Answer],
) -> dict[str, State]:
    """Settle a claim; a busy ledger is waited for once more, since the answers are worth it."""
    for is_last in (False, True):
        with suppress(*(() if is_last else (LedgerBusy,))), ledger.write() as connection:
            now = clock.keep(connection)
            return settle(
                connection,
                answered,
                target.policy,
                worker,
                answers,
                at=clock.wall(),
                now=now,
            )
    raise AssertionError  # the second time either returned or raised
