"""`meshline override`, `approve`, `reject`, `revoke`, `approvals`: decisions and what they print.

What belongs here: opening ledger and publication for one step, and its answer for people and
machines. What does not: who may do what (`orchestration.ledger.approvals`). Only
`orchestration.cli` may import this.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orchestration.cli_display import clean, print_json, stdout, table
from orchestration.connectors.operating_model import load_operating_model
from orchestration.core.errors import UsageRefused
from orchestration.core.work.approval_states import ApprovalState
from orchestration.ledger.approval_asking import Request
from orchestration.ledger.approval_base import Account, Outcome
from orchestration.ledger.approval_desk import (
    ApprovalDesk,
    described,
    find_approval,
    list_approvals,
)
from orchestration.ledger.heads import sign_head
from orchestration.ledger.store import open_ledger
from orchestration.reading.decisions import NO_EXTRAS, Extras, newest_version, propose
from orchestration.settings import Settings
from orchestration.warehouse.reader import NothingPublished, Published, open_published


@dataclass(frozen=True, slots=True)
class Asking:
    """What somebody typed to ask for a decision."""

    kind: str
    order: str
    what: str
    actor: str
    reason_code: str
    reason: str
    is_break_glass: bool
    nonce: str | None
    extras: Extras = NO_EXTRAS


def extras_of(amount: str | None, quantity: str | None, members: Sequence[str]) -> Extras:
    """What was typed beside the order and what of it.

    Raises:
        UsageRefused: An amount and a quantity at once.
    """
    if amount is not None and quantity is not None:
        raise UsageRefused("Give --amount or --quantity: a request replaces one value.")
    if amount is None and quantity is None:
        return Extras(members=tuple(members))
    if amount is not None:
        return Extras("amount", amount, tuple(members))
    return Extras("quantity", str(quantity), tuple(members))


def ask(settings: Settings, asking: Asking, *, as_json: bool) -> None:
    """Ask for a decision about a difference that is published.

    Raises:
        UsageRefused: Nothing of that kind is open on the order.
        StepRefused: It cannot be asked for; that is on record.
    """
    with desk_of(settings, asking.actor) as (desk, published):
        if published is None:
            raise UsageRefused(
                f"Nothing is published in {settings.home}: there is no difference to decide about."
            )
        kind = asking.kind.replace("-", "_")
        day = desk.clock().date()
        proposal = propose(
            published, desk.model, kind, asking.order, asking.what, day, asking.extras
        )
        outcome = desk.ask(
            Request(
                decision=proposal.decision,
                reason_code=asking.reason_code,
                reason=asking.reason,
                nonce=asking.nonce or secrets.token_hex(8),
                accountable_role=proposal.accountable_role,
                customer_id=proposal.customer_id,
                tier_code=proposal.tier_code,
                is_break_glass=asking.is_break_glass,
            ),
            Account(asking.actor),
        )
        decision = proposal.decision
        print_outcome(
            outcome,
            as_json=as_json,
            lines=[
                f"{decision.action_code} of {decision.details['order_id']}, "
                f"{decision.amount:f} {decision.currency_code}: {clean(proposal.difference)}"
            ],
        )


def sign(
    settings: Settings,
    approval_id: str,
    actor: str,
    reason: str,
    seen_hash: str | None,
    *,
    as_json: bool,
) -> None:
    """Sign a request.

    Raises:
        StepRefused: It is not signed; that is on record.
    """
    with desk_of(settings, actor) as (desk, _):
        outcome = desk.sign(approval_id, Account(actor), reason, seen_hash=seen_hash)
    print_outcome(outcome, as_json=as_json)


def turn_down(
    settings: Settings,
    verb: str,
    approval_id: str,
    actor: str,
    reason_code: str,
    reason: str,
    *,
    as_json: bool,
) -> None:
    """Reject a request, revoke it, or say what looking at it again has shown.

    Raises:
        StepRefused: It stays as it is; that is on record.
    """
    with desk_of(settings, actor) as (desk, _):
        steps: Mapping[str, Callable[..., Outcome]] = {
            "reject": desk.reject,
            "revoke": desk.revoke,
            "review": desk.review,
        }
        outcome = steps[verb](approval_id, Account(actor), reason_code, reason)
    print_outcome(outcome, as_json=as_json)


def show_list(settings: Settings, states: Sequence[str], limit: int, *, as_json: bool) -> None:
    """Print requests.

    Raises:
        UsageRefused: A state is not known.
    """
    known = {state.value: state for state in ApprovalState}
    wrong = [state for state in states if state not in known]
    if wrong:
        raise UsageRefused(f"{', '.join(wrong)}: no state; give one of {', '.join(known)}.")
    with desk_of(settings) as (desk, _), desk.ledger.read() as connection:
        rows = list_approvals(connection, [known[state] for state in states], limit)
    if as_json:
        print_json(list(rows))
        return
    columns = ("id", "state", "action", "order", "amount>", "asked by", "wanting", "until")
    shown = table(
        "Requests",
        columns,
        (
            (
                row["approval_id"],
                row["state_code"],
                row["action_code"],
                row["decision"]["details"].get("order_id"),
                f"{row['amount']} {row['currency_code']}",
                row["requester_id"],
                ", ".join(row["wanting"]) or None,
                row["holds_until"] or row["use_by"] or row["sign_by"],
            )
            for row in rows
        ),
    )
    stdout().print(shown if rows else "No request.")


def show_one(settings: Settings, approval_id: str, *, as_json: bool) -> None:
    """Print one request with what exactly is asked for.

    Raises:
        UsageRefused: There is none.
    """
    with desk_of(settings) as (desk, _), desk.ledger.read() as connection:
        row = find_approval(connection, approval_id)
    if row is None:
        raise UsageRefused(f"There is no request {approval_id}.")
    shown = described(row)
    if as_json:
        print_json(shown)
        return
    page = stdout()
    page.print(f"{clean(shown['approval_id'])}  {shown['state_code']}  {shown['action_code']}")
    page.print(f"asked by {clean(shown['requester_id'])}: {clean(shown['reason'])}")
    page.print(f"amount {shown['amount']} {shown['currency_code']}  order {shown['recon_key']}")
    for name, value in shown["decision"]["details"].items():
        page.print(f"  {name}: {clean(value)}")
    page.print(f"signatures of {', '.join(shown['required_roles'])} ({shown['limit_ref']})")
    for one in shown["signatures"]:
        page.print(f"  {clean(one['by'])} for {one['role']} at {one['at']}")
    page.print(f"wanting {', '.join(shown['wanting']) or 'none'}")
    page.print(f"hash {shown['payload_hash']}")


@contextmanager
def desk_of(
    settings: Settings, signed_by: str | None = None
) -> Iterator[tuple[ApprovalDesk, Published | None]]:
    """A desk on the ledger of a home, with what is published there.

    Args:
        settings: The home.
        signed_by: Whose step the ledger is signed after; None for who only reads.
    """
    model = load_operating_model(settings.seeds)
    try:
        published = open_published(settings)
    except NothingPublished:
        published = None
    try:
        with open_ledger(settings.ledger_database) as ledger:

            def version_of(recon_key: str) -> int | None:
                return newest_version(published, recon_key) if published is not None else None

            try:
                yield ApprovalDesk(ledger, model, lambda: datetime.now(UTC), version_of), published
            finally:
                # A refusal is on record as well, so it is signed as well.
                if signed_by is not None:
                    sign_head(
                        ledger,
                        settings.heads,
                        settings.signing_key,
                        at=datetime.now(UTC),
                        signed_by=signed_by,
                    )
    finally:
        if published is not None:
            published.close()


def print_outcome(outcome: Outcome, *, as_json: bool, lines: Sequence[str] = ()) -> None:
    """Print how a request stands after a step, with what comes next."""
    document: dict[str, Any] = {
        "approval_id": outcome.approval_id,
        "state": outcome.state.value if outcome.state is not None else None,
        "is_repeat": outcome.is_repeat,
        "wanting": list(outcome.wanting),
    }
    if as_json:
        print_json(document)
        return
    page = stdout()
    for line in lines:
        page.print(line, soft_wrap=True)
    if outcome.state is None:
        page.print("The review is on record.")
        return
    state = outcome.state.value.replace("_", " ")
    again = " (this was done before)" if outcome.is_repeat else ""
    page.print(f"{clean(outcome.approval_id)} is {state}{again}.")
    if outcome.wanting:
        page.print(
            f"It needs a signature of {' and '.join(outcome.wanting)}: "
            f"meshline approve {outcome.approval_id} --as ACTOR --reason TEXT"
        )
    elif outcome.state is ApprovalState.APPROVED:
        page.print("The next run uses it.")
