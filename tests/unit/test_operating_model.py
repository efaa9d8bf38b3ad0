"""The operating model as files: what is refused, and that each message points at its line."""

import dataclasses
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestration.connectors.operating_model import load_operating_model
from orchestration.core.errors import PolicyError
from orchestration.runner import open_run
from orchestration.session import RunRequest
from orchestration.settings import PROJECT_ROOT, load_settings

SEEDS = PROJECT_ROOT / "seeds"
Change = Callable[[str], str]


@pytest.fixture
def seeds(tmp_path) -> Path:
    """A copy of the operating model, without the samples."""
    copy = tmp_path / "seeds"
    shutil.copytree(SEEDS, copy, ignore=shutil.ignore_patterns("samples"))
    return copy


def problems_of(seeds: Path) -> list[str]:
    """What loading complains of, one problem a line; none when it loads."""
    try:
        load_operating_model(seeds)
    except PolicyError as error:
        return [line.strip() for line in str(error).splitlines()[1:]]
    return []


def edit(seeds: Path, name: str, old: str, new: str) -> None:
    """Replace a text that must be there, once."""
    path = seeds / name
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {name}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def line_of(seeds: Path, name: str, text: str) -> int:
    """The line in which a text stands."""
    lines = (seeds / name).read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


WRONG = [
    # file, old, new, a text of the line blamed, what is said
    (
        "policies/raci.csv",
        "family,tax,finance,finance",
        "family,tax,taxmen,finance",
        "family,tax,",
        "'taxmen' is no role",
    ),
    (
        "policies/raci.csv",
        "family,tax,finance",
        "family,taxes,finance",
        "subject_type",
        "class TAX_AMOUNT has nothing from 2000-01-01 on",
    ),
    (
        "policies/raci.csv",
        "family,tax,finance,finance",
        "family,tax,finance,sales",
        "family,tax,",
        "make them agree",
    ),
    (
        "policies/raci.csv",
        "order_state,void,",
        "order_state,void,sales,finance,,,finance,2010-01-01,\norder_state,void,",
        "order_state,void,sales,finance,,operations",
        "order_state void holds from",
    ),
    (
        "policies/raci.csv",
        ",control,2000-01-01,\nexception_family,key",
        ",control,2010-01-01,\nexception_family,key",
        "subject_type",
        "class ING_FILE_DUPLICATE has nothing from 2000-01-01 on",
    ),
    (
        "policies/escalations.csv",
        "150,manager,role_head",
        "150,manager,owner",
        "standard,*,3",
        "escalation loop",
    ),
    (
        "policies/escalations.csv",
        "100,owner,manager",
        "70,owner,manager",
        "standard,*,2",
        "not after the step before it",
    ),
    (
        "policies/approval_limits.csv",
        "gate_waiver,*,*,*,1000,25000",
        "gate_waiver,*,*,*,900,25000",
        "gate_waiver,*,*,*,900",
        "has another band for 900",
    ),
    (
        "policies/approval_limits.csv",
        "gate_waiver,*,*,*,1000,25000",
        "gate_waiver,*,*,*,1100,25000",
        "gate_waiver,*,*,*,1100",
        "has no band from 1000 to 1100",
    ),
    (
        "policies/approval_limits.csv",
        "rule_release,*,*,*,0,,finance;control",
        "rule_release,*,*,*,0,,finance;chief",
        "rule_release",
        "'chief' is no role",
    ),
    (
        "policies/approval_limits.csv",
        "rule_release,*,*,*,0,,",
        "rule_relase,*,*,*,0,,",
        "rule_relase",
        "is not one of",
    ),
    (
        "policies/sampling.csv",
        "forced_match,0,1000,0.20",
        "forced_match,0,1000,1.20",
        "forced_match,0,1000",
        "sample_rate",
    ),
    (
        "policies/override_alarms.csv",
        "25,50000,CTL_OVERRIDE",
        "25,50000,CTL_OVERIDE",
        "ALARM-FORCE",
        "CTL_OVERIDE is not in",
    ),
    (
        "policies/working_hours.csv",
        "office,TARGET,Europe/Berlin,1",
        "office,TARGET,Europe/Berlim,1",
        "Berlim",
        "no IANA time zone",
    ),
    ("policies/roles.csv", "per-tove,finance", "per-tove,sales", "per-tove", "fall back on itself"),
    (
        "policies/absences.csv",
        "note\n",
        "note\nper-ines,2026-07-10,2026-07-01,per-joko,\n",
        "per-ines",
        "is before from_on",
    ),
    (
        "policies/absences.csv",
        "note\n",
        "note\na,2026-07-01,2026-07-05,b,\nb,2026-07-02,2026-07-03,a,\n",
        "b,2026-07-02",
        "deputy loop",
    ),
    (
        "policies/identities.csv",
        "svc-engine,,service",
        "svc-engine,,alias",
        "svc-engine",
        "names its person_id",
    ),
    (
        "taxonomy/reason_codes.csv",
        "BAD_DEBT,write_off",
        "BAD_DEBT,write_of",
        "BAD_DEBT",
        "'write_of' is no action",
    ),
    (
        "policies/alert_channels.yml",
        "marketplace: marketplace_desk",
        "marketplace: market_desk",
        "marketplace: market_desk",
        "is not declared under channels",
    ),
    (
        "policies/alert_channels.yml",
        "MESHLINE_CHANNEL_CONTROL}",
        "MESHLINE_CHANNEL_CONTROL, fallback: sales_desk}",
        "MESHLINE_CHANNEL_SALES",
        "fallback loop",
    ),
    (
        "policies/delivery_targets.yml",
        "key_hours: 24, settle_seconds: 120",
        "settle_seconds: 120",
        "header: Idempotency-Key",
        "needs key_hours",
    ),
    (
        "policies/delivery_targets.yml",
        "field: external_id, settle_seconds: 120",
        "field: external_id, settle_seconds: 5",
        "warehouse:",
        "a write could arrive afterwards",
    ),
    (
        "policies/delivery_targets.yml",
        "artifact_kinds: [revenue_schedule]",
        "artifact_kinds: [invoice]",
        "artifact_kinds: [invoice]",
        "invoice already goes to billing",
    ),
    (
        "workflows/renewal_billing.yml",
        "owner: finance",
        "owner: bookkeeping",
        "owner: bookkeeping",
        "'bookkeeping' is no role",
    ),
    (
        "workflows/renewal_billing.yml",
        "destination_system: billing",
        "destination_system: biling",
        "destination_system",
        "is not in seeds/policies/delivery_targets.yml",
    ),
    (
        "workflows/renewal_billing.yml",
        "REN_NOT_BILLED",
        "REN_NOT_BILED",
        "exception_route",
        "REN_NOT_BILED is not in",
    ),
]


