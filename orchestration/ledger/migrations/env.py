"""Alembic's entry: runs revisions on the connection that the store holds, in its transaction.

What belongs here: handing the connection over. What does not: any table. Only Alembic runs this.
"""

from alembic import context

from orchestration.ledger.alert_tables import alerts
from orchestration.ledger.outbox_tables import intents

# One of each module of tables, so that the metadata has them all.
TABLES = (alerts, intents)

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=TABLES[0].metadata)
with context.begin_transaction():
    context.run_migrations()
