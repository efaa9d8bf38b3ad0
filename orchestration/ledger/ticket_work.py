"""What people do with tickets: assign, comment, attach, resolve, reopen, pause, undo.

What belongs here: whether somebody may, whether the ticket is still as they saw it, and the event.
What does not: approvals of money (a ticket is no approval), and what the engine does
(`orchestration.ledger.ticket_sync`). Whoever may import the ledger may import this.

A command over many tickets is done for all of them or for none; every problem is told at once.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select

from orchestration.core.chain import Event
from orchestration.core.errors import UsageRefused
from orchestration.core.policies.model import OperatingModel
from orchestration.core.tickets import IllegalTransition, TicketRules, TicketState, state_with
from orchestration.ledger.errors import NotAllowed
from orchestration.ledger.events import ENGINE_ROLE, Actor, Draft
from orchestration.ledger.projections import KEYS_AT_ONCE, Row, record
from orchestration.ledger.tables import events, persons, tickets
from orchestration.ledger.texts import keep_texts
from orchestration.ledger.ticket_pauses import CONTINUED, PAUSED, why_paused
from orchestration.ledger.tickets import TICKETS, UNDOABLE, decided_of

CONTROL = "control"
SHOWN_PROBLEMS = 20
LONGEST_REFERENCE = 500


class TicketChanged(UsageRefused):
    """Somebody else changed a ticket since it was looked at; nothing was done."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Work:
    """A person at work on tickets, inside one transaction.

    Attributes:
        connection: From `Ledger.write`.
        actor: Who; see `orchestration.ledger.people.find_actor`.
        at: The caller's clock, aware.
        reason: Why, in words.
        model: Reason codes and RACI.
        rules: Which state may follow which.
        seen: Version by ticket as the person saw it; tickets that are not in it are not checked.
    """

    connection: Connection
    actor: Actor
    at: datetime
    reason: str
    model: OperatingModel
    rules: TicketRules
    seen: Mapping[str, int] = field(default_factory=dict)

    def assign(self, ticket_ids: Sequence[str], person_id: str) -> tuple[Event, ...]:
        """Give tickets to a person who may resolve them.

        Raises:
            NotAllowed: The actor may not, or the person cannot have them.
            TicketChanged: Somebody was faster.
        """
        person = self.connection.execute(
            select(persons).where(persons.c.person_id == person_id)
        ).first()
        if person is None or not person.is_active:
            raise NotAllowed(f"{person_id} is not known, or no longer active.")

        def step(ticket: Row) -> tuple[dict[str, object], dict[str, object]]:
            if person.role not in self._roles(ticket):
                raise NotAllowed(
                    f"{person_id} is of {person.role}; it is for {' or '.join(self._roles(ticket))}"
                )
            return {
                "state_code": TicketState.ASSIGNED.value,
                "assignee_id": person_id,
                "assigned_role": person.role,
                "assigned_because": f"given by {self.actor.actor_id}",
            }, {}

        return self._do("ticket_assigned", ticket_ids, step, unless=TicketState.CLOSED)

    def resolve(self, ticket_ids: Sequence[str], reason_code: str) -> tuple[Event, ...]:
        """Say that tickets are dealt with; the next runs show whether they are.

        Raises:
            UsageRefused: The reason code is not one for resolving.
            NotAllowed: The actor may not.
            TicketChanged: Somebody was faster.
        """
        self._check_reason("resolve", reason_code)
        decided: dict[str, object] = {
            "state_code": TicketState.RESOLVED.value,
            "reason_code": reason_code,
        }
        return self._do("ticket_resolved", ticket_ids, lambda _: (decided, {}))

    def reopen(self, ticket_ids: Sequence[str], reason_code: str) -> tuple[Event, ...]:
        """Take tickets up again that were resolved or closed.

        Raises:
            UsageRefused: The reason code is not one for reopening, or a ticket is not done.
            NotAllowed: The actor may not.
            TicketChanged: Somebody was faster.
        """
        self._check_reason("reopen", reason_code)

        def step(ticket: Row) -> tuple[dict[str, object], dict[str, object]]:
            if ticket["state_code"] not in {TicketState.RESOLVED, TicketState.CLOSED}:
                raise UsageRefused(f"it is {ticket['state_code']}: there is nothing to reopen")
            state = state_with(ticket["assignee_id"]).value
            return {"state_code": state, "reason_code": reason_code}, {}

        return self._do("ticket_reopened", ticket_ids, step)

    def comment(self, ticket_ids: Sequence[str], text: str) -> tuple[Event, ...]:
        """Say something on tickets; the text is kept erasable, its salted hash in the chain."""
        refs = dict(
            zip(
                ticket_ids,
                keep_texts(self.connection, [("ticket", one, text) for one in ticket_ids]),
                strict=True,
            )
        )
        return self._do(
            "ticket_commented", ticket_ids, lambda ticket: ({}, refs[ticket["ticket_id"]].payload())
        )

    def attach(self, ticket_ids: Sequence[str], reference: str) -> tuple[Event, ...]:
        """Name a document or address that belongs to tickets.

        Raises:
            UsageRefused: It is empty or too long.
        """
        if not 0 < len(reference.strip()) <= LONGEST_REFERENCE:
            raise UsageRefused(f"A reference has 1 to {LONGEST_REFERENCE} characters.")
        payload: dict[str, object] = {"reference": reference.strip()}
        return self._do("ticket_attached", ticket_ids, lambda _: ({}, payload))

    def pause(self, ticket_ids: Sequence[str], reason_code: str) -> tuple[Event, ...]:
        """Let the clock of tickets stand still while somebody else has to act.

        Raises:
            UsageRefused: The reason code is not one for pausing, or a clock does not run.
            NotAllowed: The actor may not.
            TicketChanged: Somebody was faster.
        """
        self._check_reason("pause", reason_code)

        def step(ticket: Row) -> tuple[dict[str, object], dict[str, object]]:
            if ticket["state_code"] not in {TicketState.OPEN, TicketState.ASSIGNED}:
                raise UsageRefused(f"it is {ticket['state_code']}: its clock does not run")
            standing = why_paused(self.connection, ticket["ticket_id"])
            if standing is not None:
                raise UsageRefused(f"it stands still already: {standing}")
            return {}, {"reason_code": reason_code}

        return self._do(PAUSED, ticket_ids, step)

    def proceed(self, ticket_ids: Sequence[str]) -> tuple[Event, ...]:
        """Let the clock of tickets run on.

        Raises:
            UsageRefused: A clock does not stand still.
            NotAllowed: The actor may not.
            TicketChanged: Somebody was faster.
        """

        def step(ticket: Row) -> tuple[dict[str, object], dict[str, object]]:
            standing = why_paused(self.connection, ticket["ticket_id"])
            if standing is None:
                raise UsageRefused("its clock does not stand still")
            return {}, {"reason_code": standing}

        return self._do(CONTINUED, ticket_ids, step)

    def undo(self, ticket_ids: Sequence[str]) -> tuple[Event, ...]:
        """Set tickets back to before their last decision: a new event, which can be undone too.

        Raises:
            UsageRefused: There is nothing to undo, or a run has decided since.
            TicketChanged: Somebody was faster.
        """

        def step(ticket: Row) -> tuple[dict[str, object], dict[str, object]]:
            last = self._last_decision(ticket["ticket_id"])
            if last is None:
                raise UsageRefused("nothing was decided by a person that could be undone")
            seq, action, before = last
            if before is None:
                raise UsageRefused(f"a run has decided since ({action}, event {seq})")
            return before, {"undone_seq": seq}

        return self._do("ticket_undone", ticket_ids, step)

    def _do(
        self,
        action: str,
        ticket_ids: Sequence[str],
        step: Callable[[Row], tuple[dict[str, object], dict[str, object]]],
        unless: TicketState | None = None,
    ) -> tuple[Event, ...]:
        """Make the same event for every ticket, or tell everything that is in the way."""
        if not self.reason.strip():
            raise UsageRefused("Say why: --reason TEXT.")
        wanted = list(dict.fromkeys(ticket_ids))
        known = self._tickets(wanted)
        drafts, problems, changed = [], [], []
        for ticket_id in wanted:
            ticket = known.get(ticket_id)
            if ticket is None:
                problems.append(f"{ticket_id}: there is no such ticket")
                continue
            seen = self.seen.get(ticket_id, ticket["version"])
            if seen != ticket["version"]:
                changed.append(self._told(ticket, seen))
                continue
            try:
                self._may(ticket)
                if unless is not None and ticket["state_code"] == unless:
                    raise UsageRefused(f"it is {unless.value}; reopen it first")
                decided, more = step(ticket)
                after = str(decided.get("state_code", ticket["state_code"]))
                self.rules.check(ticket_id, ticket["state_code"], after)
            except (UsageRefused, IllegalTransition) as error:
                problems.append(f"{ticket_id}: {error}")
                continue
            before = {"before": decided_of(ticket)} if decided else {}
            payload = {"decided": decided, **before, **more}
            drafts.append(
                Draft(
                    self.at,
                    self.actor,
                    action,
                    "ticket",
                    ticket_id,
                    self.reason,
                    payload,
                    ticket["recon_key"],
                )
            )
        if changed:
            raise TicketChanged("Nothing was done. " + " ".join(_listed(changed)))
        if problems:
            raise NotAllowed("Nothing was done:\n  " + "\n  ".join(_listed(problems)))
        return record(self.connection, drafts, TICKETS)

    def _may(self, ticket: Row) -> None:
        roles = self._roles(ticket)
        if self.actor.role not in roles:
            raise NotAllowed(
                f"{self.actor.actor_id} is of {self.actor.role}; it is for {' or '.join(roles)}"
            )

    def _roles(self, ticket: Row) -> tuple[str, ...]:
        """Who may work on a ticket: owner, approver, who took it over, fallback, and control."""
        raci = self.model.raci_of_class(ticket["exception_code"], self.at.date())
        named = (
            ticket["owner_role"],
            ticket["approver_role"],
            ticket["assigned_role"],
            raci.fallback,
            CONTROL,
        )
        return tuple(dict.fromkeys(role for role in named if role))

    def _check_reason(self, action: str, reason_code: str) -> None:
        allowed = [one.reason_code for one in self.model.reasons_for(action)]
        if reason_code not in allowed:
            raise UsageRefused(
                f"{reason_code} is no reason to {action} a ticket. Give one of: "
                f"{', '.join(sorted(allowed))} (seeds/taxonomy/reason_codes.csv)."
            )

    def _tickets(self, ids: Sequence[str]) -> dict[str, Row]:
        found = {}
        for start in range(0, len(ids), KEYS_AT_ONCE):
            chosen = tickets.c.ticket_id.in_(ids[start : start + KEYS_AT_ONCE])
            for row in self.connection.execute(select(tickets).where(chosen)).mappings():
                found[row["ticket_id"]] = dict(row)
        return found

    def _last_decision(self, ticket_id: str) -> tuple[int, str, dict[str, object] | None] | None:
        """The last event that decided something: seq, action, what was before if undoable."""
        for event in self._history(ticket_id):
            payload = json.loads(event.payload)
            if not payload.get("decided"):
                continue
            is_undoable = event.action in UNDOABLE and event.actor_role != ENGINE_ROLE
            if event.action == "ticket_opened":
                return None
            return event.seq, event.action, payload["before"] if is_undoable else None
        return None

    def _history(self, ticket_id: str) -> Iterator[Event]:
        """The events of a ticket, the last one first."""
        rows = self.connection.execute(
            select(events)
            .where(events.c.subject_type == "ticket", events.c.subject_id == ticket_id)
            .order_by(events.c.seq.desc())
        ).mappings()
        return (Event(**row) for row in rows)

    def _told(self, ticket: Row, seen: int) -> str:
        """What happened to a ticket since somebody looked at it."""
        since = max(0, ticket["version"] - seen)
        said = [
            f"{event.at[:16].replace('T', ' ')} {event.actor_id}: "
            f"{event.action.removeprefix('ticket_')}, {event.reason}"
            for event, _ in zip(self._history(ticket["ticket_id"]), range(since), strict=False)
        ]
        return (
            f"{ticket['ticket_id']} changed since you looked at it (version {seen}, now "
            f"{ticket['version']}): {'; '.join(reversed(said)) or 'look again'}."
        )


def _listed(lines: Sequence[str]) -> list[str]:
    """As many lines as a person reads, and how many more there are."""
    more = len(lines) - SHOWN_PROBLEMS
    return [*lines[:SHOWN_PROBLEMS], *([f"and {more} more"] if more > 0 else [])]
