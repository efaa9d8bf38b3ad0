"""Secrets of the console: its key, signed cookies, tokens against forged writes.

What belongs here: making and checking tokens. What does not: whose they are.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from itsdangerous import BadSignature, URLSafeTimedSerializer

_BYTES = 32


def load_key(path: Path) -> bytes:
    """Return the key of this home; made at the first call and readable by its owner alone."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(_BYTES))
    return path.read_bytes()


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(_BYTES)


def digest(token: str) -> str:
    """What is kept of a token: who reads the database cannot use it."""
    return hashlib.sha256(token.encode()).hexdigest()


class Signer:
    """Signs what the browser keeps, one purpose apart from another."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, purpose: str, value: object) -> str:
        """Return text for a cookie or a form."""
        return URLSafeTimedSerializer(self._key, salt=purpose).dumps(value)

    def read(self, purpose: str, text: str | None, longest_seconds: int) -> object | None:
        """Return what was signed for this purpose; None when it was not, or is too old."""
        if not text:
            return None
        try:
            value: object = URLSafeTimedSerializer(self._key, salt=purpose).loads(
                text, max_age=longest_seconds
            )
        except BadSignature:
            return None
        return value

    def write_token(self, session_id: str) -> str:
        """The token that every form of a session carries."""
        return hmac.new(self._key, f"write:{session_id}".encode(), hashlib.sha256).hexdigest()

    def is_write_token(self, session_id: str, given: str | None) -> bool:
        """Whether a form came from a page of this session."""
        return hmac.compare_digest(self.write_token(session_id), given or "")
