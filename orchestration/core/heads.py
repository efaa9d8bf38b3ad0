"""Signed heads: what somebody outside of the ledger knows of it, and how a history is held to it.

What belongs here: the form of a head, its signature, and finding the first event that is not what
was signed. What does not: files, databases and private keys (`orchestration.ledger`). Anyone may
import this.

A head says: so many events, this root over their hashes. Kept elsewhere, it catches what the chain
alone cannot: a tail that was cut off, or rewritten with hashes computed anew.
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from orchestration.core.chain import COLUMNS_OF, GENESIS, Event, event_hash
from orchestration.core.merkle import Frontier

HEX_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Head:
    """What the ledger was at one moment, signed.

    Attributes:
        size: How many events.
        root: Root of the RFC 6962 tree over their hashes, hexadecimal.
        last_hash: Hash of the last event, hexadecimal.
        at: When it was signed, as the ledger writes moments.
        signed_by: Who signed, such as `engine:run_3`.
        key_id: Names the key.
        signature: Ed25519 over the canonical JSON of all else, base64.
    """

    size: int
    root: str
    last_hash: str
    at: str
    signed_by: str
    key_id: str
    signature: str = ""

    def signed_bytes(self) -> bytes:
        """Return what is signed."""
        body = {
            "at": self.at,
            "key_id": self.key_id,
            "last_hash": self.last_hash,
            "root": self.root,
            "signed_by": self.signed_by,
            "size": self.size,
        }
        return b"meshline-head-1\n" + rfc8785.dumps(body)  # type: ignore[arg-type]

    def as_row(self) -> dict[str, Any]:
        """Return it as what JSON and tables hold."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Head":
        """Read what `as_row` made.

        Raises:
            ValueError: It is none.
        """
        values = {name: row.get(name) for name in cls.__dataclass_fields__}
        texts = {name: value for name, value in values.items() if name != "size"}
        size = values["size"]
        if not isinstance(size, int) or size < 0 or isinstance(size, bool):
            raise ValueError("its size is no number")
        if not all(isinstance(value, str) for value in texts.values()):
            raise ValueError("a part is missing")
        if not all(_is_hash(str(texts[name])) for name in ("root", "last_hash")):
            raise ValueError("a hash is none")
        return cls(size, **{name: str(value) for name, value in texts.items()})

    def is_signed_by(self, key: Ed25519PublicKey) -> bool:
        """Whether the signature is that of a key."""
        try:
            key.verify(base64.b64decode(self.signature, validate=True), self.signed_bytes())
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the ledger that is not as it was.

    Attributes:
        seq: The first event that is concerned.
        what: What is wrong, in words.
    """

    seq: int
    what: str


@dataclass(slots=True)
class Checker:
    """Holds events, one after the other, to their chain and to what is known outside.

    Attributes:
        heads: Whose signatures were found good.
        witness: Hashes of the first events as they were when they were signed, 32 bytes each; as
            many as are known. Names the first event that differs; trusted for nothing else.
        findings: What was found so far, `limit` at most.
        limit: Most findings to keep.
    """

    heads: Sequence[Head]
    witness: bytes
    findings: list[Finding]
    limit: int = 50
    _frontier: Frontier | None = None
    _last_seq: int = 0
    _last_hash: str = GENESIS
    _next_head: int = 0
    _is_named: bool = False

    def __post_init__(self) -> None:
        self.heads = sorted(self.heads, key=lambda head: head.size)
        self._frontier = Frontier()
        self._pass_heads()

    @property
    def size(self) -> int:
        """How many events were seen."""
        return self._frontier.size if self._frontier is not None else 0

    @property
    def root(self) -> str:
        """The root over the events that were seen."""
        return self._frontier.root().hex() if self._frontier is not None else ""

    def add(self, event: Event) -> None:
        """Take the next event, in the order of `seq`."""
        expected = self._last_seq + 1
        if event.seq > expected:
            last = event.seq - 1
            which = (
                f"event {expected} is" if last == expected else f"events {expected} to {last} are"
            )
            self._find(expected, f"{which} missing")
        elif event.seq < expected:
            self._find(event.seq, f"event {event.seq} is out of its place")
        if event_hash(COLUMNS_OF(event)[:-1]) != event.hash:
            self._find(
                event.seq, f"event {event.seq} was edited: its hash is not that of its columns"
            )
        elif event.prev_hash != self._last_hash and event.seq == expected:
            self._find(event.seq, f"event {event.seq} does not follow the event before it")
        self._compare(event)
        self._last_seq, self._last_hash = event.seq, event.hash
        if self._frontier is not None:
            self._frontier.add(bytes.fromhex(event.hash) if _is_hash(event.hash) else b"")
            self._pass_heads()

    def finish(self) -> None:
        """Look at what should have come after the last event."""
        beyond = [head for head in self.heads if head.size > self.size]
        if beyond:
            head = max(beyond, key=lambda one: one.size)
            self._find(
                self.size + 1,
                f"the ledger ends after event {self.size}, but {head.size} events were signed by "
                f"{head.signed_by} at {head.at}: its end was cut off, or an old copy restored",
            )

    def _compare(self, event: Event) -> None:
        """Name the first event that is another than the one that was signed in its place."""
        place = self.size
        known = self.witness[place * 32 : place * 32 + 32]
        if known and not self._is_named and known.hex() != event.hash:
            self._is_named = True
            self._find(
                place + 1,
                f"event {place + 1} is not the one that was there when the ledger was signed",
            )

    def _pass_heads(self) -> None:
        """Compare the tree with the heads of its size."""
        while self._next_head < len(self.heads) and self._frontier is not None:
            head = self.heads[self._next_head]
            if head.size != self._frontier.size:
                break
            self._next_head += 1
            if head.root != self.root and not self._is_named:
                good = max((one.size for one in self.heads if one.size < head.size), default=0)
                self._is_named = True
                self._find(
                    good + 1,
                    f"the events {good + 1} to {head.size} are not those that {head.signed_by} "
                    f"signed at {head.at}",
                )

    def _find(self, seq: int, what: str) -> None:
        if len(self.findings) < self.limit:
            self.findings.append(Finding(seq, what))


def check_events(
    events: Iterable[Event], heads: Sequence[Head] = (), witness: bytes = b""
) -> tuple[Checker, tuple[Finding, ...]]:
    """Hold a whole history to its chain and to heads; findings in the order of events.

    Args:
        events: All of them, by `seq`.
        heads: Signed heads from outside, their signatures found good.
        witness: See `Checker`.
    """
    checker = Checker(heads, witness, [])
    for event in events:
        checker.add(event)
    checker.finish()
    return checker, tuple(sorted(checker.findings, key=lambda one: one.seq))


def read_heads(lines: Iterable[str], key: Ed25519PublicKey) -> tuple[list[Head], list[str]]:
    """Return the heads in lines of JSON whose signature is good, and what is wrong with others.

    Two heads of one size with different roots are both told: the ledger was forked.
    """
    heads: list[Head] = []
    problems = []
    roots: dict[int, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            head = Head.of(row if isinstance(row, dict) else {})
        except (ValueError, RecursionError) as error:
            problems.append(f"line {number} is no head: {error}")
            continue
        if not head.is_signed_by(key):
            problems.append(f"line {number}: the signature of the head of {head.size} is forged")
            continue
        if roots.setdefault(head.size, head.root) != head.root:
            problems.append(f"line {number}: two histories of {head.size} events were signed")
        heads.append(head)
    return heads, problems


def _true_hash(event: Event) -> str:
    """The hash that the columns have; nothing has it when a column holds what it never can."""
    try:
        return event_hash(COLUMNS_OF(event)[:-1])
    except (TypeError, ValueError):
        return ""


def _is_hash(text: object) -> bool:
    """Whether a value is a SHA-256 in lower-case hexadecimal."""
    return (
        isinstance(text, str)
        and len(text) == HEX_DIGITS
        and all(each in "0123456789abcdef" for each in text)
    )
