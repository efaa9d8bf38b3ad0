"""One record per row of the policy tables under `seeds/policies` and `seeds/taxonomy`.

What belongs here: the columns of each table, their types and units, and what one row alone can get
wrong. What does not: rules across rows (`core.policies.checks`, `core.policies.signing_checks`) and
reading CSV (`connectors.tables`). Anyone may import this.

Amounts are in units of the risk currency: an amount of money divided by its currency's
`risk_factor`, unless the row names a currency of its own.
"""

from datetime import date, time
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from orchestration.core.policies.rows import (
    SAMPLED_ACTIONS,
    SIGNED_ACTIONS,
    Amount,
    BandRow,
    Code,
    Codes,
    DatedRow,
    LocalTime,
    Row,
    one_of,
)


class Role(Row):
    """A role that owns, signs or is told.

    Attributes:
        head_person_id: Who decides at the end of every escalation.
        fallback_role: The role that takes over when nobody of this one is there.
        hours_code: Its working hours.
        digest_at: Local time of its daily digest.
        is_limit_bound: Whether a signature also needs the signer's own limit of authority.
    """

    file = "policies/roles.csv"
    role_code: Code
    role_label: str
    head_person_id: str
    fallback_role: Code
    hours_code: Code
    digest_at: time
    is_limit_bound: bool
    note: str | None = None


class RaciRow(DatedRow):
    """Who is responsible, accountable, consulted and informed for a state or class."""

    file = "policies/raci.csv"
    subject_type: Literal["exception_family", "exception_class", "order_state", "leg_state"]
    subject_code: Code
    responsible: Code
    accountable: Code
    consulted: Codes = ()
    informed: Codes = ()
    fallback_owner: Code


class WorkingHours(Row):
    """The hours of one weekday, local time of a zone.

    Attributes:
        calendar_code: Whose holidays are free; None when none are.
        weekday: 1 is Monday, 7 is Sunday.
    """

    file = "policies/working_hours.csv"
    hours_code: Code
    calendar_code: Code | None = None
    time_zone: str
    weekday: Annotated[int, Field(ge=1, le=7)]
    opens_at: LocalTime
    closes_at: LocalTime
    note: str | None = None

    @model_validator(mode="after")
    def _closes_after_it_opens(self) -> Self:
        if self.closes_at <= self.opens_at:
            msg = f"closes_at {self.closes_at} is not after opens_at {self.opens_at}"
            raise ValueError(msg)
        return self


class SlaClock(DatedRow):
    """Whether the time to resolve runs day and night or in working hours."""

    file = "policies/sla_clocks.csv"
    severity_code: Code
    clock_code: Literal["wall", "business"]
    note: str | None = None


class EscalationStep(DatedRow):
    """One step of an escalation chain.

    Attributes:
        at_percent: Share of the time to resolve that has passed, whole percent.
        from_level: Who had it until then.
        to_level: Who is told now.
    """

    file = "policies/escalations.csv"
    chain_code: Code
    severity_code: str
    step_no: Annotated[int, Field(ge=1)]
    at_percent: Annotated[int, Field(ge=1, le=1000)]
    from_level: Literal["resolver", "owner", "manager", "role_head", "fallback_head"]
    to_level: Literal["resolver", "owner", "manager", "role_head", "fallback_head"]
    action_code: Literal["warn", "breach", "escalate"]
    note: str | None = None


class ApprovalLimit(BandRow):
    """Who must sign an action of an amount.

    Attributes:
        requester_role: The role of who asks; `*` for every role.
        tier_code: The customer's tier; `*` for every tier.
        currency_code: Currency of the band; `*` for every currency, by its risk factor.
        required_roles: The roles that must sign; `accountable` is the one that answers for the
            exception class or gate.
        least_signers: How many people must sign at least, the requester not among them.
    """

    file = "policies/approval_limits.csv"
    limit_id: Code
    limit_version: Annotated[int, Field(ge=1)]
    action_code: Annotated[str, one_of(SIGNED_ACTIONS)]
    requester_role: str
    tier_code: str
    currency_code: Annotated[str, StringConstraints(pattern=r"^(\*|[A-Z]{3})$")]
    required_roles: Annotated[Codes, Field(min_length=1)]
    least_signers: Annotated[int, Field(ge=1, le=9)]
    note: str | None = None


