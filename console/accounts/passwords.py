"""Passwords: hashed with argon2id, judged before they are taken.

What belongs here: hashing, checking, and what makes a password too weak. What does not: accounts.
"""

import functools
import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# The profile that RFC 9106 names for machines with little memory: 64 MiB, three passes.
_HASHER = PasswordHasher()
# Each check takes 64 MiB: a crowd of guesses must not take all memory.
_AT_ONCE = threading.Semaphore(2)
_LONGEST = 256


@functools.cache
def _nobodys() -> str:
    """A hash that no password has."""
    return _HASHER.hash(secrets.token_hex())


def hash_password(password: str) -> str:
    """Return the hash to keep."""
    with _AT_ONCE:
        return _HASHER.hash(password)


def is_password(kept: str | None, given: str) -> bool:
    """Whether the password given is the one whose hash is kept.

    Takes as long where no hash is kept, so that time does not tell which accounts there are.
    """
    with _AT_ONCE:
        try:
            return _HASHER.verify(kept or _nobodys(), given[:_LONGEST]) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def weaknesses(password: str, least_length: int, *, email: str = "") -> tuple[str, ...]:
    """Say in words why a password is not taken; empty when it is."""
    found = []
    if len(password) < least_length:
        found.append(f"Use at least {least_length} characters; a sentence is a good password.")
    if len(password) > _LONGEST:
        found.append(f"Use at most {_LONGEST} characters.")
    if len(set(password)) < 5:
        found.append("Use more different characters.")
    local = email.partition("@")[0].lower()
    if len(local) > 3 and local in password.lower():
        found.append("Do not use your e-mail address in it.")
    if any(word in password.lower() for word in ("password", "meshline", "123456", "qwerty")):
        found.append("Leave out what everyone tries first: password, qwerty, 123456, our name.")
    return tuple(found)
