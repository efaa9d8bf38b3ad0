"""R-F1, R-C2: what receivers made of documents is in the marts of the next run, as exceptions."""

import contextlib
import dataclasses
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
import yaml

from orchestration.delivery import deliver_published, read_status
from orchestration.settings import load_settings
from orchestration.warehouse.reader import open_published
from tests.faults.receiver import start_receiver
from tests.integration.run_homes import copy_home, reconcile_samples

NOBODY = "http://127.0.0.1:9/documents"


@pytest.fixture(scope="module")
def home(first_run, tmp_path_factory) -> Path:
    """The samples, delivered to a receiver that refuses two of them while the ERP is away."""
    folder = tmp_path_factory.mktemp("reading_back")
    home = copy_home(first_run[0], folder)
    settings = load_settings(home=home)
    seeds = folder / "seeds"
    shutil.copytree(settings.seeds, seeds, ignore=shutil.ignore_patterns("samples"))
    path = seeds / "policies" / "delivery_targets.yml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    for row in document["targets"].values():
        row |= {"rate_per_second": 10_000, "burst": 10_000, "bulk_size": 1}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with start_receiver() as receiver, pytest.MonkeyPatch.context() as patched:
        receiver.set(plan=["business_error", "unprocessable"])
        patched.setenv("MESHLINE_TARGET_BILLING", receiver.address)
        patched.setenv("MESHLINE_TARGET_ERP", NOBODY)
        report = deliver_published(dataclasses.replace(settings, seeds=seeds))
        assert report.problems == []
    said = reconcile_samples(home, "--json")
    assert said.exit_code == 0, said.stderr
    return home


def rows(home: Path, sql: str) -> list[dict]:
    with open_published(load_settings(home=home)) as published:
        return list(published.rows(sql))


def test_a_run_after_a_delivery_has_news(home):
    assert json.loads((home / "last_run.json").read_text())["run_no"] == 2


def test_what_was_refused_is_an_exception_with_the_reason(home):
    found = rows(
        home,
        "select explanation, owner_role from marts.fct_exceptions "
        "where exception_code = 'SYS_PARKED' order by explanation",
    )
    assert [row["owner_role"] for row in found] == ["platform", "platform"]
    assert all(row["explanation"].startswith("billing refused it: ") for row in found)
    assert "no default tax" in found[0]["explanation"] + found[1]["explanation"]


def test_the_orders_that_wait_for_a_receiver_that_is_away_are_one_incident(home):
    status = {one.target_code: one for one in read_status(load_settings(home=home)).targets}
    assert status["erp"].breaker == "open"
    found = rows(
        home,
        "select incident_id, recon_key, native_ref from marts.fct_exceptions "
        "where exception_code = 'SYS_EXTERNAL_FAILURE'",
    )
    assert len({row["incident_id"] for row in found}) == 1
    assert found[0]["incident_id"] is not None
    waiting = rows(
        home,
        "select recon_key from marts.fct_artifacts where target_code = 'erp' "
        "and status_code = 'ready'",
    )
    assert {row["recon_key"] for row in found} == {row["recon_key"] for row in waiting}
    assert len(found) == len(waiting) > 30


def test_an_outage_holds_nothing_back_and_what_arrived_is_delivered(home):
    found = rows(
        home,
        "select target_code, status_code, count(*) as found from marts.fct_artifacts "
        "group by all order by all",
    )
    counted = {(row["target_code"], row["status_code"]): row["found"] for row in found}
    assert counted["billing", "ready"] == 2  # the two that were refused
    assert counted["billing", "delivered"] > 400
    assert ("erp", "delivered") not in counted
    held = rows(home, "select hold_reason from marts.fct_artifacts where status_code = 'held'")
    assert not [row for row in held if "SYS_" in row["hold_reason"]]


def test_each_of_them_has_a_ticket(home):
    ids = {
        row["exception_id"]
        for row in rows(
            home,
            "select exception_id from marts.fct_exceptions where exception_code in "
            "('SYS_PARKED', 'SYS_EXTERNAL_FAILURE')",
        )
    }
    with contextlib.closing(sqlite3.connect(home / "ledger.db")) as ledger:
        tickets = {row[0] for row in ledger.execute("select ticket_id from tickets")}
    assert ids
    assert ids <= tickets