class ApprovalValidity(DatedRow):
    """How long a request may wait, an approval may be used, and a decision holds.

    Attributes:
        request_hours: Wall hours in which a request must be signed in full.
        approval_hours: Wall hours after the last signature in which it must be used.
        effect_days: Days for which the decision then holds; None until it is revoked.
    """

    file = "policies/approval_validity.csv"
    action_code: Annotated[str, one_of(SIGNED_ACTIONS)]
    request_hours: Annotated[int, Field(ge=1)]
    approval_hours: Annotated[int, Field(ge=1)]
    effect_days: Annotated[int, Field(ge=1)] | None = None
    note: str | None = None


class OverrideAlarm(DatedRow):
    """How much one person may decide by hand on one day before control hears of it.

    Attributes:
        most_count: Decisions of the day that raise nothing yet.
        most_amount: Their sum that raises nothing yet, units of the risk currency.
    """

    file = "policies/override_alarms.csv"
    alarm_id: Code
    alarm_version: Annotated[int, Field(ge=1)]
    action_code: Annotated[str, one_of(SAMPLED_ACTIONS)]
    most_count: Annotated[int, Field(ge=1)]
    most_amount: Amount | None = None
    exception_code: Code
    note: str | None = None


class SamplingRule(BandRow):
    """Which share of what was decided by hand is looked at again.

    Attributes:
        sample_rate: Share of a stratum, 0 to 1.
        least_per_person: At least so many of each person and period.
    """

    file = "policies/sampling.csv"
    sampling_id: Code
    sampling_version: Annotated[int, Field(ge=1)]
    action_code: Annotated[str, one_of(SAMPLED_ACTIONS)]
    sample_rate: Annotated[Decimal, Field(ge=0, le=1, max_digits=9, decimal_places=6)]
    least_per_person: Annotated[int, Field(ge=0)]
    period_code: Literal["day", "week", "month"]
    note: str | None = None


class Absence(Row):
    """Somebody is away, first and last day included."""

    file = "policies/absences.csv"
    person_id: str
    from_on: date
    to_on: date
    deputy_id: str | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if self.to_on < self.from_on:
            msg = f"to_on {self.to_on} is before from_on {self.from_on}"
            raise ValueError(msg)
        if self.deputy_id == self.person_id:
            msg = f"{self.person_id} cannot be their own deputy"
            raise ValueError(msg)
        return self

    def holds_on(self, day: date) -> bool:
        """Whether the person is away on a day."""
        return self.from_on <= day <= self.to_on


class Identity(Row):
    """An account, and the person behind it.

    Attributes:
        person_id: Who acts through it; None for a service, which signs nothing.
        kind_code: alias (another account of a person), token (of a person), service.
    """

    file = "policies/identities.csv"
    account_id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    person_id: str | None = None
    kind_code: Literal["alias", "token", "service"]
    is_enabled: bool
    note: str | None = None

    @model_validator(mode="after")
    def _has_a_person_unless_a_service(self) -> Self:
        if (self.person_id is None) != (self.kind_code == "service"):
            msg = "an alias or token names its person_id, and a service names none"
            raise ValueError(msg)
        return self


class ReasonCode(Row):
    """Why something was decided; the text beside it says it in words."""

    file = "taxonomy/reason_codes.csv"
    reason_code: Code
    applies_to: Annotated[Codes, Field(min_length=1)]
    reason_label: str
    is_active: bool


class ExceptionClass(Row):
    """The part of the exception taxonomy that the operating model needs."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    file = "taxonomy/exception_classes.csv"
    exception_code: Code
    family_code: Code
    severity_code: Code
    owner_role: Code
    approver_role: Code
    is_auto_closing: bool
    is_four_eyes: bool
    class_label: str
