"""Accounts, links, sessions and saved views: questions to and changes of `console.db`.

What belongs here: SQL on the console's own database. What does not: pages, and rights of roles.
Times are kept as naive UTC.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from console.access.policy import SignIn
from console.accounts import tables
from console.accounts.tokens import digest, new_token
from orchestration.core.errors import UsageRefused

Clock = Callable[[], datetime]
SEEN_EVERY = timedelta(minutes=1)


def utc_now() -> datetime:
    """The wall clock, naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Link:
    """A one-time link that was followed; `account_id` is None for the first administrator."""

    link_hash: str
    account_id: int | None
    role_code: str
    email: str
    name: str


class Store:
    """The console's own database. Safe for threads."""

    def __init__(self, engine: sa.Engine, limits: SignIn, clock: Clock = utc_now) -> None:
        self.engine = engine
        self.limits = limits
        self.clock = clock

    # ------------------------------------------------------------------ accounts
    def has_accounts(self) -> bool:
        """Whether anybody could sign in."""
        with self.engine.connect() as connection:
            query = sa.select(sa.func.count()).select_from(tables.accounts)
            usable = tables.accounts.c.password_hash.is_not(None) | (
                tables.accounts.c.subject.is_not(None)
            )
            return bool(connection.execute(query.where(usable)).scalar_one())

    def list_accounts(self) -> tuple[dict[str, Any], ...]:
        """All accounts by name."""
        with self.engine.connect() as connection:
            query = sa.select(tables.accounts).order_by(tables.accounts.c.name)
            return tuple(_plain(row) for row in connection.execute(query).mappings())

    def account(self, account_id: int) -> dict[str, Any] | None:
        """One account; None when there is none."""
        return self._one(tables.accounts.c.account_id == account_id)

    def account_of_email(self, email: str) -> dict[str, Any] | None:
        """The account of an address; None when there is none."""
        return self._one(tables.accounts.c.email == email.strip().lower())

    def account_of_subject(self, subject: str) -> dict[str, Any] | None:
        """The account that an identity provider knows as this; None when there is none."""
        return self._one(tables.accounts.c.subject == subject)

    def _one(self, condition: sa.ColumnElement[bool]) -> dict[str, Any] | None:
        with self.engine.connect() as connection:
            query = sa.select(tables.accounts).where(condition)
            row = connection.execute(query).mappings().first()
        return None if row is None else _plain(row)

    def add_account(self, email: str, name: str, role_code: str, **more: Any) -> int:
        """Add an account and return its number.

        Raises:
            UsageRefused: The address has one already.
        """
        values = {
            "email": email.strip().lower(),
            "name": name.strip(),
            "role_code": role_code,
            "created_at": self.clock(),
            **more,
        }
        try:
            with self.engine.begin() as connection:
                added = connection.execute(tables.accounts.insert().values(values))
        except sa.exc.IntegrityError as error:
            raise UsageRefused(f"{values['email']} has an account already.") from error
        return int(added.inserted_primary_key[0])  # type: ignore[index]

    def change_account(self, account_id: int, **values: Any) -> None:
        """Change an account; one that is switched off or changes role is signed out everywhere."""
        with self.engine.begin() as connection:
            connection.execute(
                tables.accounts.update()
                .where(tables.accounts.c.account_id == account_id)
                .values(values)
            )
            if {"is_active", "role_code", "password_hash"} & set(values):
                connection.execute(
                    tables.sessions.delete().where(tables.sessions.c.account_id == account_id)
                )

    def team_of(self, person_id: str) -> tuple[str, ...]:
        """Ids of a person and of all who report to them, by the accounts; cycles end."""
        rows = [
            (row["person_id"], row["manager_id"])
            for row in self.list_accounts()
            if row["person_id"]
        ]
        return people_under(person_id, rows)

    # ------------------------------------------------------------------ failures
    def note_failure(self, account: Mapping[str, Any]) -> None:
        """Count a wrong password; too many lock the account for a while."""
        count = account["failure_count"] + 1
        is_too_many = count >= self.limits.failures_before_lock
        until = self.clock() + timedelta(minutes=self.limits.lock_minutes)
        with self.engine.begin() as connection:
            connection.execute(
                tables.accounts.update()
                .where(tables.accounts.c.account_id == account["account_id"])
                .values(
                    failure_count=0 if is_too_many else count,
                    locked_until=until if is_too_many else account["locked_until"],
                )
            )

    def is_locked(self, account: Mapping[str, Any]) -> bool:
        """Whether too many wrong passwords were given lately."""
        return account["locked_until"] is not None and account["locked_until"] > self.clock()

    # ------------------------------------------------------------------ one-time links
    def make_link(self, account_id: int | None, role_code: str) -> str:
        """Return the token of a new link; earlier ones for the same account end."""
        token = new_token()
        with self.engine.begin() as connection:
            connection.execute(
                tables.links.delete().where(
                    tables.links.c.account_id.is_not_distinct_from(account_id)
                )
            )
            connection.execute(
                tables.links.insert().values(
                    link_hash=digest(token),
                    account_id=account_id,
                    role_code=role_code,
                    expires_at=self.clock() + timedelta(hours=self.limits.link_hours),
                )
            )
        return token

    def follow_link(self, token: str) -> Link | None:
        """Return what a link is for; None when it was used, ended or never was."""
        query = (
            sa.select(tables.links, tables.accounts.c.email, tables.accounts.c.name)
            .select_from(tables.links.outerjoin(tables.accounts))
            .where(tables.links.c.link_hash == digest(token))
            .where(tables.links.c.expires_at > self.clock())
        )
        with self.engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            return None
        return Link(
            row["link_hash"],
            row["account_id"],
            row["role_code"],
            row["email"] or "",
            row["name"] or "",
        )

    def use_link(self, link: Link) -> bool:
        """Take a link out of use; False when somebody else just did."""
        with self.engine.begin() as connection:
            done = connection.execute(
                tables.links.delete().where(tables.links.c.link_hash == link.link_hash)
            )
        return done.rowcount == 1

    # ------------------------------------------------------------------ sessions
    def begin_session(self, account_id: int) -> str:
        """Return the token of a new session."""
        token, now = new_token(), self.clock()
        oldest = now - timedelta(hours=self.limits.longest_hours)
        with self.engine.begin() as connection:
            connection.execute(
                tables.sessions.delete().where(tables.sessions.c.created_at < oldest)
            )
            connection.execute(
                tables.sessions.insert().values(
                    session_hash=digest(token), account_id=account_id, created_at=now, seen_at=now
                )
            )
            connection.execute(
                tables.accounts.update()
                .where(tables.accounts.c.account_id == account_id)
                .values(failure_count=0, locked_until=None, signed_in_at=now)
            )
        return token

    def session(self, token: str) -> dict[str, Any] | None:
        """Return the account of a session that has not ended; None else."""
        now = self.clock()
        query = (
            sa.select(tables.accounts, tables.sessions.c.seen_at)
            .select_from(tables.sessions.join(tables.accounts))
            .where(tables.sessions.c.session_hash == digest(token))
            .where(tables.accounts.c.is_active)
            .where(tables.sessions.c.created_at > now - timedelta(hours=self.limits.longest_hours))
            .where(tables.sessions.c.seen_at > now - timedelta(minutes=self.limits.idle_minutes))
        )
        with self.engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        if row is not None and now - row["seen_at"] > SEEN_EVERY:
            with self.engine.begin() as connection:
                connection.execute(
                    tables.sessions.update()
                    .where(tables.sessions.c.session_hash == digest(token))
                    .values(seen_at=now)
                )
        return None if row is None else _plain(row)

    def end_session(self, token: str) -> None:
        """End a session; safe to call twice."""
        with self.engine.begin() as connection:
            connection.execute(
                tables.sessions.delete().where(tables.sessions.c.session_hash == digest(token))
            )

    # ------------------------------------------------------------------ saved views
    def views(self, account_id: int, page: str) -> tuple[dict[str, Any], ...]:
        """The views that a person saved for a page, by name."""
        query = (
            sa.select(tables.views)
            .where(tables.views.c.account_id == account_id, tables.views.c.page == page)
            .order_by(tables.views.c.name)
        )
        with self.engine.connect() as connection:
            return tuple(_plain(row) for row in connection.execute(query).mappings())

    def save_view(self, account_id: int, page: str, name: str, query: str) -> None:
        """Keep a view; one of the same name is replaced."""
        with self.engine.begin() as connection:
            connection.execute(
                tables.views.delete().where(
                    tables.views.c.account_id == account_id,
                    tables.views.c.page == page,
                    tables.views.c.name == name,
                )
            )
            connection.execute(
                tables.views.insert().values(
                    account_id=account_id, page=page, name=name, query=query
                )
            )

    def remove_view(self, account_id: int, view_id: int) -> None:
        """Forget a view of one's own; safe to call twice."""
        with self.engine.begin() as connection:
            connection.execute(
                tables.views.delete().where(
                    tables.views.c.account_id == account_id, tables.views.c.view_id == view_id
                )
            )

    # ------------------------------------------------------------------ activity
    def note(
        self, account_id: int | None, email: str, action: str, subject: str, detail: str = ""
    ) -> None:
        """Write down what somebody did in the console: sign-ins, downloads, changes of accounts."""
        with self.engine.begin() as connection:
            connection.execute(
                tables.activity.insert().values(
                    at=self.clock(),
                    account_id=account_id,
                    email=email,
                    action=action,
                    subject=subject,
                    detail=detail,
                )
            )

    def latest_activity(self, limit: int) -> tuple[dict[str, Any], ...]:
        """The latest notes, newest first."""
        query = sa.select(tables.activity).order_by(tables.activity.c.activity_id.desc())
        with self.engine.connect() as connection:
            return tuple(_plain(row) for row in connection.execute(query.limit(limit)).mappings())


def _plain(row: sa.RowMapping) -> dict[str, Any]:
    return {str(name): value for name, value in row.items()}


def people_under(person_id: str, rows: list[tuple[str, str | None]]) -> tuple[str, ...]:
    """Return a person and everyone below, from pairs of person and manager; cycles end."""
    found, waiting = {person_id}, [person_id]
    while waiting:
        manager = waiting.pop()
        below = {person for person, above in rows if above == manager} - found
        found |= below
        waiting += sorted(below)
    return tuple(sorted(found))
