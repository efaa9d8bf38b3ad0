"""Texts about people that may have to be erased: kept beside the chain, never in it.

What belongs here: storing, reading and erasing them. An event holds a text's id and its salted
hash; erasing removes text and salt, and the chain stays whole. What does not: which texts there
are. The ledger package and what stands above it import this.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from orchestration.core.private import salted_hash
from orchestration.ledger.events import Actor, Draft, append, moment_text
from orchestration.ledger.tables import private_texts


@dataclass(frozen=True, slots=True)
class TextRef:
    """What an event says of an erasable text.

    Attributes:
        text_id: Where it is kept.
        text_hash: Its salted SHA-256.
    """

    text_id: str
    text_hash: str

    def payload(self) -> dict[str, object]:
        """The entries of an event's payload."""
        return {"text_id": self.text_id, "text_hash": self.text_hash}


def keep_texts(
    connection: Connection, texts: Iterable[tuple[str, str, str]]
) -> tuple[TextRef, ...]:
    """Keep texts; each is what it is about (kind and id), and the text. Returns one ref each."""
    rows, refs = [], []
    for about_type, about_id, text in texts:
        text_id, salt = f"txt_{secrets.token_hex(12)}", secrets.token_hex(16)
        rows.append(
            {
                "text_id": text_id,
                "about_type": about_type,
                "about_id": about_id,
                "salt": salt,
                "text": text,
                "erased_at": None,
            }
        )
        refs.append(TextRef(text_id, salted_hash(salt, text)))
    if rows:
        connection.execute(insert(private_texts), rows)
    return tuple(refs)


def texts_about(connection: Connection, about_type: str) -> Mapping[str, tuple[str | None, bool]]:
    """Return text by id for a kind of subject, and whether it was erased."""
    rows = connection.execute(
        select(private_texts.c.text_id, private_texts.c.text, private_texts.c.erased_at).where(
            private_texts.c.about_type == about_type
        )
    )
    return {row.text_id: (row.text, row.erased_at is not None) for row in rows}


def erase_texts(
    connection: Connection,
    about_type: str,
    about_id: str,
    *,
    actor: Actor,
    at: datetime,
    reason: str,
) -> int:
    """Erase every text about a subject and put that on record; the chain stays as it is.

    Returns:
        How many texts were erased; 0 when there was nothing left, and then no event.
    """
    found = connection.execute(
        update(private_texts)
        .where(
            private_texts.c.about_type == about_type,
            private_texts.c.about_id == about_id,
            private_texts.c.erased_at.is_(None),
        )
        .values(text=None, salt=None, erased_at=moment_text(at))
        .returning(private_texts.c.text_id)
    ).all()
    if found:
        payload = {"text_ids": sorted(row.text_id for row in found)}
        append(
            connection,
            [Draft(at, actor, "private_texts_erased", about_type, about_id, reason, payload)],
        )
    return len(found)
