"""Approvals from outside: each step a transaction of its own, each refusal an error in words.

What belongs here: opening the transaction, and raising a refusal once it is on record. What does
not: the steps (`orchestration.ledger.approvals`), what is asked for
(`orchestration.reading.decisions`). The command line and the console import this.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from orchestration.core.policies import OperatingModel
from orchestration.core.work.approval_states import ApprovalState
from orchestration.core.work.signing import open_roles
from orchestration.ledger.approval_asking import Request, request
from orchestration.ledger.approval_base import (
    Account,
    Outcome,
    read_approval,
    requirement_of,
    signatures_of,
)
from orchestration.ledger.approvals import Seen, reject, review, revoke, sign
from orchestration.ledger.errors import NotAllowed
from orchestration.ledger.store import Ledger
from orchestration.ledger.tables import approvals


class StepRefused(NotAllowed):
    """The step was not taken, which is on record; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class ApprovalDesk:
    """Where people ask and sign.

    Attributes:
        ledger: Open for writing.
        model: The policies.
        clock: The time, aware; asked once for each step.
        version_of: The newest version of an order where that is known, by reconciliation key.
    """

    ledger: Ledger
    model: OperatingModel
    clock: Callable[[], datetime]
    version_of: Callable[[str], int | None]

    def ask(self, asked: Request, who: Account) -> Outcome:
        """Ask for a decision.

        Raises:
            StepRefused: It cannot be asked for; that is on record.
        """
        return self._taken(lambda one: request(one, self.model, asked, who, self.clock()))

    def sign(
        self,
        approval_id: str,
        who: Account,
        reason: str,
        *,
        seen_hash: str | None = None,
        nonce: str | None = None,
    ) -> Outcome:
        """Sign a request.

        Args:
            approval_id: Which; or how its id begins.
            who: Through which account.
            reason: What was looked at, and the conclusion.
            seen_hash: The hash of what was shown, or how it begins; None for what is asked now.
            nonce: Of one press of the button; None makes one.

        Raises:
            StepRefused: It is not signed; that is on record.
        """

        def step(connection: Connection) -> Outcome:
            row = self._find(connection, approval_id)
            full = str(row["payload_hash"])
            shown = full if seen_hash is None or full.startswith(seen_hash) else seen_hash
            seen = Seen(shown, reason, nonce or secrets.token_hex(8), self._version(row))
            return sign(connection, self.model, row["approval_id"], who, self.clock(), seen)

        return self._taken(step)

    def reject(self, approval_id: str, who: Account, reason_code: str, reason: str) -> Outcome:
        """Say no to a request.

        Raises:
            StepRefused: It is not rejected; that is on record.
        """
        return self._taken(
            lambda one: reject(
                one,
                self.model,
                self._find(one, approval_id)["approval_id"],
                who,
                self.clock(),
                reason_code=reason_code,
                reason=reason,
            )
        )

    def revoke(self, approval_id: str, who: Account, reason_code: str, reason: str) -> Outcome:
        """Take a request, an approval or a decision in force back.

        Raises:
            StepRefused: It is not taken back; that is on record.
        """
        return self._taken(
            lambda one: revoke(
                one,
                self.model,
                self._find(one, approval_id)["approval_id"],
                who,
                self.clock(),
                reason_code=reason_code,
                reason=reason,
            )
        )

    def review(self, subject: str, who: Account, reason_code: str, reason: str) -> Outcome:
        """Say what looking again at a decision or an alarm has shown.

        Raises:
            StepRefused: Whoever asks may not; that is on record.
        """

        def step(connection: Connection) -> Outcome:
            row = find_approval(connection, subject)
            return review(
                connection,
                self.model,
                row["approval_id"] if row is not None else subject,
                who,
                self.clock(),
                reason_code=reason_code,
                reason=reason,
            )

        return self._taken(step)

    def _find(self, connection: Connection, named: str) -> Mapping[str, Any]:
        row = find_approval(connection, named)
        if row is None:
            raise NotAllowed(f"There is no request {named}; `meshline approvals list` shows them.")
        return row

    def _version(self, row: Mapping[str, Any]) -> int | None:
        return self.version_of(row["recon_key"]) if row["recon_key"] is not None else None

    def _taken(self, step: Callable[[Connection], Outcome]) -> Outcome:
        with self.ledger.write() as connection:
            outcome = step(connection)
        # Only now, after the refusal was committed with everything else, is it an error.
        if outcome.refused is not None:
            about = f"{outcome.approval_id}: " if outcome.approval_id is not None else ""
            raise StepRefused(f"Refused: {about}{outcome.refused}. The attempt is on record.")
        return outcome


def find_approval(connection: Connection, named: str) -> dict[str, Any] | None:
    """Return the request with an id, or the only one whose id begins so; None otherwise."""
    row = read_approval(connection, named)
    if row is not None:
        return row
    chosen = select(approvals.c.approval_id).where(
        approvals.c.approval_id.startswith(named, autoescape=True)
    )
    ids: list[str] = list(connection.execute(chosen.limit(2)).scalars())
    return read_approval(connection, ids[0]) if len(ids) == 1 and named else None


def list_approvals(
    connection: Connection, states: Sequence[ApprovalState], limit: int
) -> tuple[dict[str, Any], ...]:
    """Return requests in some states, newest first, each with `wanting` and `signed_by`.

    Args:
        connection: Of the ledger.
        states: Empty for all.
        limit: Most rows.
    """
    chosen = select(approvals).order_by(approvals.c.requested_at.desc(), approvals.c.approval_id)
    if states:
        chosen = chosen.where(approvals.c.state_code.in_([state.value for state in states]))
    rows = connection.execute(chosen.limit(limit)).mappings().all()
    return tuple(described(dict(row)) for row in rows)


def described(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request as people see it: JSON read, and who still has to sign."""
    state = ApprovalState(row["state_code"])
    is_open = state in {ApprovalState.REQUESTED, ApprovalState.UNREVIEWED}
    wanting = open_roles(requirement_of(row), signatures_of(row)) if is_open else ()
    return {
        **row,
        "decision": json.loads(row["decision"]),
        "signatures": json.loads(row["signatures"]),
        "signed_by": [one.person_id for one in signatures_of(row)],
        "required_roles": row["required_roles"].split(";"),
        "wanting": list(wanting),
    }
