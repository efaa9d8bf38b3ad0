"""The tables of the ledger as SQLAlchemy knows them.

What belongs here: names, columns, keys. What does not: how they came to be
(`orchestration.ledger.migrations`, which a test compares with this) and what is in them.
Only the ledger package imports this.

Moments are texts in ISO 8601 (UTC, microseconds, `Z`) and amounts decimal texts: the same bytes in
both databases, because they are hashed.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s__%(column_0_N_name)s",
        "ck": "ck_%(table_name)s__%(constraint_name)s",
    }
)

SEQ = BigInteger().with_variant(Integer, "sqlite")

# One row per event: `orchestration.core.chain.Event` says what each column holds.
events = Table(
    "events",
    metadata,
    Column("seq", SEQ, primary_key=True, autoincrement=False),
    Column("at", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor_role", Text, nullable=False),
    Column("principal_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject_type", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("recon_key", Text),
    Column("reason", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("ix_events__subject", "subject_type", "subject_id", "seq"),
    Index("ix_events__recon_key", "recon_key", "seq"),
)

# One row: the peaks of the tree over the events that were signed last, so that signing costs only
# what is new. Not trusted by the verifier.
tree_state = Table(
    "tree_state",
    metadata,
    Column("row_no", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("peaks", Text, nullable=False),
    CheckConstraint("row_no = 1", name="one_row"),
)

# One row per text that an erasure request may concern; an event holds its id and salted hash alone.
private_texts = Table(
    "private_texts",
    metadata,
    Column("text_id", Text, primary_key=True),
    Column("about_type", Text, nullable=False),
    Column("about_id", Text, nullable=False),
    Column("salt", Text),
    Column("text", Text),
    Column("erased_at", Text),
    Index("ix_private_texts__about", "about_type", "about_id"),
)

# One row per person, as the latest event about the person says.
persons = Table(
    "persons",
    metadata,
    Column("person_id", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("manager_id", Text),
    Column("approval_limit", Text),
    Column("currency_code", Text),
    Column("is_active", Boolean, nullable=False),
    Column("text_id", Text),
    Column("last_seq", SEQ, nullable=False),
)

# One row per account; several may belong to one person, who is what a second pair of eyes is
# counted by. Every person has the account that bears the person's id.
accounts = Table(
    "accounts",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("person_id", Text, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("last_seq", SEQ, nullable=False),
    Index("ix_accounts__person_id", "person_id"),
)

# One row per ticket: its exception as the last run told it, who has it, and how it stands.
tickets = Table(
    "tickets",
    metadata,
    Column("ticket_id", Text, primary_key=True),
    Column("exception_code", Text, nullable=False),
    Column("leg_code", Text),
    Column("recon_key", Text),
    Column("native_ref", Text),
    Column("tenant", Text),
    Column("order_id", Text),
    Column("customer_id", Text),
    Column("severity_code", Text, nullable=False),
    # What being late has made of it; null until then. Clocks go by `severity_code`.
    Column("raised_severity_code", Text),
    Column("leak_amount", Text),
    Column("leak_kind", Text),
    Column("currency_code", Text),
    Column("owner_role", Text, nullable=False),
    Column("approver_role", Text),
    Column("opened_at", Text),
    Column("due_at", Text),
    Column("incident_id", Text),
    Column("explanation", Text),
    Column("evidence", Text),
    Column("playbook_version", Text),
    Column("state_code", Text, nullable=False),
    Column("assignee_id", Text),
    Column("assigned_role", Text),
    Column("assigned_because", Text),
    Column("reason_code", Text),
    Column("reopen_count", Integer, nullable=False),
    # Counts the events of the ticket, so that a change made on an older sight of it is noticed.
    Column("version", Integer, nullable=False),
    Column("last_seq", SEQ, nullable=False),
    Column("updated_at", Text, nullable=False),
    Column("closed_at", Text),
    Index("ix_tickets__recon_key", "recon_key"),
    Index("ix_tickets__state", "state_code", "owner_role", "due_at"),
    Index("ix_tickets__assignee", "assignee_id", "state_code"),
)

# One row per comment or reference on a ticket; the text of a comment is erasable.
ticket_notes = Table(
    "ticket_notes",
    metadata,
    Column("seq", SEQ, primary_key=True, autoincrement=False),
    Column("ticket_id", Text, nullable=False),
    Column("note_kind", Text, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("text_id", Text),
    Column("reference", Text),
    Index("ix_ticket_notes__ticket_id", "ticket_id", "seq"),
)

# One row per request for an approval, as its events say; who may do what with it is in
# `orchestration.ledger.approvals`.
approvals = Table(
    "approvals",
    metadata,
    Column("approval_id", Text, primary_key=True),
    Column("action_code", Text, nullable=False),
    Column("state_code", Text, nullable=False),
    Column("is_break_glass", Boolean, nullable=False),
    Column("recon_key", Text),
    Column("tenant", Text, nullable=False),
    Column("order_version", Integer),
    Column("customer_id", Text),
    Column("currency_code", Text, nullable=False),
    Column("amount", Text, nullable=False),
    Column("own_risk_amount", Text, nullable=False),
    Column("risk_amount", Text, nullable=False),
    Column("required_roles", Text, nullable=False),
    Column("least_signers", Integer, nullable=False),
    Column("limit_ref", Text, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("decision", Text, nullable=False),
    Column("payload_hash", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("reason_code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("requester_id", Text, nullable=False),
    Column("requester_role", Text, nullable=False),
    Column("requested_at", Text, nullable=False),
    Column("sign_by", Text, nullable=False),
    Column("use_by", Text),
    Column("in_force_at", Text),
    Column("holds_until", Text),
    Column("signatures", Text, nullable=False),
    Column("last_seq", SEQ, nullable=False),
    Index("ix_approvals__payload_hash", "payload_hash"),
    Index("ix_approvals__state_code", "state_code"),
    Index("ix_approvals__customer_id", "customer_id", "requested_at"),
    Index("ix_approvals__recon_key", "recon_key"),
)
