"""R-F1, C8: what targets hold is an extract like any other, and its drift an exception each.

The samples are delivered to the file drop, the lists that `--compare` writes are landed with faults
in them, and the next run shows exactly these.
"""

import dataclasses
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from orchestration.delivery import deliver_published
from orchestration.settings import load_settings
from orchestration.warehouse.reader import open_published
from tests.integration.run_homes import copy_home, meshline

TARGETS = "('billing', 'erp', 'warehouse', 'seller_portal')"
STRANGER = "ml_" + "0" * 40
Rows = list[dict]


def read_lines(path: Path) -> Rows:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def land(delivered: Path, folder: Path, hours: int, change: Callable[[str, Rows], int]) -> Path:
    """Land the lists as if they were some hours younger; `change` says how many are declared."""
    place = folder / "targets"
    place.mkdir(parents=True)
    for path in sorted(delivered.glob("documents_*.jsonl")):
        found = read_lines(path)
        code = found[0]["target"]
        told = datetime.fromisoformat(found[0]["listed_at"]) + timedelta(hours=hours)
        declared = change(code, found)
        for row in found:
            row["listed_at"] = told.isoformat()
        listing = {"target": code, "listed_at": told.isoformat(), "document_count": declared}
        for name, content in (("documents", found), ("listings", [listing])):
            text = "".join(json.dumps(row) + "\n" for row in content)
            (place / f"{name}_{code}_{hours}.jsonl").write_text(text, encoding="utf-8")
    return folder


def spoil(code: str, found: Rows) -> int:
    """Put one fault of each kind into the list of billing, and cut the list of the ERP short."""
    if code == "erp":
        del found[0]
        return len(found) + 1
    if code != "billing":
        return len(found)
    found[1]["amount"] = "1.07"
    found[2]["currency"] = "CHF"
    found[3]["content_hash"] = "0" * 64
    found[4]["status"] = "void"
    found[5]["is_deleted"] = "true"
    found.append({**found[6], "external_id": "invoice/again"})
    found.append({**found[7], "external_id": "invoice/stranger", "external_key": STRANGER})
    found.append({**found[8], "external_id": "invoice/by-hand", "external_key": None})
    del found[0]
    return len(found)


@pytest.fixture(scope="module")
def delivered(first_run, tmp_path_factory) -> tuple[Path, Path]:
    """A home whose samples were delivered to the file drop, and the lists of what lies there."""
    folder = tmp_path_factory.mktemp("read_back")
    home = copy_home(first_run[0], folder)
    settings = load_settings(home=home)
    seeds = folder / "seeds"
    shutil.copytree(settings.seeds, seeds, ignore=shutil.ignore_patterns("samples"))
    path = seeds / "policies" / "delivery_targets.yml"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    for row in document["targets"].values():
        row |= {"rate_per_second": 10_000, "burst": 10_000}
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    report = deliver_published(dataclasses.replace(settings, seeds=seeds), compare=True)
    assert report.problems == []
    assert all(one.missing == one.different == 0 for one in report.compared)
    return home, home / "outbound" / "targets"


@pytest.fixture(scope="module")
def spoilt(delivered, tmp_path_factory) -> tuple[Path, Rows]:
    """The home after a run over the lists with faults, and the list of billing as it was."""
    home, lists = delivered
    billing = read_lines(next(lists.glob("documents_billing_*.jsonl")))
    landing = land(lists, tmp_path_factory.mktemp("spoilt"), 2, spoil)
    as_of = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
    said = meshline("run", "--landing", landing, "--as-of", as_of, "--home", home, "--json")
    assert said.exit_code == 0, said.stderr
    return home, billing


def rows(home: Path, sql: str) -> Rows:
    with open_published(load_settings(home=home)) as published:
        return list(published.rows(sql))


def drift(home: Path) -> set[tuple[str, str]]:
    found = rows(
        home,
        "select exception_code, native_ref from marts.fct_exceptions "
        f"where source_system in {TARGETS} or native_ref like 'targets%'",
    )
    return {(row["exception_code"], row["native_ref"]) for row in found}


def test_each_fault_of_a_list_is_exactly_one_exception(spoilt):
    home, billing = spoilt
    ids = [row["external_id"] for row in billing]
    (missing,) = rows(
        home,
        "select native_ref, explanation, leak_amount from marts.fct_exceptions "
        "where exception_code = 'SYS_WRITE_UNKNOWN'",
    )
    assert billing[0]["external_key"] in missing["explanation"]
    assert drift(home) == {
        ("SYS_WRITE_UNKNOWN", missing["native_ref"]),
        ("ING_RESTATED", ids[1]),
        ("ING_RESTATED", ids[2]),
        ("ING_RESTATED", ids[3]),
        ("ING_SOURCE_DELETED", ids[4]),
        ("ING_SOURCE_DELETED", ids[5]),
        ("BIL_DUPLICATE", max(ids[6], "invoice/again")),
        ("KEY_ORPHAN_RIGHT", "invoice/stranger"),
        ("ING_FILE_INCOMPLETE", "targets.documents erp"),
    }


def test_each_of_them_has_a_ticket_with_its_runbook(spoilt):
    home, billing = spoilt
    (found,) = rows(
        home,
        "select exception_id from marts.fct_exceptions where exception_code = 'ING_SOURCE_DELETED' "
        f"and native_ref = '{billing[4]['external_id']}'",
    )
    said = meshline("ticket", "show", found["exception_id"], "--home", home)
    assert said.exit_code == 0, said.stderr
    assert "is void there; here it is in force." in said.stdout


def test_every_row_of_a_list_is_accounted_for(spoilt):
    home, _ = spoilt
    found = rows(
        home,
        "select reason_code, sum(row_count) as found from marts.fct_source_accounting "
        "where source = 'targets' and stream = 'documents' group by reason_code",
    )
    counted = {row["reason_code"]: int(row["found"]) for row in found}
    assert counted.pop("MATCHED") > 400
    assert counted.pop("EXCEPTION") == 7
    assert counted.pop("DELETED_AT_SOURCE") == 1
    assert counted.pop("NOT_SENT_HERE") == 1
    assert set(counted) <= {"OLDER_VERSION"}


def test_the_lists_of_targets_are_published_with_whether_they_are_whole(spoilt):
    home, _ = spoilt
    found = {
        row["target_code"]: row for row in rows(home, "select * from marts.fct_target_listings")
    }
    assert (found["billing"]["is_complete"], found["billing"]["finding_count"]) == (True, 8)
    assert (found["erp"]["is_complete"], found["erp"]["last_complete_at"]) == (False, None)
    assert found["warehouse"]["finding_count"] == 0


def test_they_go_when_the_next_whole_list_says_that_all_is_well(delivered, spoilt, tmp_path):
    home, lists = delivered
    landing = land(lists, tmp_path, 5, lambda _code, found: len(found))
    as_of = (datetime.now(UTC) + timedelta(hours=6)).isoformat()
    said = meshline("run", "--landing", landing, "--as-of", as_of, "--home", home, "--json")
    assert said.exit_code == 0, said.stderr
    assert drift(home) == set()
