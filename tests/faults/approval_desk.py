"""People, requests and short ways to act on them, for the tests of approvals.

What belongs here: what those tests share. What does not: a test.
"""

import itertools
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import select

from orchestration.connectors.operating_model import load_operating_model
from orchestration.core.policies import OperatingModel
from orchestration.core.policies.records import Absence, Identity
from orchestration.ledger.approval_asking import Request, request
from orchestration.ledger.approval_base import Account, Decision, Outcome, read_approval
from orchestration.ledger.approval_use import expire, use
from orchestration.ledger.approvals import Seen, reject, review, revoke, sign
from orchestration.ledger.events import Actor
from orchestration.ledger.people import Person, link_account, take_over
from orchestration.ledger.store import Ledger
from orchestration.ledger.tables import events
from orchestration.settings import PROJECT_ROOT

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
ENGINE = Actor.engine("run_1")
WHY = "The customer agreed to it in writing."
PEOPLE = (
    Person("per-ines", "sales", "per-tove", Decimal(25000), "USD"),
    Person("per-joko", "sales", "per-tove", Decimal(25000), "USD"),
    Person("per-tove", "sales", None, Decimal(250000), "USD"),
    Person("per-abel", "finance", "per-rhea", Decimal(10000), "USD"),
    Person("per-rhea", "finance", None, Decimal(500000), "USD"),
    Person("per-bram", "control", None, Decimal(0), "USD"),
    Person("per-cleo", "control", None, Decimal(0), "USD"),
)
_nonces = (f"n{number}" for number in itertools.count())


def model_of(**changes: Any) -> OperatingModel:
    """The project's operating model, with some policies replaced."""
    return replace(load_operating_model(PROJECT_ROOT / "seeds"), **changes)


def alias(
    account_id: str, person_id: str | None, kind: str = "alias", *, on: bool = True
) -> Identity:
    return Identity(account_id=account_id, person_id=person_id, kind_code=kind, is_enabled=on)


def away(person_id: str, deputy_id: str) -> Absence:
    day = NOON.date()
    return Absence(
        person_id=person_id, from_on=day, to_on=day + timedelta(days=9), deputy_id=deputy_id
    )


def waiver(amount: str = "500", *, version: int | None = 1, **details: object) -> Decision:
    """A waiver of the price gate."""
    return Decision(
        "gate_waiver",
        "main",
        "rk1_order",
        version,
        "USD",
        Decimal(amount),
        {"gate_code": "GATE_PRICE", **details},
    )


@dataclass
class Desk:
    """A ledger with people in it; every step is a transaction of its own."""

    ledger: Ledger
    model: OperatingModel = field(default_factory=model_of)
    now: datetime = NOON

    def __post_init__(self) -> None:
        self.hire(*PEOPLE)

    def hire(self, *people: Person) -> None:
        """Make exactly these people known."""
        with self.ledger.write() as connection:
            take_over(connection, people, actor=ENGINE, at=self.now)

    def link(self, account_id: str, person_id: str) -> None:
        with self.ledger.write() as connection:
            link_account(
                connection, account_id, person_id, actor=ENGINE, at=self.now, reason="An account."
            )

    def ask(self, who: str = "per-ines", decision: Decision | None = None, **more: Any) -> Outcome:
        asked = Request(
            decision=decision or waiver(),
            reason_code=more.pop("reason_code", "CUSTOMER_AGREED"),
            reason=more.pop("reason", WHY),
            nonce=more.pop("nonce", next(_nonces)),
            accountable_role=more.pop("accountable_role", "sales"),
            customer_id=more.pop("customer_id", "cu-1"),
            **{key: more.pop(key) for key in ("tier_code", "is_break_glass") if key in more},
        )
        with self.ledger.write() as connection:
            return request(connection, self.model, asked, Account(who, **more), self.now)

    def sign(self, approval_id: str, who: str, **more: Any) -> Outcome:
        seen = Seen(
            more.pop("seen_hash", None) or self.row(approval_id)["payload_hash"],
            more.pop("reason", WHY),
            more.pop("nonce", next(_nonces)),
            more.pop("current_version", None),
        )
        with self.ledger.write() as connection:
            return sign(connection, self.model, approval_id, Account(who, **more), self.now, seen)

    def reject(self, approval_id: str, who: str) -> Outcome:
        with self.ledger.write() as connection:
            return reject(
                connection, self.model, approval_id, Account(who), self.now,
                reason_code="EVIDENCE_WANTING", reason="It does not show what it claims.",
            )  # fmt: skip

    def review(self, approval_id: str, who: str) -> Outcome:
        with self.ledger.write() as connection:
            return review(
                connection, self.model, approval_id, Account(who), self.now,
                reason_code="REVIEWED_SOUND", reason="The evidence carries what was decided.",
            )  # fmt: skip

    def revoke(self, approval_id: str, who: str) -> Outcome:
        with self.ledger.write() as connection:
            return revoke(
                connection, self.model, approval_id, Account(who), self.now,
                reason_code="MADE_IN_ERROR", reason="It was a mistake to sign it.",
            )  # fmt: skip

    def use(self, approval_id: str, **more: Any) -> Outcome:
        given = more.pop("payload_hash", None) or self.row(approval_id)["payload_hash"]
        with self.ledger.write() as connection:
            return use(
                connection, self.model, approval_id, ENGINE, self.now, payload_hash=given, **more
            )

    def expire(self) -> tuple[str, ...]:
        with self.ledger.write() as connection:
            return expire(connection, self.model, ENGINE, self.now)

    def row(self, approval_id: str) -> dict[str, Any]:
        with self.ledger.read() as connection:
            row = read_approval(connection, approval_id)
        assert row is not None
        return row

    def events(self, *actions: str) -> list[dict[str, Any]]:
        """The events of some actions, their payloads read."""
        with self.ledger.read() as connection:
            rows = connection.execute(
                select(events).where(events.c.action.in_(actions)).order_by(events.c.seq)
            ).mappings()
            return [{**row, "payload": json.loads(row["payload"])} for row in rows]

    def later(self, **span: int) -> None:
        """Let time pass."""
        self.now += timedelta(**span)


def ledger_url(folder: Path) -> str:
    """An empty ledger in a folder."""
    return f"sqlite:///{folder / 'ledger.db'}"
