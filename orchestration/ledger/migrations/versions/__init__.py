"""The revisions of the ledger. Only Alembic imports them."""
