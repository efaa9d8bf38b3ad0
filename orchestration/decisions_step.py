"""What a run does first with the ledger: puts in force what others approved, ends what is over.

What belongs here: the look whether there is anything to do, and the versions of the orders that are
known. What does not: what may come into force (`orchestration.ledger.approval_use`), and its effect
(SQL reads the events). `orchestration.runner` and tests import this.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orchestration.core.work.approval_states import ApprovalState
from orchestration.ledger.reading import read_ledger
from orchestration.settings import Settings
from orchestration.warehouse.reader import NothingPublished, open_published

if TYPE_CHECKING:
    from orchestration.core.policies import OperatingModel

WAITING = """
    select recon_key
    from approvals
    where (state_code = 'approved' and requested_at <= ?)
        or (state_code in ('requested', 'in_force_unreviewed') and sign_by <= ?)
        or (state_code = 'in_force' and holds_until <= ?)
"""
VERSIONS = """
    select recon_key, version_no
    from marts.fct_orders
    where list_contains(?::varchar[], recon_key)
"""


def put_in_force(settings: Settings, model: "OperatingModel", run_id: str, at: datetime) -> int:
    """Put approved decisions in force and let run out what is over; returns how many came in force.

    Looks without SQLAlchemy first: a run with nothing to decide pays milliseconds. Safe to repeat.

    Args:
        settings: The home.
        model: The operating model.
        run_id: Who does it, in the ledger.
        at: The run's moment, aware UTC; what was asked for after it waits for a later run.

    Raises:
        LedgerUnreadable: The ledger cannot be read.
        LedgerBusy: Somebody else holds the ledger for too long.
    """
    moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    with read_ledger(settings.ledger_database) as reader:
        if reader is None or not reader.has_table("approvals"):
            return 0
        waiting = [row["recon_key"] for row in reader.rows(WAITING, [moment] * 3)]
    if not waiting:
        return 0
    from orchestration.ledger.approval_use import use_all
    from orchestration.ledger.events import Actor
    from orchestration.ledger.store import open_ledger

    versions = _versions(settings, [key for key in waiting if key is not None])
    with open_ledger(settings.ledger_database) as ledger, ledger.write() as connection:
        outcomes = use_all(connection, model, Actor.engine(run_id), at, versions)
    return sum(outcome.state is ApprovalState.IN_FORCE for outcome in outcomes)


def _versions(settings: Settings, recon_keys: Sequence[str]) -> Mapping[str, int]:
    """The newest version of each order as the last publication knows it."""
    try:
        with open_published(settings) as published:
            rows = published.rows(VERSIONS, [list(recon_keys)])
    except NothingPublished:
        return {}
    return {row["recon_key"]: int(row["version_no"]) for row in rows}
