"""R-B5, R-D5: a closed month keeps its report; a rule that nobody released decides nothing.

One home and two runs for all of it: the first puts what was signed in force, the second has what
comes afterwards.
"""

import csv
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.core.errors import UsageRefused
from orchestration.releases import refuse_unreleased, register
from orchestration.settings import PROJECT_ROOT, load_settings
from tests.integration.run_homes import Said, copy_home, meshline

REASON = "Everything of the month has arrived."
LATE = """invoice_id,order_ref,customer_id,currency,issued_at,status,kind,total_amount
INV-LATE-1,SO-26001,cus-ent-01,EUR,2026-05-20T10:00:00Z,open,invoice,100.00
"""


@pytest.fixture(scope="module")
def closed(first_run, tmp_path_factory) -> tuple[Path, dict[str, Said]]:
    """A home whose May 2026 was closed by signature, and then a late invoice came."""
    folder = tmp_path_factory.mktemp("closed")
    home = copy_home(first_run[0], folder)
    said = {
        "asked": meshline(
            *("period", "close", "2026-05", "--home", home, "--as", "per-rhea"),
            *("--reason", REASON, "--json"),
        )
    }
    approval = said["asked"].document["approval_id"]
    for actor in ("per-rhea", "per-bram"):
        said[actor] = meshline(
            *("approve", approval, "--as", actor, "--reason", "Looked at the month: it is whole."),
            *("--home", home, "--json"),
        )
    landing = folder / "landing"
    (landing / "generic").mkdir(parents=True)
    said["closing"] = meshline("run", "--home", home, "--landing", landing, "--json")
    (landing / "generic" / "invoices_late.csv").write_text(LATE)
    said["after"] = meshline("run", "--home", home, "--landing", landing, "--json")
    said["listed"] = meshline("period", "list", "--home", home, "--json")
    return home, said


def _published(home: Path, sql: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(home / "serving" / "current.duckdb"), read_only=True) as connection:
        result = connection.execute(sql)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _of_may(home: Path, run: str) -> Mapping[tuple[str, str], tuple[Any, ...]]:
    """The report of May 2026 in one publication."""
    with duckdb.connect(str(home / "serving" / run), read_only=True) as connection:
        rows = connection.execute(
            "select stage_code, currency_code, document_count, amount from marts.fct_periods "
            "where period_code = '2026-05'"
        ).fetchall()
    return {row[:2]: row[2:] for row in rows}


def test_whoever_asks_for_a_close_does_not_sign_it(closed):
    _, said = closed
    assert said["asked"].document["state"] == "requested"
    assert said["per-rhea"].exit_code != 0
    assert said["per-bram"].document["state"] == "approved"


def test_a_late_document_leaves_the_report_as_it_was_and_is_listed(closed):
    home, said = closed
    assert said["closing"].exit_code == said["after"].exit_code == 0, said["after"].stderr
    assert _of_may(home, "run_2.duckdb") == _of_may(home, "run_3.duckdb")
    (late,) = _published(home, "select * from marts.fct_late_documents")
    assert (late["native_id"], late["change_kind"], late["period_code"]) == (
        "INV-LATE-1",
        "new",
        "2026-05",
    )
    assert late["known_from"] > late["closed_at"]
    (row,) = [
        one
        for one in said["listed"].document
        if (one["period_code"], one["stage_code"], one["currency_code"])
        == ("2026-05", "invoiced", "EUR")
    ]
    assert (row["is_closed"], row["late_count"]) == (True, 1)


def test_a_late_document_is_matched_all_the_same(closed):
    home, _ = closed
    (found,) = _published(
        home,
        "select count(*) as found from marts.fct_match_members where native_id = 'INV-LATE-1'",
    )
    assert found["found"] == 1


def test_the_cut_off_report_tells_stages_of_other_months(closed):
    home, _ = closed
    (found,) = _published(
        home,
        "select count(*) filter (where is_other_period) as other, count(*) as found "
        "from marts.fct_cutoff where stage_code <> 'booked'",
    )
    assert 0 < found["other"] < found["found"]


def test_a_month_that_is_not_over_is_not_closed(first_run):
    month = f"{datetime.now(UTC):%Y-%m}"
    said = meshline(
        *("period", "close", month, "--home", first_run[0], "--as", "per-rhea", "--reason", REASON)
    )
    assert said.exit_code == 2
    assert "is not over yet" in said.stderr


# ---------------------------------------------------------------- releases of rules
def _proposal(folder: Path) -> Path:
    """The matching rules with a tolerance of a hundred for payments, as version 2."""
    released = PROJECT_ROOT / "seeds" / "rules" / "matching_rules.csv"
    with released.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    changed = next(row for row in rows if row["rule_id"] == "PAY-KEYED")
    changed |= {"rule_version": "2", "under_amount": "100.00", "over_amount": "100.00"}
    path = folder / released.name
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def proposed(tmp_path_factory):
    """Settings whose rules have a version that nobody released."""
    root = tmp_path_factory.mktemp("proposed")
    seeds = root / "seeds"
    shutil.copytree(PROJECT_ROOT / "seeds", seeds, ignore=shutil.ignore_patterns("samples"))
    shutil.copy(_proposal(root), seeds / "rules" / "matching_rules.csv")
    return replace(load_settings(home=root / "home"), seeds=seeds)


def test_the_rules_as_delivered_are_all_released():
    refuse_unreleased(load_settings(home=Path("no-such-home")))


def test_an_unreleased_version_is_refused_with_its_line(proposed):
    with pytest.raises(UsageRefused) as refused:
        refuse_unreleased(proposed)
    assert "seeds/rules/matching_rules.csv:2: PAY-KEYED version 2" in str(refused.value)
    assert "meshline rules release" in str(refused.value)


def test_nobody_registers_their_own_release(proposed):
    with pytest.raises(UsageRefused):
        register(proposed, "per-a", "per-a", datetime.now(UTC), "")


def test_a_registered_version_decides_and_a_changed_one_no_longer(proposed):
    assert register(proposed, "per-a", "per-b", datetime.now(UTC), "reviewed") == 1
    refuse_unreleased(proposed)
    path = proposed.seeds / "rules" / "matching_rules.csv"
    path.write_text(path.read_text().replace("100.00,100.00", "100.00,200.00"))
    with pytest.raises(UsageRefused):
        refuse_unreleased(proposed)


def test_a_release_is_shadowed_signed_by_two_and_then_accepted_e124(closed, tmp_path):
    home, _ = closed
    proposal = _proposal(tmp_path)
    asked = meshline(
        *("rules", "release", proposal, "--home", home, "--as", "per-kei", "--code"),
        *("RULE_CHANGED", "--reason", "Agreed with the customers in May.", "--json"),
    )
    assert asked.exit_code == 0, asked.stderr
    assert sorted(asked.document["wanting"]) == ["control", "finance"]
    seeds = tmp_path / "seeds"
    shutil.copytree(PROJECT_ROOT / "seeds", seeds, ignore=shutil.ignore_patterns("samples"))
    shutil.copy(proposal, seeds / "rules" / "matching_rules.csv")
    settings = replace(load_settings(home=home), seeds=seeds)
    with pytest.raises(UsageRefused):
        refuse_unreleased(settings)
    approval = asked.document["approval_id"]
    for actor in ("per-rhea", "per-bram"):
        signed = meshline(
            *("approve", approval, "--as", actor, "--reason", "Looked at which orders change."),
            *("--home", home, "--json"),
        )
        assert signed.exit_code == 0, signed.stderr
    refuse_unreleased(settings)
