"""The outbox: intents with their guards, the health of targets, incidents, the clock of waits.

What belongs here: this one step of the schema, as it was released. What does not: the tables as the
code knows them now (`orchestration.ledger.outbox_tables`). Only Alembic runs this.
"""

import sqlalchemy as sa
from alembic import op

from orchestration.ledger import outbox_guards

revision = "0004"
down_revision = "0003"

SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables, and the triggers that keep unreleased intents from being sent."""
    op.create_table(
        "intents",
        sa.Column("intent_id", sa.Text, nullable=False),
        sa.Column("intent_no", SEQ, nullable=False),
        sa.Column("target_code", sa.Text, nullable=False),
        sa.Column("artifact_kind", sa.Text, nullable=False),
        sa.Column("artifact_id", sa.Text, nullable=False),
        sa.Column("natural_key", sa.Text, nullable=False),
        sa.Column("artifact_version", sa.BigInteger, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("recon_key", sa.Text, nullable=False),
        sa.Column("order_key", sa.Text, nullable=False),
        sa.Column("order_version", sa.BigInteger, nullable=False),
        sa.Column("rule_id", sa.Text, nullable=False),
        sa.Column("rule_version", sa.Text, nullable=False),
        sa.Column("is_provisional", sa.Boolean, nullable=False),
        sa.Column("amount", sa.Text),
        sa.Column("currency_code", sa.Text),
        sa.Column("idem_key", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("payload_hash", sa.Text, nullable=False),
        sa.Column("gate_run_id", sa.Text),
        sa.Column("needs_approval", sa.Boolean, nullable=False),
        sa.Column("approval_id", sa.Text),
        sa.Column("release_seq", SEQ),
        sa.Column("hold_reason", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("next_at", sa.Text, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("lease_until", sa.Text),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("first_sent_at", sa.Text),
        sa.Column("was_unknown", sa.Boolean, nullable=False),
        sa.Column("sweep_at", sa.Text),
        sa.Column("settled_at", sa.Text),
        sa.Column("receiver_ref", sa.Text),
        sa.Column("last_error_class", sa.Text),
        sa.Column("last_error", sa.Text),
        sa.UniqueConstraint("intent_no", name="uq_intents__intent_no"),
        sa.UniqueConstraint("idem_key", name="uq_intents__idem_key"),
        sa.UniqueConstraint(
            "target_code",
            "natural_key",
            "content_hash",
            "artifact_version",
            name="uq_intents__content",
        ),
        sa.CheckConstraint(
            "state in ('held', 'ready', 'inflight', 'done', 'refused', 'unknown', 'swept', "
            "'parked', 'superseded')",
            name="ck_intents__state",
        ),
        sa.CheckConstraint(
            "state in ('held', 'superseded') or "
            "(gate_run_id is not null and release_seq is not null)",
            name="ck_intents__passed_its_gates",
        ),
        sa.CheckConstraint(
            "state in ('held', 'superseded') or not needs_approval or approval_id is not null",
            name="ck_intents__approved",
        ),
        sa.CheckConstraint(
            "state <> 'inflight' or (owner is not null and lease_until is not null)",
            name="ck_intents__leased",
        ),
        sa.PrimaryKeyConstraint("intent_id", name="pk_intents"),
    )
    op.create_index(
        "ix_intents__queue", "intents", ["target_code", "state", "next_at", "intent_no"]
    )
    op.create_index("ix_intents__order", "intents", ["target_code", "order_key", "state"])
    op.create_index("ix_intents__document", "intents", ["target_code", "natural_key"])
    op.create_index("ix_intents__recon_key", "intents", ["recon_key"])
    op.create_index("ix_intents__sweep", "intents", ["target_code", "sweep_at"])
    op.create_table(
        "target_health",
        sa.Column("target_code", sa.Text, nullable=False),
        sa.Column("full_at", sa.Text),
        sa.Column("rate_percent", sa.Integer, nullable=False),
        sa.Column("slowed_at", sa.Text),
        sa.Column("blocked_until", sa.Text),
        sa.Column("breaker_state", sa.Text, nullable=False),
        sa.Column("recent_failures", sa.Text, nullable=False),
        sa.Column("open_until", sa.Text),
        sa.Column("open_seconds", sa.Integer, nullable=False),
        sa.Column("closed_at", sa.Text),
        sa.Column("probes_out", sa.Integer, nullable=False),
        sa.Column("probe_since", sa.Text),
        sa.Column("usual_us", sa.BigInteger, nullable=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("failed_calls", sa.BigInteger, nullable=False),
        sa.Column("slow_calls", sa.BigInteger, nullable=False),
        sa.Column("incident_id", sa.Text),
        sa.Column("last_error", sa.Text),
        sa.CheckConstraint(
            "breaker_state in ('closed', 'open', 'half_open')", name="ck_target_health__breaker"
        ),
        sa.PrimaryKeyConstraint("target_code", name="pk_target_health"),
    )
    op.create_table(
        "incidents",
        sa.Column("incident_id", sa.Text, nullable=False),
        sa.Column("target_code", sa.Text, nullable=False),
        sa.Column("cause_code", sa.Text, nullable=False),
        sa.Column("opened_at", sa.Text, nullable=False),
        sa.Column("closed_at", sa.Text),
        sa.Column("member_count", sa.BigInteger, nullable=False),
        sa.Column("last_error", sa.Text),
        sa.PrimaryKeyConstraint("incident_id", name="pk_incidents"),
    )
    op.create_index("ix_incidents__target", "incidents", ["target_code", "opened_at"])
    op.create_table(
        "incident_members",
        sa.Column("incident_id", sa.Text, nullable=False),
        sa.Column("intent_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "intent_id", name="pk_incident_members"),
    )
    op.create_index("ix_incident_members__intent", "incident_members", ["intent_id"])
    op.create_table(
        "delivery_clock",
        sa.Column("row_no", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("boot_id", sa.Text, nullable=False),
        sa.Column("uptime_us", sa.BigInteger, nullable=False),
        sa.CheckConstraint("row_no = 1", name="ck_delivery_clock__one_row"),
        sa.PrimaryKeyConstraint("row_no", name="pk_delivery_clock"),
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in outbox_guards.SQLITE if is_sqlite else outbox_guards.POSTGRESQL:
        op.execute(sa.text(statement.replace(":", "\\:")))
