"""`meshline deliver`: from a published mart to the receivers, as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.delivery import deliver_published, read_status
from orchestration.settings import Settings, load_settings

TABLE = """
    create table marts.fct_artifacts (
        artifact_id varchar, artifact_kind varchar, recon_key varchar, tenant varchar,
        order_key varchar, order_version bigint, rule_id varchar, rule_version varchar,
        target_code varchar, natural_key varchar, artifact_version bigint,
        is_provisional boolean, content_hash varchar, amount decimal(18, 4),
        currency_code varchar, status_code varchar, hold_reason varchar, payload varchar
    )
"""
KINDS = (
    ("invoice", "billing"),
    ("fulfilment_order", "warehouse"),
    ("revenue_schedule", "erp"),
    ("commission_statement", "seller_portal"),
)


@pytest.fixture
def home(tmp_path, monkeypatch) -> Settings:
    """A home with a publication of four artifacts that may go and one that may not."""
    for name in [one for one in os.environ if one.startswith("MESHLINE_")]:
        monkeypatch.delenv(name)
    settings = load_settings(home=tmp_path / "home")
    publish(settings, 1, held=1)
    return settings


def publish(
    settings: Settings, run_no: int, *, held: int = 0, kinds=KINDS, payload="{}", types=None
) -> None:
    """Put a publication in place as a run does, with the one table that delivery reads."""
    settings.serving.mkdir(parents=True, exist_ok=True)
    path = settings.serving / f"run_{run_no}.duckdb"
    rows = [*((*each, "ready", None) for each in kinds)]
    rows += [("invoice", "billing", "held", "Gate TAX fails and is not waived.")] * held
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        connection.execute(TABLE)
        for number, (kind, target, status, reason) in enumerate(rows):
            connection.execute(
                "insert into marts.fct_artifacts values "
                f"('art_{number}', ?, 'rk_{number}', 'main', 'ok_{number}', 1, 'billing', '1', ?, "
                f"'DOC/{number}', 1, false, 'h_{number}', 12.5, 'EUR', ?, ?, ?)",
                [kind, target, status, reason, payload],
            )
        if types is not None:
            connection.execute("create table marts.fct_orders (recon_key text, order_type text)")
            connection.executemany("insert into marts.fct_orders values (?, ?)", types)
    pointer = {
        "run_no": run_no,
        "run_id": f"run_{run_no}",
        "file": path.name,
        "as_of": "2026-06-30T12:00:00+00:00",
        "published_at": "2026-06-30T12:00:00+00:00",
        "tables": {"fct_artifacts": len(rows)} | ({} if types is None else {"fct_orders": 1}),
    }
    (settings.serving / "current.json").write_text(json.dumps(pointer))


def meshline(settings: Settings, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *words, "--home", str(settings.home)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_what_is_released_is_dropped_as_files_once_and_what_is_held_is_not(home):
    first = meshline(home, "deliver", "--once", "--json")
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    assert told["enqueued"]["released"] == 4
    assert told["enqueued"]["held"] == 1
    assert {one["target_code"]: one["counts"] for one in told["targets"]}["billing"] == {
        "done": 1,
        "held": 1,
    }
    assert told["held"][0]["reason"] == "Gate TAX fails and is not waived."
    dropped = sorted((home.home / "outbound").glob("*/*/*.json"))
    documents = [path for path in dropped if path.parent.name != "manifests"]
    assert [path.parent.name for path in documents] == [
        "invoice",
        "revenue_schedule",
        "commission_statement",
        "fulfilment_order",
    ]
    assert json.loads(documents[0].read_text())["amount"] == "12.5000"
    manifest = json.loads(next((home.home / "outbound/billing/manifests").iterdir()).read_text())
    assert (manifest["count"], manifest["amounts"]) == (1, {"EUR": "12.5000"})
    again = meshline(home, "deliver", "--once")
    assert again.returncode == 0
    assert "4 as they were" in again.stdout or "5 as they were" in again.stdout
    assert sorted((home.home / "outbound").glob("*/*/*.json")) == dropped


def test_one_target_alone_and_its_status(home):
    assert meshline(home, "deliver", "--once", "--target", "erp").returncode == 0
    told = json.loads(meshline(home, "deliver", "status", "--json").stdout)
    delivered = {one["target_code"]: one["counts"].get("done", 0) for one in told["targets"]}
    assert delivered == {"billing": 0, "warehouse": 0, "erp": 1, "seller_portal": 0}
    assert "erp" in meshline(home, "deliver", "status").stdout


def test_an_unknown_target_is_refused_in_one_sentence(home):
    said = meshline(home, "deliver", "--once", "--target", "moon")
    assert said.returncode == 2
    assert "There is no target moon; there are billing" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_target_with_a_forbidden_address_keeps_no_other_waiting(home, monkeypatch):
    monkeypatch.setenv("MESHLINE_TARGET_BILLING", "http://169.254.169.254/x")
    said = meshline(home, "deliver", "--once")
    assert said.returncode == 1
    assert "169.254.169.254 is not allowed" in said.stderr
    with_status = {one.target_code: one for one in read_status(home).targets}
    assert with_status["erp"].delivered == 1
    assert with_status["billing"].waiting == 1


def test_the_same_key_with_another_payload_is_said_and_the_rest_goes(home):
    deliver_published(home)
    publish(home, 2, payload='{"total":"9.99"}')
    report = deliver_published(home)
    assert len(report.problems) == 4
    assert 'total: nothing at first, "9.99" now' in report.problems[0]


def test_what_was_delivered_is_compared_and_written_down_for_landing(home):
    report = deliver_published(home, compare=True)
    assert {one.target_code for one in report.compared} == {target for _, target in KINDS}
    lines = next((home.home / "outbound/acknowledgements").glob("acknowledgements_*.jsonl"))
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [row["state"] for row in rows] == ["done"] * 4
    assert all(row["receiver_ref"] and row["amount"] == "12.5000" for row in rows)


def test_what_no_workflow_sends_is_held_until_one_does(home):
    """R-D3: the order's type decides; a document of no one order is sent by any workflow."""
    types = [("rk_0", "renewal"), ("rk_1", "commerce"), ("rk_2", "commerce")]
    publish(home, 2, types=types)
    report = deliver_published(home)
    assert (report.enqueued.released, report.enqueued.held) == (3, 1)
    (held,) = read_status(home).held
    assert held == ("erp", "Workflow: no workflow sends revenue_schedule of commerce orders.", 1)
    publish(home, 3, types=[*types[:2], ("rk_2", "renewal")])
    assert deliver_published(home).enqueued.released == 1
    assert not read_status(home).held


def test_nothing_published_is_nothing_to_do(tmp_path):
    settings = load_settings(home=tmp_path / "empty")
    report = deliver_published(settings)
    assert report.problems == []
    assert all(one.waiting == 0 for one in read_status(settings).targets)
    assert Path(settings.home / "ledger.db").exists()
