"""How grave a ticket has become by being late.

What belongs here: this one step of the schema, as it was released. What does not: the tables as the
code knows them now (`orchestration.ledger.tables`). Only Alembic runs this.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the column; nothing was raised before."""
    op.add_column("tickets", sa.Column("raised_severity_code", sa.Text))
