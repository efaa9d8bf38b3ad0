"""The words of alerts: what is broken, who is hurt, what to do next.

What belongs here: subject and body of a message, in the order that people read. What does not:
grouping, sending. Anyone may import this.

Only ids, amounts, roles and texts of the playbooks stand in a message; no name, no address, nothing
that a document says: the link leads to that, behind a sign-in.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import urlencode

from orchestration.core.alerts.grouping import DIGEST, Group
from orchestration.core.alerts.records import Message, Told, rank
from orchestration.core.policies.playbooks import Playbook
from orchestration.core.work.runbooks import playbook_values

PRIORITY: Mapping[str, str] = {
    "critical": "P1", "high": "P2", "medium": "P3", "low": "P4", "info": "P5",
}  # fmt: skip
MOST_CUSTOMERS = 5
MOST_SECTIONS = 12
MOST_PEOPLE = 5
_STEPS: Mapping[str, str] = {
    "sla_warning": "near the due time",
    "sla_breach": "past due",
    "sla_escalated": "far past due",
}
RAISED = "raised_severity_code"
_WHAT: Mapping[str, str] = {
    "approval_waiting": "requests wait for a signature",
    "break_glass_used": "decisions were taken by breaking the glass",
    "override_alarm": "alarms about decisions by hand",
    "breaker_open": "targets do not answer",
    "publish_blocked": "runs were kept from publishing",
    "run_failed": "runs failed",
    "feed_late": "feeds are late",
    "synthetic_failed": "synthetic orders came out otherwise than they should",
    "audit_chain_broken": "checks of the ledger failed",
    "schema_drift": "files came in another form",
    "alerts_silent": "checks of the alerts themselves failed",
    "daily_digest": "daily figures",
}


@dataclass(frozen=True, slots=True)
class Context:
    """What a message says besides its alerts.

    Attributes:
        now: The moment of composing, aware UTC.
        console: Address of the console, without a slash at its end.
        run: Run and snapshot that is published, in words.
        policy_version: Of the operating model.
        playbooks: By exception class.
        outages: What is known to be down, in sentences.
    """

    now: datetime
    console: str
    run: str
    policy_version: str
    playbooks: Mapping[str, Playbook] = field(default_factory=dict)
    outages: Sequence[str] = ()


def compose(group: Group, context: Context) -> Message:
    """Return the message of a group."""
    alert = group.items[0].alert
    if group.event == DIGEST or group.items[0].mode != "at_once":
        subject, lines = _digest(group, context)
    elif group.items[0].ticket is not None:
        subject, lines = _tickets(group, context)
    else:
        subject, lines = _things(group, context)
    lines += [
        f"Based on: {context.run}; policies {context.policy_version}.",
        f"Why you: this channel hears of {group.event} of {alert.owner_role}"
        f" ({group.items[0].mode.replace('_', ' ')}). To hear less, deal with it or give it to"
        f" somebody{_pause(group)}; who hears what stands in seeds/policies/alert_channels.yml.",
    ]
    key = alert.key if len(group.items) == 1 else f"{group.key}/{context.now.date()}"
    return Message(
        f"[{PRIORITY.get(group.severity, 'P3')}] {subject}", "\n".join(lines), group.severity, key
    )


def _pause(group: Group) -> str:
    """How to stop the clock of a ticket while somebody else has to act."""
    if group.items[0].ticket is None:
        return ""
    one = group.items[0].alert.subject_id
    return f", or stop its clock: meshline ticket pause {one} --code CODE --as YOU --reason TEXT"


def compose_over(subject: str, severity: str, dedup_key: str, context: Context) -> Message:
    """Return the message that something that was told is over."""
    plain = subject.split("] ", 1)[-1]
    return Message(
        f"[over] {plain}",
        f"It is over: {plain}\nSince: {_moment(context.now)}\nOpen: {context.console}/runs",
        severity,
        dedup_key,
    )


def _tickets(group: Group, context: Context) -> tuple[str, list[str]]:
    """Alerts about tickets of one cause."""
    tickets = [one.ticket for one in group.items if one.ticket is not None]
    first, alert, count = tickets[0], group.items[0].alert, len(tickets)
    code = str(first["exception_code"])
    playbook = context.playbooks.get(code)
    title = playbook.title if playbook is not None else code
    state = _STEPS.get(group.event, _WHAT.get(group.event, group.event))
    money = _money(tickets)
    incident = f" in incident {alert.incident_id}" if alert.incident_id else ""
    lines = [
        f"What: {count:,} of {code} ({title}) {'is' if count == 1 else 'are'} {state}{incident}.",
        f"How much: {money} at risk; {_customers(tickets)}.",
        f"Owner: {_owners(tickets)}{_reached(group.items)}."
        f" Who answers for it: {_joined(ticket.get('approver_role') for ticket in tickets)}.",
        f"Deadline: {_deadline(tickets, context.now)}.{_graver(tickets)}",
        f"Next: {_next_step(playbook, first)}",
        f"Open: {_link(group, first, context)}",
        f"Upstream: {_upstream(context)}",
        f"Rule: {_rule(first)}.",
    ]
    subject = f"{count:,} x {code} {state} - {money} at risk - owner {_roles(tickets)}"
    return subject, lines


def _things(group: Group, context: Context) -> tuple[str, list[str]]:
    """Alerts about anything else: what they say of themselves."""
    alert, count = group.items[0].alert, len(group.items)
    facts = alert.facts
    what = [one.alert.facts.get("what", one.alert.key) for one in group.items]
    lines = [f"What: {sentence}" for sentence in what[:MOST_SECTIONS]]
    if count > MOST_SECTIONS:
        lines.append(f"And {count - MOST_SECTIONS:,} more.")
    if facts.get("much"):
        lines.append(f"How much: {facts['much']}")
    lines += [
        f"Owner: {alert.owner_role}{_reached(group.items)}.",
        f"Since: {_moment(alert.due_since)}, {_passed(context.now - alert.due_since)} ago.",
        f"Next: {facts.get('next', 'open the link; it says what is wrong.')}",
        f"Open: {context.console}{facts.get('link', '/runs')}",
        f"Upstream: {_upstream(context)}",
    ]
    subject = what[0].rstrip(".") if count == 1 else f"{count:,} {_WHAT.get(group.event, 'events')}"
    return f"{subject} - owner {alert.owner_role}", lines


def _digest(group: Group, context: Context) -> tuple[str, list[str]]:
    """Everything that waited for an owner's hour or morning, by kind and cause."""
    sections: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for one in group.items:
        sections[one.alert.event, one.alert.incident_id or one.alert.cause].append(one)
    owner = group.items[0].alert.owner_role
    figures = sections.pop(("daily_digest", owner), [])
    lines = [one.alert.facts["what"] for one in figures]
    ordered = sorted(sections.items(), key=lambda item: (_gravest(item[1]), -len(item[1]), item[0]))
    tickets = [one.ticket for one in group.items if one.ticket is not None]
    for (event, cause), items in ordered[:MOST_SECTIONS]:
        lines.append(f"- {_section(event, cause, items, context)}")
    rest = sum(len(items) for _, items in ordered[MOST_SECTIONS:])
    if rest:
        lines.append(f"And {rest:,} more of {len(ordered) - MOST_SECTIONS} other causes.")
    if tickets:
        lines.append(f"How much: {_money(tickets)} at risk; {_customers(tickets)}.")
        lines.append(f"Deadline: {_deadline(tickets, context.now)}.")
        first = tickets[0]
        playbook = context.playbooks.get(str(first["exception_code"]))
        lines.append(f"Next: {_next_step(playbook, first)}")
    lines.append(f"Owner: {owner}{_reached(group.items)}.")
    lines.append(f"Open: {context.console}/exceptions?{urlencode({'owner': owner})}")
    lines.append(f"Upstream: {_upstream(context)}")
    told = sum(len(items) for items in sections.values())
    mode = {"hourly": "the last hour", "digest": "the day"}.get(group.items[0].mode, "now")
    counted = f"{told:,} for you" if told else "figures"
    money = f" - {_money(tickets)} at risk" if tickets else ""
    return f"Digest of {mode}: {counted}{money} - owner {owner}", lines