@pytest.mark.parametrize(("name", "old", "new", "blamed", "said"), WRONG)
def test_what_is_wrong_is_said_with_file_and_line(seeds, name, old, new, blamed, said):
    edit(seeds, name, old, new)

    found = problems_of(seeds)

    place = f"seeds/{name}:{line_of(seeds, name, blamed)}:"
    assert [one for one in found if one.startswith(place) and said in one], found


def test_all_problems_of_all_files_are_told_at_once(seeds):
    edit(seeds, "policies/raci.csv", "family,tax,finance,finance", "family,tax,taxmen,finance")
    edit(seeds, "policies/escalations.csv", "150,manager,role_head", "150,manager,owner")
    edit(seeds, "workflows/renewal_billing.yml", "owner: finance", "owner: bookkeeping")
    (seeds / "policies" / "sampling.csv").unlink()

    found = "\n".join(problems_of(seeds))

    for file in ("raci.csv", "escalations.csv", "renewal_billing.yml", "sampling.csv"):
        assert file in found


def test_a_file_that_is_no_text_is_named_and_stops_no_other_check(seeds):
    (seeds / "policies" / "roles.csv").write_bytes(b"role_code\xff\n")
    edit(seeds, "policies/escalations.csv", "150,manager,role_head", "150,manager,owner")

    found = "\n".join(problems_of(seeds))

    assert "seeds/policies/roles.csv:1: is no UTF-8 text" in found
    assert "escalation loop" in found


def test_a_header_that_lost_a_column_is_told_once_for_the_file(seeds):
    edit(seeds, "policies/sampling.csv", "sample_rate", "rate")

    found = [one for one in problems_of(seeds) if "sampling.csv" in one]

    assert "seeds/policies/sampling.csv:1: column sample_rate is missing" in found
    assert "seeds/policies/sampling.csv:1: column 'rate' is not known" in found


@pytest.mark.parametrize(
    "gap",
    [
        "owner",
        "source_system",
        "destination_system",
        "trigger",
        "exception_route",
        "review_path",
        "qa_checkpoint",
        "reporting_field",
        "fallback_owner",
    ],
)
def test_rd3_a_workflow_with_a_gap_is_no_error_and_is_not_automated(seeds, gap):
    path = seeds / "workflows" / "marketplace_settlement.yml"
    kept = [
        line
        for line in path.read_text(encoding="utf-8").splitlines()
        if not line.startswith(f"{gap}:")
    ]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")

    model = load_operating_model(seeds)

    assert model.automation_blocks("commission_statement", "marketplace") == (
        f"workflow marketplace_settlement has no {gap}",
    )
    assert model.automation_blocks("invoice", "renewal") == ()


def test_rd3_what_no_workflow_sends_is_not_automated():
    model = load_operating_model(SEEDS)

    assert model.automation_blocks("revenue_schedule", "commerce") == (
        "no workflow sends revenue_schedule of commerce orders",
    )


def test_rd2_a_run_is_refused_before_it_touches_anything_when_the_model_is_wrong(seeds, tmp_path):
    edit(seeds, "policies/raci.csv", "family,tax,finance,finance", "family,tax,taxmen,finance")
    home = tmp_path / "home"
    settings = dataclasses.replace(load_settings(home=home), seeds=seeds)

    with pytest.raises(PolicyError, match="taxmen") as refused, open_run(RunRequest(settings)):
        pass

    assert refused.value.exit_code == 2
    assert not home.exists()


def test_loading_costs_a_run_next_to_nothing():
    load_operating_model(SEEDS)
    begun = time.process_time()
    load_operating_model(SEEDS)
    assert time.process_time() - begun < 0.3


def test_the_version_of_the_model_moves_with_each_of_its_files_and_with_nothing_else(seeds):
    before = load_operating_model(seeds).version
    (seeds / "rules" / "gate_waivers.csv").write_text("tenant\n", encoding="utf-8")
    assert load_operating_model(seeds).version == before
    edit(seeds, "policies/roles.csv", "Signs and keeps", "Signs and holds")
    assert load_operating_model(seeds).version != before
