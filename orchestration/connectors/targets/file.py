"""A receiver that picks up files.

What belongs here: this protocol, described in docs/delivery.md. What does not: retries, limits,
states. Only `orchestration.connectors.targets.registry` imports this.

Each document is a file of its own, whose name says which it is, so that writing it twice makes one
file. A file is there whole or not at all; what a batch holds is in its manifest, which comes last.
"""

import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from orchestration.connectors.targets.base import CallFailed, Held, Target
from orchestration.core.delivery.answers import Answer, AnswerClass
from orchestration.core.policies.documents import DeliveryTarget
from orchestration.ledger.outbox_documents import Document
from orchestration.settings import Settings

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")


class FileTarget(Target):
    """`<home>/outbound/<code>/<kind>/<document>.json`, and manifests beside."""

    def __init__(
        self, code: str, policy: DeliveryTarget, settings: Settings, address: str = ""
    ) -> None:
        del address
        super().__init__(code, policy)
        self._folder = settings.home / "outbound" / code

    def _write(self, documents: Sequence[Document]) -> dict[str, Answer]:
        try:
            answers = {each.intent_id: self._write_one(each) for each in documents}
            done = [each for each in documents if answers[each.intent_id].receiver_ref is not None]
            if done:
                self._write_manifest(done)
        except OSError as error:
            raise CallFailed(
                AnswerClass.AMBIGUOUS, f"{self._folder} cannot be written: {error.strerror}"
            ) from None
        return answers

    def _look_up(self, document: Document) -> tuple[Held, ...]:
        path = self._path(document)
        return (self._held(path),) if path.exists() else ()

    def _list(self) -> Iterator[Held]:
        for path in sorted(self._folder.glob("*/*.json")):
            if path.parent.name != "manifests":
                yield self._held(path)

    def _write_one(self, document: Document) -> Answer:
        """Put one file in place, unless it is there."""
        path = self._path(document)
        ref = str(path.relative_to(self._folder))
        if path.exists():
            if self._held(path).payload_hash == document.payload_hash:
                return Answer(AnswerClass.EXISTED_SAME, ref)
            return Answer(AnswerClass.EXISTED_DIFFERENT, detail=f"{ref} holds other contents.")
        replace_file(path, _content(document))
        return Answer(AnswerClass.CREATED, ref)

    def _write_manifest(self, documents: Sequence[Document]) -> None:
        """Say what was written: files, their checksums, sums by currency; the same each time."""
        files: list[dict[str, str]] = []
        sums: defaultdict[str, Decimal] = defaultdict(Decimal)
        for each in sorted(documents, key=lambda one: one.idem_key):
            path = self._path(each)
            files.append(
                {
                    "file": str(path.relative_to(self._folder)),
                    "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                    "idempotency_key": each.idem_key,
                }
            )
            if each.amount is not None:
                sums[each.currency_code or ""] += Decimal(each.amount)
        content = {
            "count": len(files),
            "amounts": {code: str(total) for code, total in sorted(sums.items())},
            "files": files,
        }
        text = json.dumps(content, indent=1, sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()[:24]
        path = self._folder / "manifests" / f"{name}.json"
        if not path.exists():
            replace_file(path, text.encode())

    def _path(self, document: Document) -> Path:
        """Where a document lies: named by what it is, safe whatever its key contains."""
        named = _UNSAFE.sub("-", document.natural_key)[:60]
        name = f"{named}_v{document.artifact_version}_{document.idem_key}.json"
        return self._folder / document.artifact_kind / name

    def _held(self, path: Path) -> Held:
        """What a file says of its document."""
        ref = str(path.relative_to(self._folder))
        try:
            content: Mapping[str, object] = json.loads(path.read_bytes(), parse_float=str)
        except ValueError:
            return Held(ref, path.stem.rsplit("_v", 1)[-1].split("_", 1)[-1], "unreadable")
        amount, currency = content.get("amount"), content.get("currency_code")
        return Held(
            ref,
            str(content.get("idempotency_key")),
            str(content.get("payload_sha256")),
            None if amount is None else str(amount),
            None if currency is None else str(currency),
        )


def _content(document: Document) -> bytes:
    """A document as its file holds it."""
    head = {
        "idempotency_key": document.idem_key,
        "artifact_kind": document.artifact_kind,
        "natural_key": document.natural_key,
        "artifact_version": document.artifact_version,
        "recon_key": document.recon_key or None,
        "amount": document.amount,
        "currency_code": document.currency_code,
        "payload_sha256": document.payload_hash,
    }
    return f'{json.dumps(head)[:-1]}, "payload": {document.payload}}}\n'.encode()


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that others see all of it or nothing, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
