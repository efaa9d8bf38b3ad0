"""Invoices at Stripe, or at what speaks its API and may ignore its keys.

What belongs here: this protocol. What does not: retries, limits, states.
Only `orchestration.connectors.targets.registry` imports this.

An invoice takes several calls: draft, then one item a line, then a mark that it is whole. A draft
without the mark is what a call that broke off left behind: it is deleted when it is looked up, and
then it is as if it had never been.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from orchestration.connectors.targets.base import CallFailed, Held, Target
from orchestration.connectors.targets.exchange import (
    Exchange,
    check_address,
    refuse_status,
    said_by,
)
from orchestration.core.delivery.answers import Answer, AnswerClass
from orchestration.core.policies.documents import DeliveryTarget
from orchestration.ledger.outbox_documents import Document
from orchestration.settings import Settings, read_secret

PAGE = "100"
MOST_PAGES = 100_000
WITHOUT_MINOR = frozenset({"BIF", "CLP", "JPY", "KRW", "PYG", "RWF", "UGX", "VND", "XAF", "XOF"})


class StripeTarget(Target):
    """`POST /v1/invoices`; our key stands in the metadata, by which it is found."""

    def __init__(self, code: str, policy: DeliveryTarget, settings: Settings, address: str) -> None:
        del settings
        super().__init__(code, policy)
        self._address = check_address(code, address, policy)
        self._exchange = Exchange(policy)

    def close(self) -> None:
        """Let threads and connections go."""
        super().close()
        self._exchange.close()

    def _write(self, documents: Sequence[Document]) -> dict[str, Answer]:
        return {each.intent_id: self._write_one(each) for each in documents}

    def _write_one(self, document: Document) -> Answer:
        """Make the draft, its items, and the mark that it is whole."""
        payload = json.loads(document.payload, parse_float=str)
        customer, lines = payload.get("stripe_customer"), payload.get("lines")
        if not customer or not lines:
            return Answer(
                AnswerClass.REFUSED,
                detail="The payload names no stripe_customer or no lines; nothing was sent.",
            )
        minor = [_minor(line["amount"], document.currency_code or "") for line in lines]
        key = document.idem_key
        kept = {
            "metadata[idempotency_key]": key,
            "metadata[recon_key]": document.recon_key,
            "metadata[payload_sha256]": document.payload_hash,
            "metadata[amount]": document.amount or "",
        }
        form = {"customer": customer, **kept}
        if payload.get("stripe_subscription"):
            form["subscription"] = payload["stripe_subscription"]
        made = self._post("/v1/invoices", key, form)
        ref = str(made["id"])
        for number, (line, amount) in enumerate(zip(lines, minor, strict=True)):
            item = {
                "customer": customer,
                "invoice": ref,
                "amount": str(amount),
                "currency": (document.currency_code or "").lower(),
                "description": str(line.get("sku", "")),
            }
            self._post("/v1/invoiceitems", f"{key}-{number}", item)
        self._post(f"/v1/invoices/{ref}", f"{key}-whole", kept | {"metadata[is_whole]": "true"})
        return Answer(AnswerClass.CREATED, ref)

    def _look_up(self, document: Document) -> tuple[Held, ...]:
        customer = json.loads(document.payload, parse_float=str).get("stripe_customer")
        found = []
        for invoice in self._invoices({"customer": str(customer)} if customer else {}):
            said = invoice.get("metadata") or {}
            if said.get("idempotency_key") != document.idem_key:
                continue
            if said.get("is_whole") != "true":
                self._call("DELETE", f"/v1/invoices/{invoice['id']}")
                continue
            found.append(_held(invoice))
        return tuple(found)

    def _list(self) -> Iterator[Held]:
        for invoice in self._invoices({}):
            if (invoice.get("metadata") or {}).get("idempotency_key"):
                yield _held(invoice)

    def _invoices(self, chosen: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        """All invoices, page by page."""
        after: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            page = self._call("GET", "/v1/invoices", parameters={**chosen, "limit": PAGE, **after})
            data = page.get("data") or []
            yield from data
            if not page.get("has_more") or not data:
                return
            after = {"starting_after": str(data[-1]["id"])}
        raise CallFailed(AnswerClass.REFUSED, "its list has no end")

    def _post(self, path: str, key: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Write one object."""
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Idempotency-Key": key,
        }
        return self._call("POST", path, headers=headers, body=urlencode(form).encode())

    def _call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Make one call."""
        token = read_secret(f"{self.policy.address_env}_TOKEN")
        reply = self._exchange.call(
            method,
            self._address + path,
            headers={**(headers or {}), "Authorization": f"Bearer {token}"},
            body=body,
            parameters=parameters,
        )
        refuse_status(reply)
        if reply.status == 409:
            raise CallFailed(AnswerClass.TRANSIENT, f"409: {said_by(reply)}")
        return reply.json()


def _minor(amount: object, currency: str) -> int:
    """An amount in the smallest unit of its currency, exactly.

    Raises:
        CallFailed: It has more decimals than the currency; nothing was sent.
    """
    scaled = Decimal(str(amount)) * (1 if currency in WITHOUT_MINOR else 100)
    if scaled != scaled.to_integral_value():
        raise CallFailed(
            AnswerClass.REFUSED, f"{amount} {currency} has more decimals than the currency."
        )
    return int(scaled)


def _held(invoice: Mapping[str, Any]) -> Held:
    """An invoice as it describes itself."""
    said = invoice.get("metadata") or {}
    return Held(
        str(invoice["id"]),
        said.get("idempotency_key"),
        said.get("payload_sha256"),
        said.get("amount") or None,
        str(invoice.get("currency") or "").upper() or None,
    )
