"""The ledger as the console uses it: tickets as they stand now, people's steps, approvals, events.

What belongs here: the one way from a page to `orchestration.ledger`. What does not: what a step
means (the ledger decides and records it, refusals included) and which rows a viewer may see.

Reading goes through the ledger's own read-only door. The writing side is opened at the first write
and kept: it checks its schema once.
"""

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from console import asked
from console.access.viewer import Viewer
from orchestration.connectors.operating_model import load_operating_model
from orchestration.core.errors import UsageRefused
from orchestration.core.policies.model import OperatingModel
from orchestration.ledger.reading import LedgerReader, read_ledger
from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.ledger.approval_asking import Request
    from orchestration.ledger.approval_base import Outcome
    from orchestration.ledger.store import Ledger

VIA = "console"
LEAST_REASON = 15
# A ticked step is a reference on the ticket: `playbook step 1a2b3c4d5e6f/2 done`.
STEP = "playbook step "
_STEP = re.compile(r"[0-9a-f]{12}/[1-9][0-9]?")
_TICKETS = (
    "select ticket_id, state_code, assignee_id, assigned_role, assigned_because, reason_code, "
    "reopen_count, version, updated_at, raised_severity_code from tickets "
    "where ticket_id in ({marks})"
)
_HELD = "select ticket_id from tickets where state_code <> 'closed' and"
_COUNT_HELD = "select count(*) as n from tickets where state_code <> 'closed' and assignee_id {of}"
_HISTORY = (
    "select seq, at, actor_id, actor_role, action, reason, payload from events "
    "where subject_type = 'ticket' and subject_id = ? order by seq desc limit 200"
)
_NOTES = (
    "select ticket_notes.seq, private_texts.text from ticket_notes "
    "inner join private_texts on ticket_notes.text_id = private_texts.text_id "
    "where ticket_notes.ticket_id = ?"
)
_TICKS = (
    "select reference, actor_id, at from ticket_notes "
    "where ticket_id = ? and reference like ? order by seq"
)
_PEOPLE = (
    "select persons.person_id, persons.role, private_texts.text from persons "
    "left join private_texts on persons.text_id = private_texts.text_id "
    "where persons.is_active order by persons.role, persons.person_id"
)
_ROLE = "select role from persons where person_id = ? and is_active"
_NAMES = (
    "select persons.person_id, private_texts.text from persons "
    "inner join private_texts on persons.text_id = private_texts.text_id"
)


@dataclass(slots=True, frozen=True)
class Note:
    """One event of a ticket, as its page tells it."""

    at: str
    actor_id: str
    action: str
    reason: str
    text: str


@dataclass(slots=True, frozen=True)
class Tick:
    """A step of a playbook that somebody ticked, or took back."""

    actor_id: str
    at: str
    is_done: bool


