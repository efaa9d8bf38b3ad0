"""The shapes of alerts: one thing that happened, one message about many of them.

What belongs here: shapes. What does not: rules (the neighbours). Anyone may import this.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

SEVERITIES = ("critical", "high", "medium", "low", "info")


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that somebody is to hear of.

    Attributes:
        key: The same for the same thing, however often it is seen: it is kept once.
        event: One of the events of `seeds/policies/alert_channels.yml`.
        severity: None takes that of the event's route.
        owner_role: The role that it concerns.
        cause: What makes several of them one: an exception class, a target, a feed.
        subject_type, subject_id: What it is about, as the ledger names it.
        due_since: When it happened or became due, aware.
        told_role: The role that a step of escalation reaches; None where none does.
        told_ids: Who exactly of it.
        incident_id: The incident that it is part of.
        facts: Short sentences for the message: what, next, link, cause. Ids only, no personal data.
    """

    key: str
    event: str
    severity: str | None
    owner_role: str
    cause: str
    subject_type: str
    subject_id: str
    due_since: datetime
    told_role: str | None = None
    told_ids: tuple[str, ...] = ()
    recon_key: str | None = None
    incident_id: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """One alert on its way to a channel, with what its ticket says now.

    Attributes:
        alert: The alert.
        mode: at_once, hourly or digest.
        ticket: The ticket's columns, when it is about one.
    """

    alert: Alert
    mode: str
    ticket: Mapping[str, str | None] | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent.

    Attributes:
        dedup_key: The same for messages about the same thing, also for the one that it is over.
        severity: The gravest of its alerts.
    """

    subject: str
    body: str
    severity: str
    dedup_key: str


def one_above(severity: str) -> str:
    """Return the next graver severity; the gravest stays what it is."""
    return SEVERITIES[max(rank(severity) - 1, 0)] if severity in SEVERITIES else severity


def rank(severity: str | None) -> int:
    """Return how grave a severity is; 0 is the gravest."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
