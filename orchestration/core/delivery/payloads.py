"""Keys and payloads of intents: what makes two of them the same, and where they differ.

What belongs here: the idempotency key, fingerprints, naming a difference. What does not: storing
(`orchestration.ledger.outbox`). Anyone may import this.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping

SHOWN_DIFFERENCES = 5
_MISSING = object()


def fingerprint(*parts: object) -> str:
    """Return the SHA-256 of parts, which cannot run into each other."""
    text = json.dumps([str(part) for part in parts], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def payload_hash(payload: str) -> str:
    """Return the SHA-256 of a payload as it is kept."""
    return hashlib.sha256(payload.encode("utf-8", "surrogatepass")).hexdigest()


def differences(before: str, after: str) -> tuple[str, ...]:
    """Return where two payloads differ, as `path: value at first, value now`; a few at most."""
    found = []
    for path, old, new in _walk(json.loads(before), json.loads(after), ""):
        found.append(f"{path or 'payload'}: {_shown(old)} at first, {_shown(new)} now")
        if len(found) == SHOWN_DIFFERENCES:
            break
    return tuple(found)


def _walk(old: object, new: object, path: str) -> Iterator[tuple[str, object, object]]:
    """Each place at which two values of JSON differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            place = f"{path}.{name}" if path else str(name)
            yield from _walk(old.get(name, _MISSING), new.get(name, _MISSING), place)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            pair = [side[index] if index < len(side) else _MISSING for side in (old, new)]
            yield from _walk(pair[0], pair[1], f"{path}[{index}]")
    elif type(old) is not type(new) or old != new:
        yield path, old, new


def _shown(value: object) -> str:
    """A value in a message, cut where it is long."""
    if value is _MISSING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
