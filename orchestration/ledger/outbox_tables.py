"""The tables of the outbox as SQLAlchemy knows them.

What belongs here: names, columns, keys. What does not: how they came to be
(`orchestration.ledger.migrations`) and what happens in them (`orchestration.ledger.outbox*`).
Only the ledger package imports this.

Moments are texts in ISO 8601 (UTC, microseconds, `Z`), so that they sort as they follow.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from orchestration.ledger.tables import SEQ, metadata

# One row per intent: one content of one document for one target.
intents = Table(
    "intents",
    metadata,
    Column("intent_id", Text, primary_key=True),
    Column("intent_no", SEQ, nullable=False),
    Column("target_code", Text, nullable=False),
    Column("artifact_kind", Text, nullable=False),
    Column("artifact_id", Text, nullable=False),
    Column("natural_key", Text, nullable=False),
    Column("artifact_version", BigInteger, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("recon_key", Text, nullable=False),
    Column("order_key", Text, nullable=False),
    Column("order_version", BigInteger, nullable=False),
    Column("rule_id", Text, nullable=False),
    Column("rule_version", Text, nullable=False),
    Column("is_provisional", Boolean, nullable=False),
    Column("amount", Text),
    Column("currency_code", Text),
    Column("idem_key", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("payload_hash", Text, nullable=False),
    # What allows it to be sent: the run whose gates it passed, the approval where one is needed,
    # and the event that says so, which names the payload.
    Column("gate_run_id", Text),
    Column("needs_approval", Boolean, nullable=False),
    Column("approval_id", Text),
    Column("release_seq", SEQ),
    Column("hold_reason", Text),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("next_at", Text, nullable=False),
    Column("owner", Text),
    Column("lease_until", Text),
    Column("fence", BigInteger, nullable=False),
    Column("first_sent_at", Text),
    Column("was_unknown", Boolean, nullable=False),
    Column("sweep_at", Text),
    Column("settled_at", Text),
    Column("receiver_ref", Text),
    Column("last_error_class", Text),
    Column("last_error", Text),
    UniqueConstraint("intent_no", name="uq_intents__intent_no"),
    UniqueConstraint("idem_key", name="uq_intents__idem_key"),
    UniqueConstraint(
        "target_code",
        "natural_key",
        "content_hash",
        "artifact_version",
        name="uq_intents__content",
    ),
    CheckConstraint(
        "state in ('held', 'ready', 'inflight', 'done', 'refused', 'unknown', 'swept', "
        "'parked', 'superseded')",
        name="state",
    ),
    CheckConstraint(
        "state in ('held', 'superseded') or (gate_run_id is not null and release_seq is not null)",
        name="passed_its_gates",
    ),
    CheckConstraint(
        "state in ('held', 'superseded') or not needs_approval or approval_id is not null",
        name="approved",
    ),
    CheckConstraint(
        "state <> 'inflight' or (owner is not null and lease_until is not null)",
        name="leased",
    ),
    Index("ix_intents__queue", "target_code", "state", "next_at", "intent_no"),
    Index("ix_intents__order", "target_code", "order_key", "state"),
    Index("ix_intents__document", "target_code", "natural_key"),
    Index("ix_intents__recon_key", "recon_key"),
    Index("ix_intents__sweep", "target_code", "sweep_at"),
)

# One row per target: its limiter, breaker and latency, shared by all processes.
target_health = Table(
    "target_health",
    metadata,
    Column("target_code", Text, primary_key=True),
    Column("full_at", Text),
    Column("rate_percent", Integer, nullable=False),
    Column("slowed_at", Text),
    Column("blocked_until", Text),
    Column("breaker_state", Text, nullable=False),
    Column("recent_failures", Text, nullable=False),
    Column("open_until", Text),
    Column("open_seconds", Integer, nullable=False),
    Column("closed_at", Text),
    Column("probes_out", Integer, nullable=False),
    Column("probe_since", Text),
    Column("usual_us", BigInteger, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("failed_calls", BigInteger, nullable=False),
    Column("slow_calls", BigInteger, nullable=False),
    Column("incident_id", Text),
    Column("last_error", Text),
    CheckConstraint("breaker_state in ('closed', 'open', 'half_open')", name="breaker"),
)

# One row per outage of a target, and one per intent that waited for its end.
incidents = Table(
    "incidents",
    metadata,
    Column("incident_id", Text, primary_key=True),
    Column("target_code", Text, nullable=False),
    Column("cause_code", Text, nullable=False),
    Column("opened_at", Text, nullable=False),
    Column("closed_at", Text),
    Column("member_count", BigInteger, nullable=False),
    Column("last_error", Text),
    Index("ix_incidents__target", "target_code", "opened_at"),
)
incident_members = Table(
    "incident_members",
    metadata,
    Column("incident_id", Text, primary_key=True),
    Column("intent_id", Text, primary_key=True),
    Index("ix_incident_members__intent", "intent_id"),
)

# One row: the clock of leases and waits; see `orchestration.ledger.outbox_clock`.
delivery_clock = Table(
    "delivery_clock",
    metadata,
    Column("row_no", Integer, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("uptime_us", BigInteger, nullable=False),
    CheckConstraint("row_no = 1", name="one_row"),
)
