"""R-X1, R-X2, R-X3: from extracts to documents, seen from the receiver's side.

What the scenarios publish is delivered, wave by wave, to one receiver over real sockets; then from
an empty home again. What the receiver holds is compared with the marts, to the cent. Scenarios of
many orders are left out: they have more of the same.
"""

import dataclasses
import hashlib
import json
import shutil
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import rfc8785
import yaml

from orchestration.connectors.operating_model import load_operating_model
from orchestration.delivery import deliver_published, read_status
from orchestration.ledger.outbox_status import held_reasons
from orchestration.ledger.store import open_ledger
from orchestration.settings import Settings, load_settings
from tests.faults.receiver import start_receiver

TARGETS = ("BILLING", "WAREHOUSE", "ERP", "SELLER_PORTAL")
MOST_OF_A_SCENARIO = 20
NAMES = ("fct_artifacts", "fct_orders")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory) -> Path:
    """The operating model with receivers that may be pressed as hard as tests like."""
    folder = tmp_path_factory.mktemp("seeds") / "seeds"
    source = load_settings().seeds
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("samples"))
    path = folder / "policies" / "delivery_targets.yml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    for row in document["targets"].values():
        row |= {"rate_per_second": 10_000, "burst": 10_000, "most_answer_kb": 16_384}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def receiver():
    """One receiver for all targets; it refuses a second document with one key."""
    with start_receiver(keeps_payloads=True) as started:
        yield started


class Life:
    """A home with a ledger of its own, which delivers what others have published."""

    def __init__(self, folder: Path, serving: Path, seeds: Path, tenants: set[str]) -> None:
        self.settings: Settings = dataclasses.replace(load_settings(home=folder), seeds=seeds)
        self._serving = serving
        self._tenants = sorted(tenants)

    def deliver(self, wave: int, **options: bool):
        """Publish what a wave published, and deliver it."""
        self.settings.serving.mkdir(parents=True, exist_ok=True)
        name = f"run_{wave}.duckdb"
        with duckdb.connect(str(self.settings.serving / name)) as connection:
            connection.execute(f"attach '{self._serving / name}' as whole (read_only)")
            connection.execute("create schema marts")
            for table in NAMES:
                connection.execute(
                    f"create table marts.{table} as select * from whole.marts.{table} "
                    "where list_contains(?, tenant)",
                    [self._tenants],
                )
        pointer = json.loads((self._serving / "current.json").read_text())
        pointer |= {"run_no": wave, "run_id": f"run_{wave}", "file": name}
        (self.settings.serving / "current.json").write_text(json.dumps(pointer))
        report = deliver_published(self.settings, compare=True, **options)
        assert report.problems == []
        return report


@pytest.fixture(scope="module")
def tenants(published) -> set[str]:
    """The scenarios that are delivered."""
    counts = {tenant: len(rows) for tenant, rows in published[2].tables["artifacts"].items()}
    return {tenant for tenant, count in counts.items() if count <= MOST_OF_A_SCENARIO}


@pytest.fixture(scope="module")
def told(published, home, receiver, seeds, tenants, tmp_path_factory):
    """What the receiver holds after each wave, and the home that delivered it."""
    with pytest.MonkeyPatch.context() as patched:
        for name in TARGETS:
            patched.setenv(f"MESHLINE_TARGET_{name}", receiver.address)
        life = Life(tmp_path_factory.mktemp("life"), home / "serving", seeds, tenants)
        held = {}
        for wave in sorted(published):
            life.deliver(wave)
            held[wave] = receiver.documents()
        yield life, held


def may_go(published, wave: int, seeds: Path, tenants: set[str]) -> dict[tuple[str, int], dict]:
    """What the marts of a wave let go, by document and version."""
    model = load_operating_model(seeds)
    types = {
        row["recon_key"]: row["order_type"] or ""
        for rows in published[wave].tables["orders"].values()
        for row in rows
    }
    return {
        (row["natural_key"], row["artifact_version"]): row
        for rows in published[wave].tables["artifacts"].values()
        for row in rows
        if row["tenant"] in tenants
        and row["status_code"] == "ready"
        and not model.automation_blocks(row["artifact_kind"], types.get(row["recon_key"]))
    }


def held_of(settings: Settings) -> tuple[tuple[str, str, int], ...]:
    """Why what is held is held: all reasons."""
    with open_ledger(settings.ledger_database) as ledger, ledger.read() as connection:
        return held_reasons(connection, most=1000)


def of_case(documents, case: str) -> list[tuple[str, str, str]]:
    """Kind, amount and number of what was received of one scenario, by kind and version."""
    return sorted(
        (one["artifact_kind"], one["amount"], one["payload"]["document_no"])
        for one in documents
        if one["natural_key"].startswith(f"{case.lower()}/")
    )


