"""What every target is: ids in, answers out.

What belongs here: the base class and the shapes that its classes share. What does not: any
protocol. The targets and the courier import this.

The public way in takes a claim of the outbox, which holds ids. The payloads are read inside, from
rows that are inflight under that very claim, so no caller can have anything else sent.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Self

from orchestration.core.delivery.answers import RECEIVER_FAILED, Answer, AnswerClass
from orchestration.core.policies.documents import DeliveryTarget
from orchestration.ledger.outbox_claims import Claim
from orchestration.ledger.outbox_documents import Document, claimed_documents
from orchestration.ledger.store import Ledger


class CallFailed(Exception):
    """A call that brought no usable answer.

    Attributes:
        answer: What that means for the document.
    """

    def __init__(self, kind: AnswerClass, detail: str, retry_after: str | None = None) -> None:
        super().__init__(detail)
        self.answer = Answer(kind, detail=detail, retry_after=retry_after)


@dataclass(frozen=True, slots=True)
class Held:
    """One document as a receiver holds it; None where the receiver does not say.

    Attributes:
        receiver_ref: Its id there.
        idem_key: Our key, as it was sent.
        currency_code: ISO 4217, of the amount.
    """

    receiver_ref: str
    idem_key: str | None
    payload_hash: str | None = None
    amount: str | None = None
    currency_code: str | None = None


@dataclass(slots=True)
class _Streak:
    """Whether the receiver wants no more of one delivery; its threads share it.

    Attributes:
        failed: Calls that failed in a row.
        is_throttled: It asked for silence.
    """

    lock: threading.Lock
    failed: int = 0
    is_throttled: bool = False

    def count(self, answers: Mapping[str, Answer]) -> None:
        """Count one call."""
        with self.lock:
            is_bad = any(one.kind in RECEIVER_FAILED for one in answers.values())
            self.failed = self.failed + 1 if is_bad else 0
            if any(one.kind is AnswerClass.THROTTLED for one in answers.values()):
                self.is_throttled = True


class Target(ABC):
    """One downstream system; subclasses say how it is written, asked and listed.

    Attributes:
        code: As in `seeds/policies/delivery_targets.yml`.
        policy: Its row there.
    """

    def __init__(self, code: str, policy: DeliveryTarget) -> None:
        self.code = code
        self.policy = policy
        self._pool = ThreadPoolExecutor(policy.max_in_flight, thread_name_prefix=f"target-{code}")

    def deliver(
        self, ledger: Ledger, claimed: Claim, *, may_begin: Callable[[], bool]
    ) -> tuple[dict[str, Answer], BaseException | None]:
        """Send or look up what was claimed, and return what became of it.

        Args:
            ledger: Where the payloads of the claim are.
            claimed: Committed before; see `orchestration.ledger.outbox_claims`.
            may_begin: Asked before each call whether there is time left for one.

        Returns:
            An answer per intent, and the first error that is none of the answers: a defect. Its
            intents have no answer and will be unknown.

        Raises:
            NotReleased: The claim holds what it may not send; nothing was called.
        """
        with ledger.read() as connection:
            documents = claimed_documents(connection, claimed)
        streak = _Streak(threading.Lock())
        groups: list[tuple[tuple[Document, ...], bool]] = []
        for look_up in (True, False):
            chosen = [documents[one.intent_id] for one in claimed.taken if one.look_up is look_up]
            size = 1 if look_up else self.policy.bulk_size
            groups += [
                (tuple(chosen[start : start + size]), look_up)
                for start in range(0, len(chosen), size)
            ]
        futures: list[Future[dict[str, Answer]]] = [
            self._pool.submit(self._one_call, group, look_up, streak, may_begin)
            for group, look_up in groups
        ]
        answers: dict[str, Answer] = {}
        defect: BaseException | None = None
        for future in futures:
            try:
                answers |= future.result()
            except Exception as error:  # noqa: BLE001, raised by the caller when the rest is kept
                defect = defect or error
        return answers, defect

    def look_up(self, ledger: Ledger, document: Document) -> tuple[Held, ...]:
        """Return what the receiver holds under a document's key; reads only.

        Raises:
            CallFailed: It could not be asked.
        """
        del ledger
        return self._look_up(document)

    def holdings(self) -> Iterator[Held]:
        """Yield everything that the receiver holds of ours.

        Raises:
            CallFailed: It could not be asked to the end.
        """
        return self._list()

    def close(self) -> None:
        """Let threads and connections go; safe to call twice."""
        self._pool.shutdown(wait=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def _write(self, documents: Sequence[Document]) -> dict[str, Answer]:
        """Write documents in one call; an answer per intent id.

        Raises:
            CallFailed: The same answer for all of them.
        """

    @abstractmethod
    def _look_up(self, document: Document) -> tuple[Held, ...]:
        """Return what is held under a document's key."""

    @abstractmethod
    def _list(self) -> Iterator[Held]:
        """Yield everything of ours that is held."""

    def _judge(self, document: Document, found: Sequence[Held]) -> Answer:
        """What a look-up says of a document."""
        if not found:
            return Answer(AnswerClass.ABSENT, detail="The receiver does not have it.")
        refs = ", ".join(one.receiver_ref for one in found[:5])
        if len(found) > 1:
            detail = f"The receiver has it {len(found)} times: {refs}."
            return Answer(AnswerClass.DUPLICATED, found[0].receiver_ref, detail)
        difference = differs(document, found[0])
        if difference:
            return Answer(AnswerClass.EXISTED_DIFFERENT, refs, difference, was_looked_up=True)
        return Answer(AnswerClass.EXISTED_SAME, refs, was_looked_up=True)

    def _one_call(
        self,
        group: Sequence[Document],
        look_up: bool,  # noqa: FBT001, submitted to a pool
        streak: _Streak,
        may_begin: Callable[[], bool],
    ) -> dict[str, Answer]:
        """Make one call, unless the receiver wants none now or the lease is about to end."""
        is_unwell = streak.is_throttled or streak.failed >= self.policy.breaker.failures
        if is_unwell or not may_begin():
            return {one.intent_id: Answer(AnswerClass.UNSENT) for one in group}
        begun = time.monotonic()
        try:
            if look_up:
                answers = {one.intent_id: self._judge(one, self._look_up(one)) for one in group}
            else:
                answers = self._write(group)
        except CallFailed as failed:
            answers = {one.intent_id: failed.answer for one in group}
        took = time.monotonic() - begun
        answers = {each: replace(answer, seconds=took) for each, answer in answers.items()}
        streak.count(answers)
        return answers


def differs(document: Document, held: Held) -> str:
    """Say in what a held document differs from ours; empty when in nothing that is known."""
    if held.idem_key is not None and held.idem_key != document.idem_key:
        return f"The receiver answers for the key {held.idem_key[:60]}, sent was another."
    if held.payload_hash is not None and held.payload_hash != document.payload_hash:
        return f"The receiver's {held.receiver_ref} has other contents under the same key."
    if held.amount is not None and not same_amount(held.amount, document.amount):
        return (
            f"The receiver's {held.receiver_ref} has the amount {held.amount[:40]}, "
            f"sent was {document.amount}."
        )
    return ""


def same_amount(one: str, other: str | None) -> bool:
    """Whether two decimal texts are the same amount."""
    from decimal import Decimal, InvalidOperation

    try:
        return other is not None and Decimal(one) == Decimal(other)
    except InvalidOperation:
        return False
