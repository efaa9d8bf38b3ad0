"""R-B3: what downstream systems are given, over all scenarios: its form, its sums, its order."""

import hashlib
import json
from collections import defaultdict
from decimal import Decimal

import jsonschema
import pytest
import rfc8785

from orchestration.settings import PROJECT_ROOT

SCHEMAS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((PROJECT_ROOT / "docs" / "schemas").glob("*.json"))
}


@pytest.fixture(scope="module")
def artifacts(published):
    """All artifacts of the last wave."""
    return [row for rows in published[2].tables["artifacts"].values() for row in rows]


def test_each_payload_follows_the_published_schema_of_its_kind(artifacts):
    assert {row["artifact_kind"] for row in artifacts} == set(SCHEMAS)
    validators = {kind: jsonschema.Draft202012Validator(one) for kind, one in SCHEMAS.items()}
    for row in artifacts:
        validators[row["artifact_kind"]].validate(json.loads(row["payload"]))


def test_a_payload_is_canonical_and_its_hash_is_that_of_its_bytes(artifacts):
    for row in artifacts:
        assert rfc8785.dumps(json.loads(row["payload"])).decode() == row["payload"]
        assert hashlib.sha256(row["payload"].encode()).hexdigest() == row["content_hash"]


def test_the_lines_of_an_invoice_come_to_its_amount(artifacts):
    for row in artifacts:
        if row["artifact_kind"] not in {"invoice", "credit_memo"}:
            continue
        document = json.loads(row["payload"])
        lines = sum((Decimal(line["net_amount"]) for line in document["lines"]), Decimal(0))
        assert lines + Decimal(document["tax_and_charges_amount"]) == row["amount"], row
        assert Decimal(document["amount"]) == row["amount"]


def test_the_documents_of_an_order_that_is_billed_in_full_come_to_its_total(published):
    totals = {
        row["recon_key"]: row for rows in published[2].tables["orders"].values() for row in rows
    }
    billed = defaultdict(Decimal)
    open_orders = set()
    for rows in published[2].tables["artifacts"].values():
        for row in rows:
            if row["status_code"] == "superseded" or "/return/" in row["natural_key"]:
                continue
            if row["artifact_kind"] in {"invoice", "credit_memo"}:
                billed[row["recon_key"]] += row["amount"]
                if row["is_provisional"]:
                    open_orders.add(row["recon_key"])
    checked = 0
    for key, amount in billed.items():
        order = totals[key]
        if key in open_orders or order["order_status_code"] != "confirmed":
            continue
        assert amount == order["total_amount"], order
        checked += 1
    assert checked > 100


def test_the_months_of_a_schedule_come_to_its_amount(artifacts):
    for row in artifacts:
        if row["artifact_kind"] == "revenue_schedule":
            periods = json.loads(row["payload"])["periods"]
            assert sum(Decimal(one["amount"]) for one in periods) == row["amount"]


def test_one_natural_key_has_one_artifact_that_counts(artifacts):
    current = [row["natural_key"] for row in artifacts if row["status_code"] != "superseded"]
    assert len(current) == len(set(current))


def test_what_is_held_says_why_and_what_is_ready_does_not(artifacts):
    for row in artifacts:
        assert (row["status_code"] == "held") == (row["hold_reason"] is not None), row
