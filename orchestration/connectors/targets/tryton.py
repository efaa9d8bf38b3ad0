"""Sales in Tryton: invoices that are posted, goods that wait to be shipped.

What belongs here: which calls make a document, and how one that broke off goes on. What does not:
one call (`orchestration.connectors.targets.tryton_rpc`), retries, limits, states.
Only `orchestration.connectors.targets.registry` imports this.

A document is a sale in the shop `Meshline` whose web id is our key, which Tryton keeps unique. It
is written in steps: created, quoted, confirmed, processed, its invoice posted. Each step leaves a
state from which the next try goes on, so a call that broke off anywhere is simply made again.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from orchestration.connectors.targets.base import CallFailed, Held, Target, same_amount
from orchestration.connectors.targets.exchange import Exchange, check_address
from orchestration.connectors.targets.tryton_rpc import TrytonRpc, from_decimal, to_decimal
from orchestration.core.delivery.answers import Answer, AnswerClass
from orchestration.core.policies.documents import DeliveryTarget
from orchestration.ledger.outbox_documents import Document
from orchestration.settings import Settings

SHOP = "Meshline"
CHARGES = "CHARGES"
PAGE = 200
# How invoices and shipments of a sale come about, by the kind of document.
METHODS: Mapping[str, tuple[str, str]] = {
    "invoice": ("order", "manual"),
    "credit_memo": ("order", "manual"),
    "fulfilment_order": ("manual", "order"),
}
STEPS = (("draft", "quote"), ("quotation", "confirm"), ("confirmed", "process"))
WHOLE = ("processing", "done")
# What nobody takes away while a target is open.
STABLE = frozenset({"web.shop", "currency.currency"})
_PRICE = Decimal("0.0001")
_FIELDS = ["web_id", "description", "state", "total_amount", "invoices"]


class TrytonTarget(Target):
    """`model.sale.sale` by JSON-RPC at `<address>/rpc/`, where the address names the database."""

    def __init__(self, code: str, policy: DeliveryTarget, settings: Settings, address: str) -> None:
        del settings
        super().__init__(code, policy)
        # Of answers above 1,400 characters Tryton says that they are packed, which they are not.
        self._exchange = Exchange(policy, is_label_ignored=True)
        self._known: dict[tuple[str, object], dict[str, Any]] = {}
        checked = check_address(code, address, policy)
        self._rpc = TrytonRpc(self._exchange, checked, f"{policy.address_env}_TOKEN")

    def close(self) -> None:
        """Let threads and connections go."""
        super().close()
        self._exchange.close()

    def _write(self, documents: Sequence[Document]) -> dict[str, Answer]:
        return {each.intent_id: self._write_one(each) for each in documents}

    def _write_one(self, document: Document) -> Answer:
        """Make the sale, or go on with the one that is there, until its invoice is posted."""
        if document.artifact_kind not in METHODS:
            kinds = ", ".join(METHODS)
            detail = f"Tryton takes {kinds}; nothing was sent of {document.artifact_kind}."
            return Answer(AnswerClass.REFUSED, detail=detail)
        values = self._values(document)
        kind, sale = AnswerClass.CREATED, None
        try:
            (sale_id,) = self._rpc.call("model.sale.sale.create", [values])
        except CallFailed as failed:
            if failed.answer.kind is not AnswerClass.REFUSED:
                raise
            sale = self._find(document)
            if sale is None:
                raise  # it is not the key that was refused
            kind, sale_id = AnswerClass.EXISTED_SAME, sale["id"]
            if sale["description"] != document.payload_hash:
                detail = f"The sale {sale_id} has other contents under the same key."
                return Answer(AnswerClass.EXISTED_DIFFERENT, f"sale,{sale_id}", detail)
        self._finish(document, sale or self._read(sale_id))
        return Answer(kind, f"sale,{sale_id}")

    def _finish(self, document: Document, sale: Mapping[str, Any]) -> None:
        """Take a sale to where nothing is left to do.

        Raises:
            CallFailed: A step was refused: then a draft is taken away again, so that what was
                refused leaves nothing behind.
        """
        try:
            self._check_amount(document, sale)
            for state, step in STEPS:
                if sale["state"] == state:
                    self._rpc.call(f"model.sale.sale.{step}", [sale["id"]])
                    sale = self._read(sale["id"])
            if sale["state"] not in WHOLE:
                raise CallFailed(
                    AnswerClass.REFUSED, f"The sale {sale['id']} is {sale['state']} in Tryton."
                )
        except CallFailed as failed:
            if failed.answer.kind is AnswerClass.REFUSED and sale["state"] == "draft":
                self._rpc.call("model.sale.sale.delete", [sale["id"]])
            raise
        drafts = [
            one["id"]
            for one in self._rpc.call("model.account.invoice.read", sale["invoices"], ["state"])
            if one["state"] in ("draft", "validated")
        ]
        if drafts:
            self._rpc.call("model.account.invoice.post", drafts)

    def _check_amount(self, document: Document, sale: Mapping[str, Any]) -> None:
        """Refuse a draft whose total is not ours: taxes or rounding of the ERP differ."""
        total = from_decimal(sale["total_amount"])
        billed = METHODS[document.artifact_kind][0] == "order"
        if billed and sale["state"] == "draft" and not same_amount(total or "", document.amount):
            raise CallFailed(
                AnswerClass.REFUSED,
                f"Tryton comes to {total} where the document says {document.amount}: compare the "
                "taxes of its products.",
            )

    def _values(self, document: Document) -> dict[str, Any]:
        """The sale of a document."""
        payload = json.loads(document.payload, parse_float=str)
        bills, ships = METHODS[document.artifact_kind]
        party = self._only("party.party", "code", payload.get("customer_id"), ["addresses"])
        address = (party["addresses"] or [None])[0]
        values: dict[str, Any] = {
            "web_shop": self._only("web.shop", "name", SHOP)["id"],
            "web_id": document.idem_key,
            "reference": payload.get("document_no"),
            "description": document.payload_hash,
            "party": party["id"],
            "invoice_address": address,
            "shipment_address": address,
            "invoice_method": bills,
            "shipment_method": ships,
            "lines": [["create", [self._line(each) for each in _lines(payload)]]],
        }
        if document.currency_code:
            code = document.currency_code
            values["currency"] = self._only("currency.currency", "code", code)["id"]
        return values

    def _line(self, line: Mapping[str, str]) -> dict[str, Any]:
        """One line of a sale."""
        product = self._only("product.product", "code", line["sku"], ["default_uom"])
        quantity = Decimal(line["quantity"])
        return {
            "product": product["id"],
            "unit": product["default_uom"],
            # Quantities are floats there; amounts never are.
            "quantity": int(quantity) if quantity == int(quantity) else float(quantity),
            "unit_price": to_decimal(line["unit_price"]),
        }

    def _only(
        self, model: str, field: str, value: object, fields: Sequence[str] = ()
    ) -> dict[str, Any]:
        """The one record of a code; without it the document is refused, naming what is missing."""
        known = self._known.get((model, value))
        if known is not None:
            return known
        where = [[field, "=", value]]
        found = self._rpc.call(f"model.{model}.search_read", where, 0, 2, None, ["id", *fields])
        if len(found) != 1:
            there = "no" if not found else "more than one"
            raise CallFailed(
                AnswerClass.REFUSED, f"Tryton has {there} {model} with the {field} {value}."
            )
        if model in STABLE:
            self._known[model, value] = found[0]
        return dict(found[0])

    def _find(self, document: Document) -> dict[str, Any] | None:
        """The sale under a document's key."""
        found = self._search([["web_id", "=", document.idem_key]], 0)
        return found[0] if found else None

    def _read(self, sale_id: int) -> dict[str, Any]:
        (found,) = self._rpc.call("model.sale.sale.read", [sale_id], _FIELDS)
        return dict(found)

    def _search(self, where: Sequence[object], offset: int) -> list[dict[str, Any]]:
        """A page of the shop's sales, by id."""
        chosen = [["web_shop.name", "=", SHOP], *where]
        order = [["id", "ASC"]]
        found = self._rpc.call(
            "model.sale.sale.search_read", chosen, offset, PAGE, order, ["id", *_FIELDS]
        )
        return [dict(one) for one in found]

    def _look_up(self, document: Document) -> tuple[Held, ...]:
        found = self._search([["web_id", "=", document.idem_key]], 0)
        return tuple(_held(one) for one in found if one["state"] in WHOLE)

    def _list(self) -> Iterator[Held]:
        start = 0
        while page := self._search([["state", "in", list(WHOLE)]], start):
            yield from (_held(one) for one in page)
            start += len(page)


def _lines(payload: Mapping[str, Any]) -> list[dict[str, str]]:
    """Product, quantity and price of each line; tax and charges are a line of their own."""
    found = []
    for line in payload["lines"]:
        quantity, net = Decimal(line["quantity"]), Decimal(line.get("net_amount", 0))
        price = (net / quantity).quantize(_PRICE) if quantity else net
        if price * quantity != net:  # a discount, say: the amount counts, not the price
            quantity, price = Decimal(1), net
        found.append(
            {"sku": line["sku"], "quantity": str(quantity), "unit_price": str(price.normalize())}
        )
    charges = Decimal(payload.get("tax_and_charges_amount", 0))
    if charges:
        found.append({"sku": CHARGES, "quantity": "1", "unit_price": str(charges)})
    return found


def _held(sale: Mapping[str, Any]) -> Held:
    """A sale as what it holds of ours."""
    return Held(f"sale,{sale['id']}", sale["web_id"], sale["description"])
