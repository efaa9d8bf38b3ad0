"""Events with their guards, signed tree, erasable texts, persons and accounts.

What belongs here: this one step of the schema, as it was released. What does not: the tables as the
code knows them now (`orchestration.ledger.tables`). Only Alembic runs this.
"""

import sqlalchemy as sa
from alembic import op

from orchestration.ledger import guards

revision = "0001"
down_revision = None

SEQ = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables, and the triggers that keep events as they are."""
    op.create_table(
        "events",
        sa.Column("seq", SEQ, nullable=False, autoincrement=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("actor_id", sa.Text, nullable=False),
        sa.Column("actor_role", sa.Text, nullable=False),
        sa.Column("principal_id", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject_type", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("recon_key", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("prev_hash", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
    )
    op.create_index("ix_events__subject", "events", ["subject_type", "subject_id", "seq"])
    op.create_index("ix_events__recon_key", "events", ["recon_key", "seq"])
    op.create_table(
        "tree_state",
        sa.Column("row_no", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("peaks", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("row_no", name="pk_tree_state"),
        sa.CheckConstraint("row_no = 1", name="ck_tree_state__one_row"),
    )
    op.create_table(
        "private_texts",
        sa.Column("text_id", sa.Text, nullable=False),
        sa.Column("about_type", sa.Text, nullable=False),
        sa.Column("about_id", sa.Text, nullable=False),
        sa.Column("salt", sa.Text),
        sa.Column("text", sa.Text),
        sa.Column("erased_at", sa.Text),
        sa.PrimaryKeyConstraint("text_id", name="pk_private_texts"),
    )
    op.create_index("ix_private_texts__about", "private_texts", ["about_type", "about_id"])
    op.create_table(
        "persons",
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("manager_id", sa.Text),
        sa.Column("approval_limit", sa.Text),
        sa.Column("currency_code", sa.Text),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("text_id", sa.Text),
        sa.Column("last_seq", SEQ, nullable=False),
        sa.PrimaryKeyConstraint("person_id", name="pk_persons"),
    )
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("last_seq", SEQ, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_accounts"),
    )
    op.create_index("ix_accounts__person_id", "accounts", ["person_id"])
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in guards.SQLITE if is_sqlite else guards.POSTGRESQL:
        op.execute(sa.text(statement.replace(":", "\\:")))
