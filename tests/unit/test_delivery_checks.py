"""Issue 6.8: breaker, backlog and the freshness of acknowledgements, as Dagster shows them."""

from datetime import UTC, datetime

import pytest

from orchestration.connectors.operating_model import load_operating_model
from orchestration.defs.delivery import freshness_result, listings_result
from orchestration.delivery import Status
from orchestration.ledger.outbox_status import TargetStatus
from orchestration.settings import PROJECT_ROOT

TARGETS = load_operating_model(PROJECT_ROOT / "seeds").targets.targets
SENT = "2026-06-01T08:00:00.000000Z"


def status(unanswered_since: str | None, code: str = "billing") -> Status:
    one = TargetStatus(
        target_code=code,
        counts={"unknown": 1},
        unanswered_since=unanswered_since,
        last_acknowledged_at=None,
        oldest_waiting_at=None,
        breaker="closed",
        open_until=None,
        blocked_until=None,
        rate_percent=100,
        usual_ms=0,
        calls=1,
        failed_calls=0,
        incident_id=None,
        last_error=None,
    )
    return Status((one,), (), ())


@pytest.mark.parametrize(
    ("since", "code", "hour", "passed"),
    [
        (SENT, "billing", 11, True),
        (SENT, "billing", 12, False),
        (SENT, "gone", 12, True),
        (None, "billing", 12, True),
    ],
    ids=["within the hours", "at the hours", "no target any more", "nothing unanswered"],
)
def test_what_was_sent_is_acknowledged_within_the_hours_of_its_target(since, code, hour, passed):
    at = datetime(2026, 6, 1, hour, tzinfo=UTC)
    assert freshness_result(status(since, code), TARGETS, at).passed is passed


@pytest.mark.parametrize(
    ("whole_at", "hour", "passed"),
    [
        (datetime(2026, 6, 1, 0, tzinfo=UTC), 11, True),
        (datetime(2026, 6, 1, 0, tzinfo=UTC), 12, False),
        (None, 0, False),
    ],
    ids=["within the hours", "at the hours", "never whole"],
)
def test_what_a_target_holds_is_read_back_within_its_hours(whole_at, hour, passed):
    row = {
        "target_code": "billing",
        "last_listed_at": datetime(2026, 6, 2),  # noqa: DTZ001, the mart's moments are naive UTC
        "last_complete_at": whole_at and whole_at.replace(tzinfo=None),
        "fresh_hours": 12,
    }
    told = listings_result([row], datetime(2026, 6, 1, hour, tzinfo=UTC))
    assert told.passed is passed
    assert ("billing" in told.metadata["late"].value) is not passed


def test_a_target_that_never_lists_anything_is_not_late():
    assert listings_result([], datetime(2026, 6, 1, tzinfo=UTC)).passed
