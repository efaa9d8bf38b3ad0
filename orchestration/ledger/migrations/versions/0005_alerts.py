"""Alerts, their messages, and the clocks of tickets.

What belongs here: this one step of the schema, as it was released. What does not: the tables as the
code knows them now (`orchestration.ledger.alert_tables`). Only Alembic runs this.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables; nothing was told before."""
    op.create_table(
        "alerts",
        sa.Column("alert_key", sa.Text, nullable=False),
        sa.Column("event_code", sa.Text, nullable=False),
        sa.Column("severity_code", sa.Text, nullable=False),
        sa.Column("owner_role", sa.Text, nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("subject_type", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("recon_key", sa.Text),
        sa.Column("incident_id", sa.Text),
        sa.Column("told_role", sa.Text),
        sa.Column("told_ids", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("due_since", sa.Text, nullable=False),
        sa.Column("raised_at", sa.Text, nullable=False),
        sa.Column("cleared_at", sa.Text),
        sa.PrimaryKeyConstraint("alert_key", name="pk_alerts"),
    )
    op.create_index("ix_alerts__event", "alerts", ["event_code", "cleared_at"])
    op.create_index("ix_alerts__subject", "alerts", ["subject_type", "subject_id"])
    op.create_table(
        "alert_tellings",
        sa.Column("alert_key", sa.Text, nullable=False),
        sa.Column("channel_code", sa.Text, nullable=False),
        sa.Column("mode_code", sa.Text, nullable=False),
        sa.Column("send_after", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("because", sa.Text),
        sa.Column("message_id", sa.Text),
        sa.CheckConstraint(
            "state <> 'told' or message_id is not null",
            name="ck_alert_tellings__told",
        ),
        sa.CheckConstraint(
            "state in ('waiting', 'held', 'told', 'dropped')",
            name="ck_alert_tellings__state",
        ),
        sa.PrimaryKeyConstraint("alert_key", "channel_code", name="pk_alert_tellings"),
    )
    op.create_index("ix_alert_tellings__message", "alert_tellings", ["message_id"])
    op.create_index("ix_alert_tellings__state", "alert_tellings", ["state", "send_after"])
    op.create_table(
        "alert_messages",
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("first_channel", sa.Text, nullable=False),
        sa.Column("channel_code", sa.Text, nullable=False),
        sa.Column("kind_code", sa.Text, nullable=False),
        sa.Column("event_code", sa.Text, nullable=False),
        sa.Column("severity_code", sa.Text, nullable=False),
        sa.Column("group_key", sa.Text, nullable=False),
        sa.Column("incident_id", sa.Text),
        sa.Column("dedup_key", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("alert_count", sa.Integer, nullable=False),
        sa.Column("made_at", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("channel_attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.Text, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("lease_until", sa.Text),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("sent_at", sa.Text),
        sa.Column("last_error", sa.Text),
        sa.CheckConstraint(
            "kind_code in ('alert', 'over', 'test')",
            name="ck_alert_messages__kind",
        ),
        sa.CheckConstraint(
            "state <> 'inflight' or (owner is not null and lease_until is not null)",
            name="ck_alert_messages__leased",
        ),
        sa.CheckConstraint(
            "state in ('ready', 'inflight', 'sent')",
            name="ck_alert_messages__state",
        ),
        sa.PrimaryKeyConstraint("message_id", name="pk_alert_messages"),
    )
    op.create_index(
        "ix_alert_messages__incident",
        "alert_messages",
        ["incident_id", "event_code", "first_channel"],
    )
    op.create_index("ix_alert_messages__queue", "alert_messages", ["state", "next_at"])
    op.create_index("ix_alert_messages__sent", "alert_messages", ["sent_at"])
    op.create_table(
        "alert_paces",
        sa.Column("channel_code", sa.Text, nullable=False),
        sa.Column("free_at", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("channel_code", name="pk_alert_paces"),
    )
    op.create_table(
        "alert_marks",
        sa.Column("mark_code", sa.Text, nullable=False),
        sa.Column("seq", SEQ),
        sa.Column("at", sa.Text),
        sa.PrimaryKeyConstraint("mark_code", name="pk_alert_marks"),
    )
    op.create_table(
        "ticket_clocks",
        sa.Column("ticket_id", sa.Text, nullable=False),
        sa.Column("next_at", sa.Text),
        sa.Column("policy_version", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_ticket_clocks"),
    )
    op.create_index("ix_ticket_clocks__next_at", "ticket_clocks", ["next_at"])
    op.create_index("ix_ticket_clocks__policy_version", "ticket_clocks", ["policy_version"])
