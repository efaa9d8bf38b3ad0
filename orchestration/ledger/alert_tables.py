"""The tables of alerts as SQLAlchemy knows them.

What belongs here: names, columns, keys. What does not: how they came to be
(`orchestration.ledger.migrations`) and what happens in them (`orchestration.ledger.alert*`). Only
the ledger package imports this.

Moments are texts in ISO 8601 (UTC, microseconds, `Z`), so that they sort as they follow. `next_at`
and `lease_until` are of the clock that only passes (`orchestration.ledger.outbox_clock`), all
others of the wall.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, Table, Text

from orchestration.ledger.tables import SEQ, metadata

# One row per thing that somebody is to hear of; its key says which, so it is kept once.
alerts = Table(
    "alerts",
    metadata,
    Column("alert_key", Text, primary_key=True),
    Column("event_code", Text, nullable=False),
    Column("severity_code", Text, nullable=False),
    Column("owner_role", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("subject_type", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("recon_key", Text),
    Column("incident_id", Text),
    Column("told_role", Text),
    Column("told_ids", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("due_since", Text, nullable=False),
    Column("raised_at", Text, nullable=False),
    # When what it tells of was over; null while it lasts, or where it has no end.
    Column("cleared_at", Text),
    Index("ix_alerts__subject", "subject_type", "subject_id"),
    Index("ix_alerts__event", "event_code", "cleared_at"),
)

# One row per alert and channel that is to hear of it, until a message tells it.
alert_tellings = Table(
    "alert_tellings",
    metadata,
    Column("alert_key", Text, primary_key=True),
    Column("channel_code", Text, primary_key=True),
    Column("mode_code", Text, nullable=False),
    Column("send_after", Text, nullable=False),
    # Waiting, held (its cause is known to be down), told (in the message), dropped.
    Column("state", Text, nullable=False),
    Column("because", Text),
    Column("message_id", Text),
    CheckConstraint("state in ('waiting', 'held', 'told', 'dropped')", name="state"),
    CheckConstraint("state <> 'told' or message_id is not null", name="told"),
    Index("ix_alert_tellings__state", "state", "send_after"),
    Index("ix_alert_tellings__message", "message_id"),
)

# One row per message: its text is settled when it is made.
alert_messages = Table(
    "alert_messages",
    metadata,
    Column("message_id", Text, primary_key=True),
    Column("first_channel", Text, nullable=False),
    Column("channel_code", Text, nullable=False),
    Column("kind_code", Text, nullable=False),
    Column("event_code", Text, nullable=False),
    Column("severity_code", Text, nullable=False),
    Column("group_key", Text, nullable=False),
    Column("incident_id", Text),
    Column("dedup_key", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("alert_count", Integer, nullable=False),
    Column("made_at", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("channel_attempts", Integer, nullable=False),
    Column("next_at", Text, nullable=False),
    Column("owner", Text),
    Column("lease_until", Text),
    Column("fence", BigInteger, nullable=False),
    Column("sent_at", Text),
    Column("last_error", Text),
    CheckConstraint("state in ('ready', 'inflight', 'sent')", name="state"),
    CheckConstraint("kind_code in ('alert', 'over', 'test')", name="kind"),
    CheckConstraint(
        "state <> 'inflight' or (owner is not null and lease_until is not null)", name="leased"
    ),
    Index("ix_alert_messages__queue", "state", "next_at"),
    Index("ix_alert_messages__incident", "incident_id", "event_code", "first_channel"),
    Index("ix_alert_messages__sent", "sent_at"),
)

# One row per channel: when the next message may go, for all processes.
alert_paces = Table(
    "alert_paces",
    metadata,
    Column("channel_code", Text, primary_key=True),
    Column("free_at", Text, nullable=False),
)

# How far something has read the events, or when it was done last.
alert_marks = Table(
    "alert_marks",
    metadata,
    Column("mark_code", Text, primary_key=True),
    Column("seq", SEQ),
    Column("at", Text),
)

# One row per ticket that somebody has to deal with: when its next step of escalation is due.
ticket_clocks = Table(
    "ticket_clocks",
    metadata,
    Column("ticket_id", Text, primary_key=True),
    Column("next_at", Text),
    Column("policy_version", Text, nullable=False),
    Index("ix_ticket_clocks__next_at", "next_at"),
    Index("ix_ticket_clocks__policy_version", "policy_version"),
)
