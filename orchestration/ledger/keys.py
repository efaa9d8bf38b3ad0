"""Keys of the ledger, and the names of what lies in the folder of heads.

What belongs here: making, reading and naming keys; the last head in a folder. What does not:
signing (`orchestration.ledger.heads`), any database. Whoever may import the ledger may import this.
"""

import contextlib
import hashlib
import json
import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from orchestration.core.errors import ReconError
from orchestration.core.heads import Head

HEADS_FILE, HASHES_FILE, PUBLIC_FILE = "heads.jsonl", "hashes.bin", "ledger.pub"


class KeyUnusable(ReconError):
    """A key cannot be read, made or used."""


def last_head(folder: Path) -> Head | None:
    """Return the last whole head in a folder, its signature not looked at; None without one."""
    try:
        lines = (folder / HEADS_FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    for line in reversed(lines):
        with contextlib.suppress(ValueError):
            return Head.of(json.loads(line))
    return None


def read_public_key(path: Path) -> Ed25519PublicKey:
    """Return a public key.

    Raises:
        KeyUnusable: There is none, or it is of another kind.
    """
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise KeyUnusable(f"{path} holds no public key: {error}.") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusable(f"{path} holds a key that is not Ed25519.")
    return key


def key_id_of(key: Ed25519PublicKey) -> str:
    """Return what a key is called: the beginning of its hash."""
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def private_key(path: Path) -> Ed25519PrivateKey:
    """Return the key that signs; make it when there is none.

    Raises:
        KeyUnusable: It is of another kind, or others may read it.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(made)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    if path.stat().st_mode & 0o077:
        raise KeyUnusable(
            f"{path} signs the ledger and others may read it: chmod 600 it, and if somebody may "
            "have read it, remove it, so that a new one is made."
        )
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyUnusable(f"{path} holds no private key: {error}.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"{path} holds a key that is not Ed25519.")
    return key


def keep_public(key: Ed25519PublicKey, path: Path) -> None:
    """Put the public key beside the heads; refuse to put it in the place of another.

    Raises:
        KeyUnusable: Another key is there.
    """
    pem = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    if not path.exists():
        path.write_bytes(pem)
    elif path.read_bytes() != pem:
        raise KeyUnusable(
            f"{path} is the public key of another private key than the one that signs now. Name "
            "the right key in MESHLINE_SIGNING_KEY; after a change of keys, name an empty folder "
            "in MESHLINE_HEADS and keep the old one: it proves what was signed before."
        )
