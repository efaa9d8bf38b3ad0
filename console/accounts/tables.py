"""The console's own small database: its tables.

What belongs here: the shape of `<home>/console.db`. What does not: questions to it
(`console.accounts.store`). Decisions about orders are not here: those are the ledger's.
"""

from pathlib import Path

import sqlalchemy as sa

metadata = sa.MetaData()

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("account_id", sa.Integer, primary_key=True),
    sa.Column("email", sa.String, nullable=False, unique=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("role_code", sa.String, nullable=False),
    sa.Column("person_id", sa.String),
    sa.Column("manager_id", sa.String),
    sa.Column("password_hash", sa.String),
    sa.Column("subject", sa.String, unique=True),
    sa.Column("is_active", sa.Boolean, nullable=False, default=True),
    sa.Column("failure_count", sa.Integer, nullable=False, default=0),
    sa.Column("locked_until", sa.DateTime),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("signed_in_at", sa.DateTime),
)
links = sa.Table(
    "links",
    metadata,
    sa.Column("link_hash", sa.String, primary_key=True),
    sa.Column("account_id", sa.Integer, sa.ForeignKey("accounts.account_id")),
    sa.Column("role_code", sa.String, nullable=False),
    sa.Column("expires_at", sa.DateTime, nullable=False),
)
sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("session_hash", sa.String, primary_key=True),
    sa.Column("account_id", sa.Integer, sa.ForeignKey("accounts.account_id"), nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("seen_at", sa.DateTime, nullable=False),
)
views = sa.Table(
    "views",
    metadata,
    sa.Column("view_id", sa.Integer, primary_key=True),
    sa.Column("account_id", sa.Integer, sa.ForeignKey("accounts.account_id"), nullable=False),
    sa.Column("page", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("query", sa.String, nullable=False),
    sa.UniqueConstraint("account_id", "page", "name"),
)
activity = sa.Table(
    "activity",
    metadata,
    sa.Column("activity_id", sa.Integer, primary_key=True),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Column("account_id", sa.Integer),
    sa.Column("email", sa.String, nullable=False),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("detail", sa.String, nullable=False),
)


def open_database(path: Path) -> sa.Engine:
    """Open the database, make what is missing, and return the engine; safe for threads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        f"sqlite:///{path}", connect_args={"check_same_thread": False, "timeout": 10}
    )

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: object, _record: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        for pragma in ("journal_mode=wal", "synchronous=normal", "foreign_keys=on"):
            cursor.execute(f"pragma {pragma}")
        cursor.close()

    metadata.create_all(engine)
    path.chmod(0o600)
    return engine
