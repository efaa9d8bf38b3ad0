"""Issue 6.8: breaker, backlog and the freshness of acknowledgements, as Dagster shows them."""

from datetime import UTC, datetime

import pytest

from orchestration.connectors.operating_model import load_operating_model
from orchestration.defs.delivery import freshness_result
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
