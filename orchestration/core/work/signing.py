"""Signatures: who must sign a request, and who may.

What belongs here: the requirement of a request from action, amount, tier and role; whether one
person may sign one request; whether it is signed in full. What does not: storing requests and
signatures (`orchestration.ledger.approvals`). Anyone may import this.

The request is the maker's step. Each required role is then signed by another person, or by the
named deputy of somebody of that role who is away; nobody signs twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from orchestration.core.errors import ReconError
from orchestration.core.policies.model import OperatingModel
from orchestration.core.policies.records import ApprovalLimit
from orchestration.core.policies.rows import ACCOUNTABLE, ANY
from orchestration.core.work.people import Person, Staff


class NoLimitFits(ReconError):
    """No approval limit says who signs."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What decides who must sign.

    Attributes:
        amount: Money at stake, its sign ignored.
        earlier_amount: What was asked for the same customer, action and day before, in units of
            the risk currency: parts of one thing need the signatures of the whole.
        accountable_role: The role that answers for the exception class or gate.
    """

    action_code: str
    requester_role: str
    tier_code: str | None
    currency_code: str
    amount: Decimal
    accountable_role: str
    earlier_amount: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Requirement:
    """Who must sign, frozen when it is asked.

    Attributes:
        roles: Each must be signed for, in alphabetical order.
        least_signers: How many people at least.
        risk_amount: What it was measured by: amount and earlier ones, units of the risk currency.
        limit: The policy row, as `limit_id v<version> from <amount>`.
        policy_version: Of the operating model.
    """

    roles: tuple[str, ...]
    least_signers: int
    risk_amount: Decimal
    limit: str
    policy_version: str


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature.

    Attributes:
        person_id: Who signed.
        role: The required role that it is for.
        for_person_id: Whose deputy signed; the person's own id when nobody's.
    """

    person_id: str
    role: str
    for_person_id: str


def required_signers(model: OperatingModel, asked: Asked, on: date) -> Requirement:
    """Return who must sign a request on a day.

    Of the limits that fit, those that name the requester's role win, then those that name the
    customer's tier, then those that name the currency.

    Raises:
        NoLimitFits: None fits (checks of the model keep that from happening).
        KeyError: The currency is not known.
    """
    risk = model.risk_amount(asked.amount, asked.currency_code) + asked.earlier_amount
    fitting = [row for row in model.limits if row.holds_on(on) and _fits(row, asked)]
    if fitting:
        best = max(_specificity(row) for row in fitting)
        for row in fitting:
            measured = risk
            if row.currency_code != ANY:
                measured = abs(asked.amount) + asked.earlier_amount * Decimal(
                    model.risk_factors[row.currency_code]
                )
            if _specificity(row) == best and row.covers(measured):
                return Requirement(
                    roles=_roles(row, asked.accountable_role),
                    least_signers=row.least_signers,
                    risk_amount=risk,
                    limit=f"{row.limit_id} v{row.limit_version} from {row.from_amount:f}",
                    policy_version=model.version,
                )
    raise NoLimitFits(
        f"No row of seeds/{ApprovalLimit.file} says who signs {asked.action_code} of "
        f"{abs(asked.amount)} {asked.currency_code} on {on}: add a band."
    )


def _roles(row: ApprovalLimit, accountable: str) -> tuple[str, ...]:
    return tuple(
        sorted({accountable if role == ACCOUNTABLE else role for role in row.required_roles})
    )


def _fits(row: ApprovalLimit, asked: Asked) -> bool:
    return (
        row.action_code == asked.action_code
        and row.requester_role in {ANY, asked.requester_role}
        and row.tier_code in {ANY, asked.tier_code}
        and row.currency_code in {ANY, asked.currency_code}
    )


def _specificity(row: ApprovalLimit) -> tuple[bool, bool, bool]:
    return (row.requester_role != ANY, row.tier_code != ANY, row.currency_code != ANY)


def open_roles(required: Requirement, signatures: Sequence[Signature]) -> tuple[str, ...]:
    """Return the roles for which a signature is still wanting.

    When every role has signed and more people are needed, each required role may give them.
    """
    signed = {signature.role for signature in signatures}
    wanting = tuple(role for role in required.roles if role not in signed)
    if wanting or len(signatures) >= required.least_signers:
        return wanting
    return required.roles


def is_signed(required: Requirement, signatures: Sequence[Signature]) -> bool:
    """Whether every role has signed, by as many people as needed."""
    return not open_roles(required, signatures)


def place_for(
    person: Person,
    required: Requirement,
    signatures: Sequence[Signature],
    requester_id: str,
    staff: Staff,
    model: OperatingModel,
    on: date,
) -> Signature | str:
    """Return the signature that a person may give, or why none, in words.

    Args:
        person: Who wants to sign, as known now.
        required: What the request asks for.
        signatures: Those it has.
        requester_id: Whose request it is; neither this person nor anybody standing for this person
            signs it.
        staff: Everybody, as known now.
        model: The policies, for which roles are bound by personal limits.
        on: The day of signing.
    """
    refused = _barred(person, signatures, requester_id)
    if refused is not None:
        return refused
    wanted = open_roles(required, signatures)
    if not wanted:
        return "it has all the signatures that it needs"
    reasons: list[str] = []
    for holder in (person, *staff.deputises_for(person.person_id, on)):
        if holder.person_id == requester_id:
            reasons.append(f"{person.person_id} stands for {requester_id}, who asked for it")
            continue
        if holder.role not in wanted:
            continue
        if any(one.for_person_id == holder.person_id for one in signatures):
            reasons.append(f"{holder.person_id} has signed already")
            continue
        beyond = _beyond_limit(holder, required, model)
        if beyond is None:
            return Signature(person.person_id, holder.role, holder.person_id)
        reasons.append(beyond)
    if reasons:
        return "; ".join(reasons)
    return (
        f"it needs a signature of {' or '.join(wanted)}, and {person.person_id} is of {person.role}"
    )


def _barred(person: Person, signatures: Sequence[Signature], requester_id: str) -> str | None:
    if not person.is_active:
        return f"{person.person_id} may not act any more"
    if person.person_id == requester_id:
        return "requester cannot approve"
    if any(one.person_id == person.person_id for one in signatures):
        return f"{person.person_id} has signed already"
    return None


def _beyond_limit(holder: Person, required: Requirement, model: OperatingModel) -> str | None:
    """Why the holder's own limit is too small; None when it is not or does not count."""
    role = model.roles.get(holder.role)
    if role is None or not role.is_limit_bound or required.risk_amount == 0:
        return None
    factor = model.risk_factors.get(holder.currency_code or "")
    if holder.approval_limit is None or factor is None:
        return f"{holder.person_id} has no limit of authority"
    limit = holder.approval_limit / Decimal(factor)
    if limit >= required.risk_amount:
        return None
    return (
        f"{required.risk_amount:f} is above the limit of {holder.person_id}, "
        f"{holder.approval_limit:f} {holder.currency_code}"
    )