@dataclass
class Desk:
    """The ledger of one home. Safe for threads."""

    settings: Settings
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ledger: "Ledger | None" = None

    @cached_property
    def model(self) -> OperatingModel:
        """The operating model: RACI, reasons, limits; read once."""
        return load_operating_model(self.settings.seeds)

    @contextmanager
    def reader(self) -> Iterator[LedgerReader | None]:
        """One moment of the ledger; None while nothing was ever recorded."""
        with read_ledger(self.settings.ledger_database) as reader:
            yield reader

    def close(self) -> None:
        """Let the ledger go; safe to call twice."""
        with self._lock:
            if self._ledger is not None:
                self._ledger.close()
                self._ledger = None

    # ------------------------------------------------------------------ tickets
    def tickets(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The tickets of exceptions as they stand now, by id; those that have none are left out."""
        if not ids:
            return {}
        with self.reader() as reader:
            if reader is None or not reader.has_table("tickets"):
                return {}
            sql = _TICKETS.format(marks=", ".join("?" * len(ids)))
            return {row["ticket_id"]: row for row in reader.rows(sql, list(ids))}

    def held_by(self, person_id: str | None) -> list[str] | None:
        """Ids of the tickets that a person has and that are not closed; of None, nobody's.

        None when the ledger has no tickets, and the publication is all that is known.
        """
        with self.reader() as reader:
            if reader is None or not reader.has_table("tickets"):
                return None
            if person_id is None:
                rows = reader.rows(f"{_HELD} assignee_id is null")
            else:
                rows = reader.rows(f"{_HELD} assignee_id = ?", [person_id])
            return [row["ticket_id"] for row in rows]

    def count_held(self, person_id: str | None) -> int | None:
        """How many tickets a person has that are not closed; as `held_by`, without the ids."""
        with self.reader() as reader:
            if reader is None or not reader.has_table("tickets"):
                return None
            of, values = ("is null", []) if person_id is None else ("= ?", [person_id])
            return int(next(reader.rows(_COUNT_HELD.format(of=of), values))["n"])

    def history(self, ticket_id: str) -> list[Note]:
        """What happened to a ticket, the latest first."""
        with self.reader() as reader:
            if reader is None or not reader.has_table("ticket_notes"):
                return []
            texts = {row["seq"]: row["text"] for row in reader.rows(_NOTES, [ticket_id])}
            return [
                Note(
                    row["at"],
                    row["actor_id"],
                    row["action"].removeprefix("ticket_"),
                    row["reason"],
                    texts.get(row["seq"]) or _reference(row["payload"]),
                )
                for row in reader.rows(_HISTORY, [ticket_id])
            ]

    def ticks(self, ticket_id: str) -> dict[str, Tick]:
        """Steps of the playbook that are ticked, by version and number: `1a2b3c4d5e6f/2`."""
        found: dict[str, Tick] = {}
        with self.reader() as reader:
            if reader is None or not reader.has_table("ticket_notes"):
                return {}
            for row in reader.rows(_TICKS, [ticket_id, f"{STEP}%"]):
                step, _, state = row["reference"].removeprefix(STEP).partition(" ")
                found[step] = Tick(row["actor_id"], row["at"], state == "done")
        return {step: tick for step, tick in found.items() if tick.is_done}

    def people(self, roles: Sequence[str]) -> list[tuple[str, str]]:
        """Who may be given a ticket: id and words for it."""
        with self.reader() as reader:
            if reader is None or not reader.has_table("persons"):
                return []
            rows = list(reader.rows(_PEOPLE))
        return [
            (row["person_id"], f"{_name(row['text']) or row['person_id']} ({row['role']})")
            for row in rows
            if row["role"] in roles
        ]

    def names(self) -> dict[str, str]:
        """Names by person id, of those who left too; without those that were erased."""
        with self.reader() as reader:
            if reader is None or not reader.has_table("persons"):
                return {}
            named = {row["person_id"]: _name(row["text"]) for row in reader.rows(_NAMES)}
        return {person_id: name for person_id, name in named.items() if name}

    def role_of(self, person_id: str | None) -> str | None:
        """The role that the ledger knows somebody in; None for who is not known or has left."""
        with self.reader() as reader:
            if person_id is None or reader is None or not reader.has_table("persons"):
                return None
            return next((row["role"] for row in reader.rows(_ROLE, [person_id])), None)

    def roles_for(self, row: Mapping[str, Any], at: datetime) -> tuple[str, ...]:
        """The roles that may have the ticket of an exception."""
        raci = self.model.raci_of_class(row["exception_code"], at.date())
        named = (row["owner_role"], row["approver_role"], raci.fallback, "control")
        return tuple(dict.fromkeys(role for role in named if role))

    def reasons(self, action: str) -> list[tuple[str, str]]:
        """Codes and words of the reasons that an action may have."""
        return [(one.reason_code, one.reason_label) for one in self.model.reasons_for(action)]

    def work(self, viewer: Viewer, seen: Mapping[str, str], form: Mapping[str, str]) -> None:
        """Take one step on tickets: assign, comment, tick a step, resolve, reopen or undo.

        Args:
            viewer: Who does it.
            seen: Ticket -> its version on the page that was acted on; "" when none was shown.
            form: `action`, `reason`, and what the action needs.

        Raises:
            UsageRefused: It is not possible, or somebody was faster (`TicketChanged`); then
                nothing was done to any of them.
        """
        from orchestration.ledger.people import find_actor
        from orchestration.ledger.taxonomy import load_ticket_rules
        from orchestration.ledger.ticket_work import Work

        action, reason = form.get("action", ""), form.get("reason", "").strip()
        ids = list(seen)
        versions = {one: int(text) for one, text in seen.items() if text.isdecimal()}
        with self._writable().write() as connection:
            work = Work(
                connection,
                find_actor(connection, _person_of(viewer), via=VIA),
                datetime.now(UTC),
                reason or "Said in the console.",
                self.model,
                load_ticket_rules(self.settings.seeds),
                {} if action in {"comment", "step"} else versions,
            )
            if action == "assign":
                work.assign(ids, form.get("person", ""))
            elif action == "comment":
                _refuse_empty(reason)
                new = [one for one in ids if not self._was_said(viewer, one, seen[one], reason)]
                if new:
                    work.comment(new, reason)
            elif action == "step":
                work.attach(ids, step_reference(form))
            elif action == "resolve":
                _refuse_short(reason)
                work.resolve(ids, form.get("code", ""))
            elif action == "reopen":
                _refuse_short(reason)
                work.reopen(ids, form.get("code", ""))
            elif action == "undo":
                work.undo(ids)
            else:
                raise UsageRefused("Choose what to do with the ticket.")

    def _was_said(self, viewer: Viewer, ticket_id: str, seen: str, text: str) -> bool:
        """Whether a comment is the last thing on its ticket already: a second press of a button."""
        ticket = self.tickets([ticket_id]).get(ticket_id)
        if ticket is None or not seen.isdecimal() or int(seen) >= ticket["version"]:
            return False
        last = next(iter(self.history(ticket_id)), None)
        said = (last.action, last.actor_id, last.text) if last else None
        return said == ("commented", viewer.person_id, text)

    # ------------------------------------------------------------------ approvals
    def approvals(self) -> list[dict[str, Any]]:
        """The latest requests, what waits first; JSON columns are read."""
        with self.reader() as reader:
            return asked.latest(reader)

    def approvals_for(self, action_code: str) -> list[dict[str, Any]]:
        """The latest requests for one action, newest first."""
        with self.reader() as reader:
            return asked.for_action(reader, action_code)

    def approval(self, approval_id: str) -> dict[str, Any] | None:
        """One request; None when there is none."""
        with self.reader() as reader:
            return asked.one(reader, approval_id)

    def approvals_of(
        self, exception_id: str, recon_key: str | None, native_ref: str | None
    ) -> list[dict[str, Any]]:
        """The requests about one exception, or the one that it tells of, newest first."""
        with self.reader() as reader:
            return asked.about(reader, exception_id, recon_key, native_ref)

    def reviews(self, subject: str) -> list[Note]:
        """What looking again at a decision or an alarm has shown, the latest first."""
        with self.reader() as reader:
            return [
                Note(row["at"], row["actor_id"], row["action"], row["reason"], "")
                for row in asked.reviews(reader, subject)
            ]

    def ask(self, viewer: Viewer, wanted: "Request") -> "Outcome":
        """Ask for a decision; others sign it. A refusal is put on record and returned."""
        from orchestration.ledger.approval_asking import request
        from orchestration.ledger.approval_base import Account

        with self._writable().write() as connection:
            who = Account(_person_of(viewer), VIA)
            return request(connection, self.model, wanted, who, datetime.now(UTC))

    def decide(
        self, viewer: Viewer, approval_id: str, form: Mapping[str, str], version: int | None
    ) -> "Outcome":
        """Sign, reject, take back or review; a refusal is put on record and returned.

        Args:
            viewer: Who does it.
            approval_id: Which request; of a review also the key of an alarm.
            form: `action`, `reason`, and what the action needs.
            version: The newest version of its order, where that is known: what was asked for about
                an older one is not signed.
        """
        from orchestration.ledger.approval_base import Account
        from orchestration.ledger.approvals import Seen, reject, review, revoke, sign

        who, at = Account(_person_of(viewer), VIA), datetime.now(UTC)
        reason, code = form.get("reason", "").strip(), form.get("code", "")
        with self._writable().write() as connection:
            if form.get("action") == "sign":
                seen = Seen(form.get("payload_hash", ""), reason, form.get("nonce", ""), version)
                return sign(connection, self.model, approval_id, who, at, seen)
            steps = {"reject": reject, "revoke": revoke, "review": review}
            step = steps.get(form.get("action", ""))
            if step is None:
                raise UsageRefused("Choose whether to sign, reject or take back.")
            return step(
                connection, self.model, approval_id, who, at, reason_code=code, reason=reason
            )

    def _writable(self) -> "Ledger":
        from orchestration.ledger.store import open_ledger

        with self._lock:
            if self._ledger is None:
                self._ledger = open_ledger(self.settings.ledger_database)
            return self._ledger


def _person_of(viewer: Viewer) -> str:
    if viewer.person_id is None:
        raise UsageRefused(
            "Your account names no person of the source systems, so the ledger could not say who "
            "acted. Ask an administrator to add your person id."
        )
    return viewer.person_id


def step_reference(form: Mapping[str, str]) -> str:
    """What the ledger keeps of a step that is ticked or taken back.

    Raises:
        UsageRefused: The form names no step.
    """
    step = form.get("step", "")
    if not _STEP.fullmatch(step):
        raise UsageRefused("Choose a step of the playbook.")
    return f"{STEP}{step} {'done' if form.get('done') == '1' else 'not done'}"


def _refuse_empty(reason: str) -> None:
    if not reason:
        raise UsageRefused("Write the comment first.")


def _refuse_short(reason: str) -> None:
    if len(" ".join(reason.split())) < LEAST_REASON:
        raise UsageRefused(f"Say why in at least {LEAST_REASON} characters: auditors read it.")


def _reference(payload: str) -> str:
    return str(json.loads(payload).get("reference") or "")


def _name(text: str | None) -> str:
    """The name in a person's details; empty when they were erased."""
    return str(json.loads(text).get("name") or "") if text else ""
