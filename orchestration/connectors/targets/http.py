"""A receiver that takes JSON over HTTP.

What belongs here: this protocol, described in docs/delivery.md. What does not: retries, limits,
states. Only `orchestration.connectors.targets.registry` imports this.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orchestration.connectors.targets.base import CallFailed, Held, Target, differs
from orchestration.connectors.targets.exchange import (
    Exchange,
    Reply,
    check_address,
    refuse_status,
    said_by,
)
from orchestration.core.delivery.answers import Answer, AnswerClass
from orchestration.core.policies.documents import DeliveryTarget
from orchestration.ledger.outbox_documents import Document
from orchestration.settings import Settings, read_secret

MOST_PAGES = 100_000


class HttpTarget(Target):
    """`POST <address>` writes, `GET <address>?<field>=<key>` looks up, `GET <address>` lists."""

    def __init__(self, code: str, policy: DeliveryTarget, settings: Settings, address: str) -> None:
        del settings
        super().__init__(code, policy)
        self._address = check_address(code, address, policy)
        self._exchange = Exchange(policy)
        self._field = policy.idempotency.field or "idempotency_key"

    def close(self) -> None:
        """Let threads and connections go."""
        super().close()
        self._exchange.close()

    def _write(self, documents: Sequence[Document]) -> dict[str, Answer]:
        if len(documents) > 1:
            return self._write_many(documents)
        (document,) = documents
        headers = {}
        if self.policy.idempotency.header:
            headers[self.policy.idempotency.header] = document.idem_key
        reply = self._post(self._body(document), headers)
        return {document.intent_id: self._read(document, reply)}

    def _write_many(self, documents: Sequence[Document]) -> dict[str, Answer]:
        """Write several in one call; each has its own status in the answer."""
        items = b",".join(self._body(each) for each in documents)
        reply = self._post(b'{"items":[' + items + b"]}", {})
        said = {
            str(item.get("idempotency_key")): item
            for item in reply.json().get("items") or ()
            if isinstance(item, Mapping)
        }
        missing = Answer(AnswerClass.AMBIGUOUS, detail="The answer does not name it.")
        return {
            each.intent_id: self._read_item(each, said[each.idem_key])
            if each.idem_key in said
            else missing
            for each in documents
        }

    def _look_up(self, document: Document) -> tuple[Held, ...]:
        name = self.policy.idempotency.lookup_field
        chosen = (
            {name: str(getattr(document, name, document.idem_key))}
            if name
            else {self._field: document.idem_key}
        )
        reply = self._exchange.call(
            "GET", self._address, parameters=chosen, headers=self._headers(b"")
        )
        refuse_status(reply)
        found = [_held(item, self._field) for item in _items(reply)]
        return tuple(one for one in found if one.idem_key in (None, document.idem_key))

    def _list(self) -> Iterator[Held]:
        after = ""
        for _ in range(MOST_PAGES):
            reply = self._exchange.call(
                "GET", self._address, parameters={"after": after}, headers=self._headers(b"")
            )
            refuse_status(reply)
            items = _items(reply)
            yield from (_held(item, self._field) for item in items)
            if not items or not reply.json().get("has_more"):
                return
            after = str(items[-1].get("id"))
        raise CallFailed(AnswerClass.REFUSED, "its list has no end")

    def _post(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Post a signed body."""
        every = self._headers(body) | {"Content-Type": "application/json", **headers}
        reply = self._exchange.call("POST", self._address, body=body, headers=every)
        refuse_status(reply)
        return reply

    def _headers(self, body: bytes) -> dict[str, str]:
        """What says who we are; secrets are read anew each time, so that they can be changed."""
        headers = {}
        secret = read_secret(f"{self.policy.address_env}_SECRET")
        if secret:
            moment = str(int(time.time()))
            signed = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256)
            headers["X-Meshline-Signature"] = f"t={moment},v1={signed.hexdigest()}"
        token = read_secret(f"{self.policy.address_env}_TOKEN")
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return headers

    def _body(self, document: Document) -> bytes:
        """The document with what identifies it; the payload goes as it is kept, byte for byte."""
        head: dict[str, object] = {
            "idempotency_key": document.idem_key,
            "artifact_kind": document.artifact_kind,
            "natural_key": document.natural_key,
            "artifact_version": document.artifact_version,
            "recon_key": document.recon_key or None,
            "order_key": document.order_key,
            "order_version": document.order_version,
            "amount": document.amount,
            "currency_code": document.currency_code,
            "payload_sha256": document.payload_hash,
        }
        head[self._field] = document.idem_key
        return f'{json.dumps(head)[:-1]}, "payload": {document.payload}}}'.encode()

    def _read(self, document: Document, reply: Reply) -> Answer:
        """What an answer to one document means."""
        if reply.status == 409:
            return self._conflict(document, said_by(reply))
        return self._read_item(document, reply.json())

    def _read_item(self, document: Document, item: Mapping[str, Any]) -> Answer:
        """What is said of one document."""
        error = item.get("error") or item.get("errors")
        if error:
            code = error.get("code") if isinstance(error, Mapping) else None
            detail = str(error.get("message", error) if isinstance(error, Mapping) else error)
            kinds = {
                "needs_confirmation": AnswerClass.NEEDS_CONFIRMATION,
                "conflict": AnswerClass.EXISTED_DIFFERENT,
                "busy": AnswerClass.TRANSIENT,
            }
            return Answer(kinds.get(str(code), AnswerClass.REFUSED), detail=detail[:300])
        if not item.get("id"):
            return Answer(AnswerClass.AMBIGUOUS, detail="The answer names no id.")
        held = _held(item, self._field)
        difference = differs(document, held)
        if difference:
            return Answer(AnswerClass.EXISTED_DIFFERENT, held.receiver_ref, difference)
        existed = item.get("status") == "existing"
        kind = AnswerClass.EXISTED_SAME if existed else AnswerClass.CREATED
        return Answer(kind, held.receiver_ref)

    def _conflict(self, document: Document, said: str) -> Answer:
        """What a refusal because of the key means: the document is there, the same or another."""
        found = self._look_up(document)
        if not found:
            return Answer(AnswerClass.REFUSED, detail=f"409: {said}")
        return self._judge(document, found)


def _items(reply: Reply) -> list[Mapping[str, Any]]:
    """The documents of a list."""
    items = reply.json().get("items")
    if not isinstance(items, list) or not all(isinstance(each, Mapping) for each in items):
        raise CallFailed(AnswerClass.AMBIGUOUS, "answered with no list of documents")
    return items


def _held(item: Mapping[str, Any], field: str) -> Held:
    """One document as an answer describes it."""

    def text(name: str) -> str | None:
        value = item.get(name)
        return None if value is None else str(value)

    key = text("idempotency_key") or text(field)
    return Held(
        str(item.get("id")), key, text("payload_sha256"), text("amount"), text("currency_code")
    )
