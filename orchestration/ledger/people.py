"""Persons and their accounts: who may act, in which role, up to which amount.

What belongs here: taking them over from the extract of people, linking accounts, finding the person
behind an account. What does not: signing in (the console) and what a role may do. The ledger
package and what stands above it import this.

Names and addresses are kept where they can be erased (`orchestration.ledger.texts`); events hold
the id of a person, the role, the manager and the limit.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, select

from orchestration.core.chain import Event
from orchestration.ledger.errors import NotAllowed
from orchestration.ledger.events import Actor, Draft
from orchestration.ledger.projections import Payload, Projection, Row, record
from orchestration.ledger.tables import accounts, events, persons
from orchestration.ledger.texts import keep_texts, texts_about

SHOWN_IDS = 8


@dataclass(frozen=True, slots=True)
class Person:
    """One person as the extract of people says.

    Attributes:
        person_id: The id in the extract.
        role: Such as `finance`.
        manager_id: The person to whom escalations go; None when nobody.
        approval_limit: The largest amount that the person may approve; None for none.
        currency_code: The currency of the limit.
        name: Kept erasable.
        email: Kept erasable.
    """

    person_id: str
    role: str
    manager_id: str | None = None
    approval_limit: Decimal | None = None
    currency_code: str | None = None
    name: str | None = None
    email: str | None = None


def _fold_person(_row: Row | None, event: Event, payload: Payload) -> Row:
    """The row of a person after an event; the latest event says all of it."""
    return {
        "person_id": event.subject_id,
        "role": payload["role"],
        "manager_id": payload["manager_id"],
        "approval_limit": payload["approval_limit"],
        "currency_code": payload["currency_code"],
        "is_active": event.action == "person_recorded",
        "text_id": payload["text_id"],
        "last_seq": event.seq,
    }


def _fold_account(row: Row | None, event: Event, payload: Payload) -> Row:
    """The row of an account: linked by an event of its own, or as a person's first."""
    if event.subject_type == "person":
        is_active = event.action == "person_recorded"
        person_id = row["person_id"] if row is not None else event.subject_id
    else:
        is_active, person_id = event.action == "account_linked", payload["person_id"]
    return {
        "account_id": event.subject_id,
        "person_id": person_id,
        "is_active": is_active,
        "last_seq": event.seq,
    }


_BY_MODEL = "As seeds/policies/identities.csv says."
_OF_PERSON = frozenset({"person_recorded", "person_removed"})
PEOPLE: tuple[Projection, ...] = (
    Projection(
        persons,
        _OF_PERSON,
        lambda event, _: event.subject_id,
        _fold_person,
        lambda _: True,
    ),
    Projection(
        accounts,
        _OF_PERSON | {"account_linked", "account_unlinked"},
        lambda event, _: event.subject_id,
        _fold_account,
        lambda _: False,
    ),
)


def take_over(
    connection: Connection, people: Sequence[Person], *, actor: Actor, at: datetime
) -> int:
    """Make the ledger know these persons and no others; one event for each that changed.

    A person who is gone is kept, inactive. Details that were erased are not kept again.

    Returns:
        How many changed.
    """
    known = {row["person_id"]: dict(row) for row in connection.execute(select(persons)).mappings()}
    texts = texts_about(connection, "person")
    changed: list[tuple[Person, str]] = []
    for person in {one.person_id: one for one in people}.values():
        details = json.dumps({"name": person.name, "email": person.email}, sort_keys=True)
        before = known.pop(person.person_id, None)
        if before is None or not before["is_active"] or _facts(person) != _facts_of(before):
            changed.append((person, details))
            continue
        text, is_erased = texts.get(str(before["text_id"]), (None, False))
        if text != details and not is_erased:
            changed.append((person, details))
    refs = keep_texts(connection, (("person", one.person_id, text) for one, text in changed))
    drafts = [
        Draft(
            at,
            actor,
            "person_recorded",
            "person",
            person.person_id,
            "As the extract of people says.",
            {**_facts(person), **ref.payload()},
        )
        for (person, _), ref in zip(changed, refs, strict=True)
    ]
    drafts += [
        Draft(
            at,
            actor,
            "person_removed",
            "person",
            gone["person_id"],
            "No longer in the extract of people.",
            {**_facts_of(gone), "text_id": gone["text_id"]},
        )
        for gone in known.values()
        if gone["is_active"]
    ]
    record(connection, drafts, PEOPLE)
    return len(drafts)