def test_what_may_go_is_there_once_and_to_the_cent_and_nothing_else(
    told, published, seeds, tenants
):
    expected: dict[tuple[str, int], dict] = {}
    for wave, documents in told[1].items():
        expected |= may_go(published, wave, seeds, tenants)
        received = Counter((one["natural_key"], one["artifact_version"]) for one in documents)
        assert received == Counter(dict.fromkeys(expected, 1))
        for one in documents:
            row = expected[one["natural_key"], one["artifact_version"]]
            assert Decimal(one["amount"]) == row["amount"], one
            assert rfc8785.dumps(one["payload"]).decode() == row["payload"]
            assert hashlib.sha256(row["payload"].encode()).hexdigest() == one["payload_sha256"]
    assert len(expected) > 300


def test_nothing_that_is_held_was_ever_sent(told, published):
    for wave, documents in told[1].items():
        sent = {(one["natural_key"], one["artifact_version"]) for one in documents}
        ever_ready = {
            (row["natural_key"], row["artifact_version"])
            for before in range(1, wave + 1)
            for rows in published[before].tables["artifacts"].values()
            for row in rows
            if row["status_code"] == "ready"
        }
        held = {
            (row["natural_key"], row["artifact_version"])
            for rows in published[wave].tables["artifacts"].values()
            for row in rows
            if row["status_code"] == "held"
        }
        assert held
        assert not (held - ever_ready) & sent


def test_what_no_workflow_sends_is_held_with_that_reason(told, published, seeds, tenants):
    model = load_operating_model(seeds)
    blocked = set()
    for tenant in tenants:
        types = {row["recon_key"]: row["order_type"] for row in published[2].rows("orders", tenant)}
        for row in published[2].rows("artifacts", tenant):
            found = model.automation_blocks(row["artifact_kind"], types.get(row["recon_key"]))
            if row["status_code"] == "ready" and found:
                blocked.add(f"Workflow: {'; '.join(found)}.")
    reasons = {reason for _, reason, _ in held_of(told[0].settings)}
    assert {each for each in reasons if each.startswith("Workflow")} == blocked


def test_documents_of_an_order_arrived_in_the_order_of_their_versions(told):
    last: dict[str, int] = defaultdict(int)
    for one in told[1][2]:
        assert one["artifact_version"] > last[one["natural_key"]], one
        last[one["natural_key"]] = one["artifact_version"]


def test_rx1_nothing_of_a_renewal_leaves_before_its_amendment_is_approved(told):
    assert of_case(told[1][1], "X01") == []
    assert of_case(told[1][2], "X01") == [
        ("invoice", "1200.0000", "INV-R-1-2"),
        ("invoice", "12000.0000", "INV-R-1-1"),
        ("revenue_schedule", "13200.0000", "RS-R-1"),
    ]
    schedule = next(
        one["payload"]
        for one in told[1][2]
        if one["natural_key"].startswith("x01/") and one["artifact_kind"] == "revenue_schedule"
    )
    months = [Decimal(one["amount"]) for one in schedule["periods"]]
    assert (len(months), sum(months)) == (12, Decimal("13200.00"))
    assert min(months[6:]) > max(months[:6]), "the seats of July on are earned from July on"


def test_rx2_a_provisional_invoice_is_made_final_once(told):
    invoices = [
        [
            one
            for one in documents
            if one["natural_key"].startswith("x02/") and one["artifact_kind"] == "invoice"
        ]
        for documents in (told[1][1], told[1][2])
    ]
    assert [one["amount"] for one in invoices[0]] == ["183.6000"]
    both = invoices[1]  # of the other order more left than was ordered, so its invoice is held
    assert [
        (one["artifact_version"], one["amount"], one["payload"]["is_provisional"]) for one in both
    ] == [(1, "183.6000", True), (2, "306.0000", False)]
    assert len({one["natural_key"] for one in both}) == 1


def test_rx3_sellers_are_invoiced_and_stated_once_the_order_is_settled(told):
    assert [kind for kind, _, _ in of_case(told[1][1], "X03")] == ["invoice"]
    received = Counter((kind, amount) for kind, amount, _ in of_case(told[1][2], "X03"))
    assert received == Counter(
        {
            ("invoice", "100.0000"): 1,
            ("seller_invoice", "7.5000"): 1,
            ("seller_invoice", "4.0000"): 1,
            ("commission_statement", "52.5000"): 1,
            ("commission_statement", "36.0000"): 1,
        }
    )


def test_the_history_again_from_an_empty_home_writes_nothing_twice(
    told, published, receiver, home, seeds, tenants, tmp_path
):
    before = receiver.documents()
    life = Life(tmp_path / "again", home / "serving", seeds, tenants)
    for wave in sorted(published):
        life.deliver(wave)
    assert receiver.documents() == before
    states = {one.target_code: set(one.counts) for one in read_status(life.settings).targets}
    assert all(found <= {"done", "swept", "held", "superseded"} for found in states.values())


def test_a_home_that_begins_anew_takes_over_what_is_there(
    told, receiver, home, seeds, tenants, tmp_path
):
    before = receiver.documents()
    life = Life(tmp_path / "anew", home / "serving", seeds, tenants)
    report = life.deliver(2, adopt=True)
    assert report.adopted.keys() == {one.lower() for one in TARGETS}
    assert receiver.documents() == before
    states = {one.target_code: set(one.counts) for one in read_status(life.settings).targets}
    assert all(found <= {"swept", "held", "superseded"} for found in states.values())
