"""People who ask and sign between two runs of a home.

What belongs here: a desk over a publication, and a request from a proposal. What does not: what is
asked for. Tests that decide something import this.
"""

from datetime import UTC, datetime

from orchestration.core.policies import OperatingModel
from orchestration.ledger.approval_asking import Request
from orchestration.ledger.approval_base import Account
from orchestration.ledger.approval_desk import ApprovalDesk
from orchestration.ledger.store import Ledger
from orchestration.reading.decisions import Proposal, newest_version
from orchestration.warehouse.reader import Published

# Between two runs at midnight, one on the day and one after it.
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


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