def _section(event: str, cause: str, items: Sequence[Told], context: Context) -> str:
    """One kind and cause of a digest in a line."""
    tickets = [one.ticket for one in items if one.ticket is not None]
    if not tickets:
        what = items[0].alert.facts.get("what", cause)
        return what if len(items) == 1 else f"{len(items):,} {_WHAT.get(event, event)}: {cause}"
    playbook = context.playbooks.get(str(tickets[0]["exception_code"]))
    title = f" ({playbook.title})" if playbook is not None else ""
    state = _STEPS.get(event, _WHAT.get(event, event))
    return f"{len(items):,} x {cause}{title} {state}: {_money(tickets)}"


def _gravest(items: Sequence[Told]) -> int:
    return min(rank(one.alert.severity) for one in items)


def _money(tickets: Sequence[Mapping[str, str | None]]) -> str:
    """Sums by currency, the largest first."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for ticket in tickets:
        if ticket.get("leak_amount"):
            sums[str(ticket.get("currency_code") or "")] += Decimal(str(ticket["leak_amount"]))
    if not any(sums.values()):
        return "no amount"
    ordered = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    told = [f"{amount:,.2f} {currency}".strip() for currency, amount in ordered[:3] if amount]
    return " + ".join(told) + (" + other currencies" if len(ordered) > 3 else "")


def _graver(tickets: Sequence[Mapping[str, str | None]]) -> str:
    """What being late has made of them."""
    raised = Counter(str(one[RAISED]) for one in tickets if one.get(RAISED))
    told = ", ".join(f"{count:,} {code}" for code, count in sorted(raised.items()))
    return f" A step graver by being late: {told}." if told else ""


def _customers(tickets: Sequence[Mapping[str, str | None]]) -> str:
    """The customers that are hurt most often; ids."""
    counted = Counter(str(one["customer_id"]) for one in tickets if one.get("customer_id"))
    if not counted:
        return "no customer is named"
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    told = [name if count == 1 else f"{name} ({count})" for name, count in ordered[:MOST_CUSTOMERS]]
    more = len(ordered) - MOST_CUSTOMERS
    return "customers " + ", ".join(told) + (f" and {more:,} more" if more > 0 else "")


def _owners(tickets: Sequence[Mapping[str, str | None]]) -> str:
    people = sorted({str(one["assignee_id"]) for one in tickets if one.get("assignee_id")})
    named = ", ".join(people[:MOST_PEOPLE]) or "nobody has it"
    more = f" and {len(people) - MOST_PEOPLE} more" if len(people) > MOST_PEOPLE else ""
    return f"{_roles(tickets)} ({named}{more})"


def _roles(tickets: Sequence[Mapping[str, str | None]]) -> str:
    return _joined(one.get("owner_role") for one in tickets)


def _joined(values: object) -> str:
    found = sorted({str(one) for one in values if one})  # type: ignore[attr-defined]
    return ", ".join(found) or "nobody"


def _reached(items: Sequence[Told]) -> str:
    """Whom steps of escalation reach."""
    people = sorted({person for one in items for person in one.alert.told_ids})
    if not people:
        return ""
    more = f" and {len(people) - MOST_PEOPLE} more" if len(people) > MOST_PEOPLE else ""
    return f"; this reaches {', '.join(people[:MOST_PEOPLE])}{more}"


def _deadline(tickets: Sequence[Mapping[str, str | None]], now: datetime) -> str:
    due = sorted(str(one["due_at"]) for one in tickets if one.get("due_at"))
    if not due:
        return "none"
    first = datetime.fromisoformat(due[0])
    late = now - first
    which = "" if len(due) == 1 else "the first "
    if late > timedelta(0):
        return f"{which}was due {_moment(first)}, {_passed(late)} ago"
    return f"{which}is due {_moment(first)}, in {_passed(-late)}"


def _next_step(playbook: Playbook | None, ticket: Mapping[str, str | None]) -> str:
    """The first step of the runbook, with the values of the gravest ticket."""
    if playbook is None:
        return "open the link; there is no runbook for it."
    shown = {**ticket, "exception_id": ticket.get("ticket_id"), "explanation": None}
    filled = playbook.filled(playbook_values(shown, _evidence(ticket), ticket))
    return f"{filled.steps[0]} (runbook {playbook.code}: {filled.title})"


def _evidence(ticket: Mapping[str, str | None]) -> dict[str, object]:
    try:
        found = json.loads(ticket.get("evidence") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _rule(ticket: Mapping[str, str | None]) -> str:
    evidence = _evidence(ticket)
    rule, version = evidence.get("rule"), evidence.get("rule_version")
    return f"{rule} v{version}" if rule else "none decided it"


def _link(group: Group, ticket: Mapping[str, str | None], context: Context) -> str:
    """One link: the ticket, the incident, or the queue of the cause."""
    if len(group.items) == 1:
        return f"{context.console}/exceptions/{ticket['ticket_id']}"
    incident = group.items[0].alert.incident_id
    if incident is not None:
        return f"{context.console}/exceptions?{urlencode({'incident': incident})}"
    query = {"class": str(ticket["exception_code"])}
    owners = {one.alert.owner_role for one in group.items}
    if len(owners) == 1:
        query["owner"] = owners.pop()
    return f"{context.console}/exceptions?{urlencode(query)}"


def _upstream(context: Context) -> str:
    return " ".join(context.outages) or "nothing is known to be down."


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _passed(span: timedelta) -> str:
    """A span of time in its two largest units."""
    minutes = max(0, int(span.total_seconds() // 60))
    days, hours, rest = minutes // 1440, minutes % 1440 // 60, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {rest} min" if hours else f"{rest} min"
