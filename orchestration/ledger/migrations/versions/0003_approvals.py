"""Requests for approvals.

What belongs here: this one step of the schema, as it was released. What does not: the tables as the
code knows them now (`orchestration.ledger.tables`). Only Alembic runs this.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table; its rows come from events, of which there are none yet."""
    op.create_table(
        "approvals",
        sa.Column("approval_id", sa.Text, nullable=False),
        sa.Column("action_code", sa.Text, nullable=False),
        sa.Column("state_code", sa.Text, nullable=False),
        sa.Column("is_break_glass", sa.Boolean, nullable=False),
        sa.Column("recon_key", sa.Text),
        sa.Column("tenant", sa.Text, nullable=False),
        sa.Column("order_version", sa.Integer),
        sa.Column("customer_id", sa.Text),
        sa.Column("currency_code", sa.Text, nullable=False),
        sa.Column("amount", sa.Text, nullable=False),
        sa.Column("own_risk_amount", sa.Text, nullable=False),
        sa.Column("risk_amount", sa.Text, nullable=False),
        sa.Column("required_roles", sa.Text, nullable=False),
        sa.Column("least_signers", sa.Integer, nullable=False),
        sa.Column("limit_ref", sa.Text, nullable=False),
        sa.Column("policy_version", sa.Text, nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("payload_hash", sa.Text, nullable=False),
        sa.Column("nonce", sa.Text, nullable=False),
        sa.Column("reason_code", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("requester_id", sa.Text, nullable=False),
        sa.Column("requester_role", sa.Text, nullable=False),
        sa.Column("requested_at", sa.Text, nullable=False),
        sa.Column("sign_by", sa.Text, nullable=False),
        sa.Column("use_by", sa.Text),
        sa.Column("in_force_at", sa.Text),
        sa.Column("holds_until", sa.Text),
        sa.Column("signatures", sa.Text, nullable=False),
        sa.Column("last_seq", SEQ, nullable=False),
        sa.PrimaryKeyConstraint("approval_id", name="pk_approvals"),
    )
    op.create_index("ix_approvals__payload_hash", "approvals", ["payload_hash"])
    op.create_index("ix_approvals__state_code", "approvals", ["state_code"])
    op.create_index("ix_approvals__customer_id", "approvals", ["customer_id", "requested_at"])
    op.create_index("ix_approvals__recon_key", "approvals", ["recon_key"])