def link_account(
    connection: Connection,
    account_id: str,
    person_id: str,
    *,
    actor: Actor,
    at: datetime,
    reason: str,
) -> None:
    """Say that an account belongs to a person; safe to repeat.

    Raises:
        NotAllowed: Nobody knows the person, or the account is another person's first.
    """
    if connection.execute(select(persons).where(persons.c.person_id == person_id)).first() is None:
        raise NotAllowed(f"There is no person {person_id}: deliver them in the extract of people.")
    if account_id != person_id and (
        connection.execute(select(persons).where(persons.c.person_id == account_id)).first()
    ):
        raise NotAllowed(f"The account {account_id} is that of the person {account_id}.")
    row = connection.execute(select(accounts).where(accounts.c.account_id == account_id)).first()
    if row is not None and row.person_id == person_id and row.is_active:
        return
    payload = {"person_id": person_id}
    draft = Draft(at, actor, "account_linked", "account", account_id, reason, payload)
    record(connection, [draft], PEOPLE)


def sync_accounts(
    connection: Connection, wanted: Mapping[str, str], *, actor: Actor, at: datetime
) -> int:
    """Make the second accounts of people those of the operating model; one event for each change.

    Accounts that somebody linked by hand stay as they are; those that the operating model linked
    and names no more are taken back.

    Args:
        connection: From `Ledger.write`.
        wanted: Person by account, only those that are enabled. Unknown persons are left out.
        actor: The engine.
        at: When, aware.

    Returns:
        How many changed.
    """
    people: set[str] = set(connection.execute(select(persons.c.person_id)).scalars())
    second = accounts.c.account_id != accounts.c.person_id
    known = {
        row.account_id: row
        for row in connection.execute(select(accounts).where(second))
        if row.is_active
    }
    drafts = [
        Draft(at, actor, "account_linked", "account", account_id, _BY_MODEL, {"person_id": person})
        for account_id, person in sorted(wanted.items())
        if person in people
        and account_id not in people
        and (account_id not in known or known[account_id].person_id != person)
    ]
    gone = sorted(set(known) - set(wanted))
    by_model: set[str] = set(
        connection.execute(
            select(events.c.subject_id).where(
                events.c.subject_type == "account",
                events.c.subject_id.in_(gone),
                events.c.reason == _BY_MODEL,
            )
        ).scalars()
    )
    drafts += [
        Draft(
            at, actor, "account_unlinked", "account", account_id, _BY_MODEL,
            {"person_id": known[account_id].person_id},
        )
        for account_id in gone
        if account_id in by_model
    ]  # fmt: skip
    record(connection, drafts, PEOPLE)
    return len(drafts)


def find_actor(connection: Connection, account_id: str, *, via: str | None = None) -> Actor:
    """Return who acts through an account.

    Args:
        connection: Of the ledger.
        account_id: The account, which is a person's id or linked to one.
        via: The service that acts for the person; both are put on record.

    Raises:
        NotAllowed: Nobody knows the account, or it or its person is no longer active.
    """
    row = connection.execute(
        select(
            accounts.c.person_id,
            persons.c.role,
            accounts.c.is_active,
            persons.c.is_active.label("person_is_active"),
        )
        .join(persons, persons.c.person_id == accounts.c.person_id)
        .where(accounts.c.account_id == account_id)
    ).first()
    if row is None:
        ids: list[str] = list(
            connection.execute(
                select(persons.c.person_id)
                .where(persons.c.is_active)
                .order_by(persons.c.person_id)
                .limit(SHOWN_IDS)
            ).scalars()
        )
        known = ", ".join(ids)
        raise NotAllowed(
            f"Nobody is known as {account_id}. "
            + (f"Some who are: {known}." if known else "No extract of people was read yet.")
            + " People come from the stream `people`; run again after it was delivered."
        )
    if not (row.is_active and row.person_is_active):
        raise NotAllowed(f"{account_id} is no longer active and cannot act.")
    return Actor(row.person_id, row.role, via or account_id)


def _facts(person: Person) -> dict[str, object]:
    """What an event says of a person."""
    limit = person.approval_limit
    return {
        "role": person.role,
        "manager_id": person.manager_id,
        "approval_limit": None if limit is None else f"{limit:f}",
        "currency_code": person.currency_code,
    }


def _facts_of(row: Row) -> dict[str, object]:
    """The same of a row."""
    names = ("role", "manager_id", "approval_limit", "currency_code")
    return {name: row[name] for name in names}
