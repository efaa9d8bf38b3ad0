"""The operating model as one value, and the questions that the rest of the system asks it.

What belongs here: lookups. What does not: whether the model is sound (`core.policies.checks`),
reading it (`connectors.operating_model`), and who does what now (`core.work`). Anyone may import
this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from orchestration.core.policies.documents import AlertChannels, DeliveryTargets, Workflow
from orchestration.core.policies.playbooks import Playbook
from orchestration.core.policies.records import (
    Absence,
    ApprovalLimit,
    ApprovalValidity,
    EscalationStep,
    ExceptionClass,
    Identity,
    OverrideAlarm,
    RaciRow,
    ReasonCode,
    Role,
    SamplingRule,
    SlaClock,
    WorkingHours,
)
from orchestration.core.policies.rows import ANY, LEG_OWNER


@dataclass(frozen=True, slots=True)
class Raci:
    """Who does, answers, is asked and is told; roles.

    Attributes:
        fallback: The role that takes over when nobody responsible is there.
    """

    responsible: str
    accountable: str
    consulted: tuple[str, ...]
    informed: tuple[str, ...]
    fallback: str


@dataclass(frozen=True, slots=True)
class OperatingModel:
    """Every policy that Python reads, sound and whole.

    Attributes:
        version: First 16 hex digits of a SHA-256 over every file that it was read from: decisions
            name it, so that one can tell under which policies they were taken.
        playbooks: By exception class.
        legs: The owner role of each leg.
        risk_factors: By currency: how many of its units weigh as one of the risk currency.
        holidays: Free days by calendar.
        severity_bands: The least amount of risk that makes something so grave, and its severity.
    """

    version: str
    roles: Mapping[str, Role]
    classes: Mapping[str, ExceptionClass]
    raci: tuple[RaciRow, ...]
    hours: tuple[WorkingHours, ...]
    clocks: tuple[SlaClock, ...]
    escalations: tuple[EscalationStep, ...]
    limits: tuple[ApprovalLimit, ...]
    validity: tuple[ApprovalValidity, ...]
    alarms: tuple[OverrideAlarm, ...]
    sampling: tuple[SamplingRule, ...]
    absences: tuple[Absence, ...]
    identities: Mapping[str, Identity]
    reasons: Mapping[str, ReasonCode]
    channels: AlertChannels
    targets: DeliveryTargets
    workflows: Mapping[str, Workflow]
    playbooks: Mapping[str, Playbook]
    legs: Mapping[str, str]
    risk_factors: Mapping[str, int]
    holidays: Mapping[str, frozenset[date]]
    severity_bands: tuple[tuple[Decimal, str], ...]

    def raci_of_class(self, exception_code: str, on: date) -> Raci:
        """Return the RACI of an exception class: its own row, else its family's.

        Raises:
            KeyError: No such class, or it has no row on that day (checks keep that from happening).
        """
        family = self.classes[exception_code].family_code
        for subject in (("exception_class", exception_code), ("exception_family", family)):
            row = self._raci_row(*subject, on)
            if row is not None:
                return _raci(row, None)
        raise KeyError(f"no RACI for {exception_code} on {on}")

    def raci_of_state(self, subject_type: str, state: str, on: date, leg: str | None) -> Raci:
        """Return the RACI of an order state or, with a leg, of a leg state.

        Args:
            subject_type: order or leg.
            state: A state of `seeds/taxonomy/states.csv`.
            on: The day.
            leg: The leg whose owner stands for `leg_owner`.

        Raises:
            KeyError: No row for the state on that day, or an unknown leg.
        """
        row = self._raci_row(f"{subject_type}_state", state, on)
        if row is None:
            raise KeyError(f"no RACI for {subject_type} state {state} on {on}")
        return _raci(row, self.legs[leg] if leg is not None else None)

    def _raci_row(self, subject_type: str, code: str, on: date) -> RaciRow | None:
        return next(
            (
                row
                for row in self.raci
                if row.subject_type == subject_type
                and row.subject_code == code
                and row.holds_on(on)
            ),
            None,
        )

    def chain_of(self, severity_code: str, on: date) -> tuple[EscalationStep, ...]:
        """Return the escalation steps of a severity in order; its own chain, else the general."""
        for severity in (severity_code, ANY):
            steps = tuple(
                step
                for step in self.escalations
                if step.severity_code == severity and step.holds_on(on)
            )
            if steps:
                return tuple(sorted(steps, key=lambda step: step.step_no))
        return ()

    def clock_of(self, severity_code: str, on: date) -> str:
        """Return wall or business for a severity; wall where nothing is said."""
        return next(
            (
                clock.clock_code
                for clock in self.clocks
                if clock.severity_code == severity_code and clock.holds_on(on)
            ),
            "wall",
        )

    def validity_of(self, action_code: str, on: date) -> ApprovalValidity:
        """Return how long requests, approvals and decisions of an action live.

        Raises:
            KeyError: Nothing is said for that day (checks keep that from happening).
        """
        for row in self.validity:
            if row.action_code == action_code and row.holds_on(on):
                return row
        raise KeyError(f"no validity for {action_code} on {on}")

    def risk_amount(self, amount: Decimal, currency_code: str) -> Decimal:
        """Return an amount of money in units of the risk currency, without its sign.

        Raises:
            KeyError: The currency is not known.

        Rounded up to four decimals, so that a band is never missed by rounding.
        """
        factor = Decimal(self.risk_factors[currency_code])
        return (abs(amount) / factor).quantize(Decimal("0.0001"), rounding="ROUND_CEILING")

    def reasons_for(self, action_code: str) -> tuple[ReasonCode, ...]:
        """Return the reasons that may be given for an action."""
        return tuple(
            reason
            for reason in self.reasons.values()
            if reason.is_active and action_code in reason.applies_to
        )

    def target_of(self, artifact_kind: str) -> str | None:
        """Return the code of the target that an artifact goes to; None when there is none."""
        return next(
            (
                code
                for code, target in self.targets.targets.items()
                if artifact_kind in target.artifact_kinds
            ),
            None,
        )

    def automation_blocks(self, artifact_kind: str, order_type: str | None) -> tuple[str, ...]:
        """Return why an artifact of an order type may not be sent by itself; empty when it may.

        R-D3: no artifact leaves without a workflow that is whole.

        Args:
            artifact_kind: As in `seeds/rules/artifact_rules.csv`.
            order_type: Of its order, empty when the order has none; None when it is of no one
                order, such as a statement: then any workflow of the kind may send it.
        """
        responsible = [
            workflow
            for workflow in self.workflows.values()
            if artifact_kind in workflow.artifact_kinds
            and (
                order_type is None or not workflow.order_types or order_type in workflow.order_types
            )
        ]
        if not responsible:
            of_orders = {None: "", "": " of orders without a type"}.get(
                order_type, f" of {order_type} orders"
            )
            return (f"no workflow sends {artifact_kind}{of_orders}",)
        blocked = [workflow.blocked_because for workflow in responsible]
        if any(reason is None for reason in blocked):
            return ()
        return tuple(reason for reason in blocked if reason is not None)


def _raci(row: RaciRow, leg_owner: str | None) -> Raci:
    def said(role: str) -> str:
        return leg_owner if role == LEG_OWNER and leg_owner is not None else role

    return Raci(
        responsible=said(row.responsible),
        accountable=said(row.accountable),
        consulted=tuple(said(role) for role in row.consulted),
        informed=tuple(said(role) for role in row.informed),
        fallback=said(row.fallback_owner),
    )
