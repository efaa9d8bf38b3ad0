"""What every step of a request shares: what is decided, the answer, refusals, people.

What belongs here: the shape of a decision and its hash, reading a request, putting a refusal on
record. What does not: the steps themselves (`orchestration.ledger.approvals`,
`orchestration.ledger.approval_use`). The ledger package and what stands above it import this.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select

from orchestration.core.chain import canonical
from orchestration.core.policies import OperatingModel
from orchestration.core.work.approval_states import OPEN, ApprovalState
from orchestration.core.work.people import Person, Staff
from orchestration.core.work.signing import Requirement, Signature, open_roles
from orchestration.ledger.approval_rows import APPROVALS
from orchestration.ledger.errors import NotAllowed
from orchestration.ledger.events import Actor, Draft, append
from orchestration.ledger.people import find_actor
from orchestration.ledger.projections import record
from orchestration.ledger.tables import approvals, persons

LEAST_REASON = 15
UNKNOWN_ROLE = "unknown"
# How the id of every request begins; so does the reference of the exception that a decision is.
APPROVAL_PREFIX = "ap_"


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be decided; an approval holds for exactly this and for nothing else.

    Attributes:
        action_code: One of the signed actions of the operating model.
        tenant: Whose order it is.
        recon_key: The order; None when it is about none, as a rule release is.
        order_version: The version of the order that was looked at; a newer one voids the request.
        currency_code: Of `amount`.
        amount: Money at stake, major units; its sign is ignored.
        details: What exactly: gate, members, values, rule, rate. JSON without floating point.
    """

    action_code: str
    tenant: str
    recon_key: str | None
    order_version: int | None
    currency_code: str
    amount: Decimal
    details: Mapping[str, object] = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        """What is hashed and shown to whoever signs."""
        return {
            "action_code": self.action_code,
            "tenant": self.tenant,
            "recon_key": self.recon_key,
            "order_version": self.order_version,
            "currency_code": self.currency_code,
            "amount": f"{self.amount:f}",
            "details": dict(self.details),
        }

    def payload_hash(self) -> str:
        """SHA-256 of the canonical JSON (RFC 8785), lower-case hexadecimal.

        Raises:
            NotCanonical: The details hold what has no canonical form.
        """
        return hashlib.sha256(canonical(self.document()).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Account:
    """Through what somebody acts.

    Attributes:
        account_id: A person's id, or an account or token linked to one.
        via: The service that acts for the person, such as the console; both are put on record.
    """

    account_id: str
    via: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step.

    Attributes:
        approval_id: The request; None when there is none.
        state: Where it stands now; None when there is none.
        refused: Why the step was refused, in words; None when it was taken. A refusal is on record
            once the transaction is committed.
        is_repeat: The very same step was taken before: nothing was done again.
        wanting: The roles whose signature is still wanting.
    """

    approval_id: str | None
    state: ApprovalState | None
    refused: str | None = None
    is_repeat: bool = False
    wanting: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step that somebody takes.

    Attributes:
        connection: From `Ledger.write`: nobody else changes anything meanwhile.
        model: The policies.
        actor: Who, resolved to the person.
        at: When, aware.
        attempted: The verb, for refusals.
    """

    connection: Connection
    model: OperatingModel
    actor: Actor
    at: datetime
    attempted: str

    @property
    def staff(self) -> Staff:
        """Everybody as the ledger knows them now."""
        return staff_of(self.connection, self.model)

    def canonical_person(self, person_id: str) -> str:
        """The person behind an id that may be a second account of somebody."""
        known = self.model.identities.get(person_id.casefold())
        return known.person_id if known is not None and known.person_id else person_id

    def refuse(
        self, because: str, row: Mapping[str, Any] | None = None, **facts: object
    ) -> Outcome:
        """Put a refusal on record and return it; the request stays as it is."""
        approval_id = row["approval_id"] if row is not None else None
        draft = Draft(
            self.at,
            self.actor,
            "approval_refused",
            "approval",
            approval_id or "none",
            because,
            {"attempted": self.attempted, **facts},
            row["recon_key"] if row is not None else None,
        )
        append(self.connection, [draft])
        state = ApprovalState(row["state_code"]) if row is not None else None
        return Outcome(approval_id, state, because)

    def note(
        self, row: Mapping[str, Any], event: str, reason: str, payload: Mapping[str, object]
    ) -> dict[str, Any]:
        """Put an event about a request on record and return the row after it."""
        draft = Draft(
            self.at,
            self.actor,
            event,
            "approval",
            row["approval_id"],
            reason,
            payload,
            row["recon_key"],
        )
        record(self.connection, [draft], (APPROVALS,))
        return read_approval(self.connection, row["approval_id"]) or {}


def begin(
    connection: Connection,
    model: OperatingModel,
    who: Account | Actor,
    at: datetime,
    attempted: str,
) -> Step | Outcome:
    """Return a step of somebody who may act; a refusal, on record, for anybody else."""
    if isinstance(who, Actor):
        return Step(connection, model, who, at, attempted)
    known = model.identities.get(who.account_id.casefold())
    nobody = Actor(who.account_id, UNKNOWN_ROLE, who.via or who.account_id)
    if known is not None and not known.is_enabled:
        return Step(connection, model, nobody, at, attempted).refuse(
            f"the account {who.account_id} is switched off"
        )
    if known is not None and known.person_id is None:
        return Step(connection, model, nobody, at, attempted).refuse(
            f"{who.account_id} is a service and signs nothing itself"
        )
    person_id = known.person_id if known is not None and known.person_id else who.account_id
    try:
        found = find_actor(connection, person_id, via=who.via or who.account_id)
    except NotAllowed as error:
        return Step(connection, model, nobody, at, attempted).refuse(str(error))
    return Step(connection, model, found, at, attempted)


def staff_of(connection: Connection, model: OperatingModel) -> Staff:
    """Return everybody whom the ledger knows, with the absences of the operating model."""
    people = (
        Person(
            person_id=row.person_id,
            role=row.role,
            manager_id=row.manager_id,
            approval_limit=None if row.approval_limit is None else Decimal(row.approval_limit),
            currency_code=row.currency_code,
            is_active=bool(row.is_active) and _is_enabled(model, row.person_id),
        )
        for row in connection.execute(select(persons))
    )
    return Staff.of(people, model.absences)


def _is_enabled(model: OperatingModel, person_id: str) -> bool:
    known = model.identities.get(person_id.casefold())
    return known is None or known.is_enabled


def read_approval(connection: Connection, approval_id: str) -> dict[str, Any] | None:
    """Return a request as it stands; None when there is none."""
    row = (
        connection.execute(select(approvals).where(approvals.c.approval_id == approval_id))
        .mappings()
        .first()
    )
    return dict(row) if row is not None else None


def signatures_of(row: Mapping[str, Any]) -> tuple[Signature, ...]:
    """Return the signatures of a request, in the order in which they were given."""
    return tuple(
        Signature(one["by"], one["role"], one["for"]) for one in json.loads(row["signatures"])
    )


def requirement_of(row: Mapping[str, Any]) -> Requirement:
    """Return what was frozen onto a request when it was made."""
    return Requirement(
        roles=tuple(row["required_roles"].split(";")),
        least_signers=row["least_signers"],
        risk_amount=Decimal(row["risk_amount"]),
        limit=row["limit_ref"],
        policy_version=row["policy_version"],
    )


def reason_problem(model: OperatingModel, action: str, code: str | None, text: str) -> str | None:
    """Return what is wrong with a reason; None when nothing is.

    Args:
        model: Has the reason codes.
        action: What the reason is for.
        code: None where a text is enough.
        text: At least `LEAST_REASON` characters that are not blank.
    """
    if len(" ".join(text.split())) < LEAST_REASON:
        return f"say why in at least {LEAST_REASON} characters"
    codes = [reason.reason_code for reason in model.reasons_for(action)]
    if code is not None and code not in codes:
        return f"{code!r} is no reason for {action}; give one of {', '.join(codes)}"
    return None


def outcome_of(row: Mapping[str, Any], *, is_repeat: bool = False) -> Outcome:
    """Return how a request stands, as the answer to a step that was taken."""
    state = ApprovalState(row["state_code"])
    wanting = open_roles(requirement_of(row), signatures_of(row)) if state in OPEN else ()
    return Outcome(row["approval_id"], state, None, is_repeat, wanting)


def version_problem(row: Mapping[str, Any], current_version: int | None) -> str | None:
    """Return that the order has moved on since the request was made; None when it has not."""
    version = row["order_version"]
    if version is None or current_version is None or current_version == version:
        return None
    return f"it is about version {version} of the order, which is at {current_version} now"


def hours(count: int) -> timedelta:
    """So many hours."""
    return timedelta(hours=count)


def names(items: Sequence[str]) -> str:
    """Roles or people in a sentence."""
    return " and ".join(items)
