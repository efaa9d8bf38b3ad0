"""Tickets and the notes on them.

What belongs here: this one step of the schema, as it was released. What does not: the tables as the
code knows them now (`orchestration.ledger.tables`). Only Alembic runs this.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _texts(*names: str) -> list[sa.Column[str]]:
    """Columns of text that may be empty."""
    return [sa.Column(name, sa.Text) for name in names]


def upgrade() -> None:
    """Make the two tables."""
    op.create_table(
        "tickets",
        sa.Column("ticket_id", sa.Text, nullable=False),
        sa.Column("exception_code", sa.Text, nullable=False),
        *_texts("leg_code", "recon_key", "native_ref", "tenant", "order_id", "customer_id"),
        sa.Column("severity_code", sa.Text, nullable=False),
        *_texts("leak_amount", "leak_kind", "currency_code"),
        sa.Column("owner_role", sa.Text, nullable=False),
        *_texts("approver_role", "opened_at", "due_at", "incident_id", "explanation", "evidence"),
        *_texts("playbook_version"),
        sa.Column("state_code", sa.Text, nullable=False),
        *_texts("assignee_id", "assigned_role", "assigned_because", "reason_code"),
        sa.Column("reopen_count", sa.Integer, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("last_seq", SEQ, nullable=False),
        sa.Column("updated_at", sa.Text, nullable=False),
        *_texts("closed_at"),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_tickets"),
    )
    op.create_index("ix_tickets__recon_key", "tickets", ["recon_key"])
    op.create_index("ix_tickets__state", "tickets", ["state_code", "owner_role", "due_at"])
    op.create_index("ix_tickets__assignee", "tickets", ["assignee_id", "state_code"])
    op.create_table(
        "ticket_notes",
        sa.Column("seq", SEQ, nullable=False, autoincrement=False),
        sa.Column("ticket_id", sa.Text, nullable=False),
        sa.Column("note_kind", sa.Text, nullable=False),
        sa.Column("actor_id", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        *_texts("text_id", "reference"),
        sa.PrimaryKeyConstraint("seq", name="pk_ticket_notes"),
    )
    op.create_index("ix_ticket_notes__ticket_id", "ticket_notes", ["ticket_id", "seq"])
