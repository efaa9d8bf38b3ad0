"""People who ask and sign between two runs of a home.

What belongs here: landing files and running over them, a desk over a publication, and a request
from a proposal. What does not: what is asked for. Tests that decide something import this.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from orchestration.core.policies import OperatingModel
from orchestration.ledger.approval_asking import Request
from orchestration.ledger.approval_base import Account
from orchestration.ledger.approval_desk import ApprovalDesk
from orchestration.ledger.store import Ledger
from orchestration.reading.decisions import Proposal, newest_version
from orchestration.warehouse.reader import Published
from tests.integration.run_homes import meshline

# Between two runs at midnight, one on the day and one after it.
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def land_and_run(home: Path, files: Mapping[str, str], as_of: str) -> None:
    """Land generic extracts by name beside the home, and make one run, which must complete."""
    landing = home.parent / "landing"
    for name, text in files.items():
        place = landing / "generic" / f"{name}.csv"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    done = meshline("run", "--landing", landing, "--home", home, "--as-of", as_of)
    assert done.exit_code == 0, done.stderr


def desk_on(ledger: Ledger, model: OperatingModel, published: Published) -> ApprovalDesk:
    """A desk at noon that knows the versions that are published."""
    return ApprovalDesk(ledger, model, lambda: NOON, lambda key: newest_version(published, key))


def request_of(
    proposal: Proposal, nonce: str, reason: str, code: str, person: str
) -> tuple[Request, Account]:
    """A request of somebody, as `ApprovalDesk.ask` takes it."""
    decision, customer = proposal.decision, proposal.customer_id
    return (
        Request(decision, code, reason, nonce, proposal.accountable_role, customer),
        Account(person),
    )
