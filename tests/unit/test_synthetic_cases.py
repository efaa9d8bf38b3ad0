"""Synthetic cases are data: placeholders are filled in by the day, and every problem is told."""

import shutil
from datetime import date

import pytest

from orchestration.connectors.contracts import load_contracts
from orchestration.connectors.synthetic_cases import load_cases
from orchestration.core.errors import PolicyError
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.synthetic import inject

SEEDS = PROJECT_ROOT / "seeds"


@pytest.fixture(scope="module")
def contract():
    return load_contracts(SEEDS)["generic"]


def case(cases, name):
    return next(one for one in cases if one.row.case_id == name)


def test_each_case_has_a_tenant_and_ids_of_its_day(contract):
    rows = case(load_cases(SEEDS, contract), "clean").rows(date(2026, 3, 1))
    (order,) = rows["orders"]
    assert order["order_id"] == "SYN-20260301-clean"
    assert order["tenant"] == "synthetic.clean"
    assert order["ordered_at"] == "2026-01-20T10:00:00Z"


def test_months_move_over_the_end_of_a_year(contract):
    rows = case(load_cases(SEEDS, contract), "revenue_short").rows(date(2026, 3, 31))
    assert [row["period"] for row in rows["revenue_schedules"]] == ["2025-11", "2025-12", "2026-01"]
    assert rows["order_lines"][0]["service_end_on"] == "2026-01-31"


def test_landing_twice_writes_nothing_again(tmp_path):
    settings = Settings(home=tmp_path, landing=tmp_path / "landing")
    first = inject(settings, date(2026, 3, 1))
    again = inject(settings, date(2026, 3, 1))
    assert first.written_count == len(first.files) > 5
    assert again.written_count == 0
    assert again.files == first.files
    assert not list((tmp_path / "landing").rglob("*.part"))


def test_a_case_is_landed_only_on_its_days(tmp_path):
    settings = Settings(home=tmp_path, landing=tmp_path / "landing")
    assert inject(settings, date(2025, 12, 31)).case_count == 0


def test_every_problem_is_told_with_its_line(tmp_path, contract):
    seeds = tmp_path / "seeds"
    shutil.copytree(SEEDS / "synthetic", seeds / "synthetic")
    (seeds / "policies").mkdir()
    listed = (SEEDS / "policies" / "synthetic_cases.csv").read_text()
    (seeds / "policies" / "synthetic_cases.csv").write_text(
        listed + "nowhere,payment,No documents,,,2026-01-01,\n"
    )
    (seeds / "synthetic" / "clean.yml").write_text(
        'orders:\n  - {order_id: "{ID}", colour: red}\nparcels:\n  - {a: b}\n'
    )
    (seeds / "synthetic" / "unlisted.yml").write_text("orders: []\n")
    with pytest.raises(PolicyError) as caught:
        load_cases(seeds, contract)
    told = str(caught.value)
    assert "seeds/synthetic/nowhere.yml is missing" in told
    assert "seeds/synthetic/unlisted.yml:1: seeds/policies/synthetic_cases.csv has no case" in told
    assert "seeds/synthetic/clean.yml:2: orders has no column colour" in told
    assert "clean.yml:2: {ID} is no placeholder" in told
    assert "clean.yml:3: no stream of generic is named parcels" in told
