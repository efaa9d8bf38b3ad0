"""The chain of events: what exactly is hashed, and how one event holds the one before it.

What belongs here: the canonical text of a payload, the fingerprint of an event. What does not:
where events are kept (`orchestration.ledger`). Anyone may import this.

The canonical form is RFC 8785. Its library is the reference; what it would write of texts, whole
numbers, truth values and ASCII names is written by the standard library, which is several times
as fast (a property test keeps the two equal). A floating point number is refused: an amount of
money is a text here.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import rfc8785

from orchestration.core.errors import ReconError

GENESIS = "0" * 64
LARGEST_EXACT = 2**53 - 1
_DOMAIN = b"meshline-event-1\n"
_ENCODE = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode


class NotCanonical(ReconError):
    """A value cannot stand in an event."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it is kept.

    Attributes:
        seq: Position, from 1, without a gap; the only order there is.
        at: When it happened by the writer's clock: ISO 8601, UTC, microseconds, `Z`.
        actor_id: The person, or `engine:<run id>`.
        actor_role: In which role the actor acted.
        principal_id: What was authenticated: the person's account, or the service that acted for
            the person.
        action: Verb and object in snake case, such as `ticket_opened`.
        subject_type: What kind of thing it is about.
        subject_id: Which one.
        recon_key: The order that it concerns; None when it concerns none.
        reason: Why, for people; holds no personal data.
        payload: Canonical JSON.
        prev_hash: `hash` of the event before, 64 zeros for the first.
        hash: SHA-256 over all other columns, lower-case hexadecimal.
    """

    seq: int
    at: str
    actor_id: str
    actor_role: str
    principal_id: str
    action: str
    subject_type: str
    subject_id: str
    recon_key: str | None
    reason: str
    payload: str
    prev_hash: str
    hash: str


COLUMNS: tuple[str, ...] = tuple(Event.__dataclass_fields__)
HASHED_COLUMNS = COLUMNS[:-1]
COLUMNS_OF = attrgetter(*COLUMNS)
_HASHED = attrgetter(*HASHED_COLUMNS)


def canonical(value: Mapping[str, object]) -> str:
    """Return the canonical JSON of a payload.

    Raises:
        NotCanonical: It holds a floating point number, a whole number beyond 2^53 - 1, a name that
            is no text, half a character, or a type that JSON has not.
    """
    is_plain = _check(value, "payload")
    try:
        text = _ENCODE(value) if is_plain else rfc8785.dumps(dict(value)).decode()  # type: ignore[arg-type]
        text.encode()
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise NotCanonical(f"A payload cannot be written as canonical JSON: {error}.") from error
    return text


def event_hash(columns: Sequence[object]) -> str:
    """Return the fingerprint of an event: SHA-256 over the RFC 8785 form of its columns.

    The payload enters as the text that is stored, so that not even its spelling can change.

    Args:
        columns: Values in the order of `COLUMNS`, without `hash`.
    """
    text = _ENCODE(dict(zip(HASHED_COLUMNS, columns, strict=True)))
    # What a tampered row may hold, halves of characters included, gets a hash of its own too.
    return hashlib.sha256(_DOMAIN + text.encode("utf-8", "surrogatepass")).hexdigest()


def hash_of(event: Event) -> str:
    """Return the fingerprint that an event should have."""
    return event_hash(_HASHED(event))


def _check(value: object, place: str) -> bool:
    """Whether the standard library writes the canonical form; refuse what has none."""
    if value is None or isinstance(value, str | bool):
        return True
    if isinstance(value, int):
        if abs(value) > LARGEST_EXACT:
            raise NotCanonical(f"{place} is {value}: beyond 2^53 - 1. Give it as a text.")
        return True
    if isinstance(value, Mapping):
        plain = isinstance(value, dict)
        for name, each in value.items():
            if not isinstance(name, str):
                raise NotCanonical(f"{place} has the name {name!r}, which is no text.")
            plain = _check(each, f"{place}.{name}") and name.isascii() and plain
        return plain
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        checked = [_check(each, f"{place}[{index}]") for index, each in enumerate(value)]
        return all(checked) and isinstance(value, list | tuple)
    raise NotCanonical(
        f"{place} is a {type(value).__name__}, which has no canonical form. Give amounts and "
        "moments as texts."
    )
