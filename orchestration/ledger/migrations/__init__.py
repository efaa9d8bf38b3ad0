"""How the ledger's tables came to be, revision by revision, run by Alembic when a ledger is opened.

What belongs here: revisions, numbered from 0001, one file each, never changed once released; the
name of the last one is read from the folder, so that opening a ledger that has it needs no Alembic.
What does not: what is in the tables. Only `orchestration.ledger.store` imports this.
"""

from pathlib import Path

FOLDER = Path(__file__).parent


def revisions() -> tuple[str, ...]:
    """Return the names of all revisions: what their files begin with, the oldest first."""
    return tuple(sorted(path.name[:4] for path in (FOLDER / "versions").glob("[0-9]*.py")))
