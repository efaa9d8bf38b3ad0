"""What is told together: one incident, one message; one owner, one message an hour or a day.

What belongs here: from alerts that may be told now to groups. What does not: words
(`core.alerts.wording`), and which may be told (`core.alerts.routing`). Anyone may import this.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestration.core.alerts.records import Told, rank
from orchestration.core.alerts.routing import route_of, severity_of
from orchestration.core.policies.documents import AlertChannels

DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts that become one message.

    Attributes:
        key: What they have in common; the same for the same kind of group on the same day.
        event: Theirs; `digest` for several kinds in one.
        severity: The gravest.
        items: The gravest first, then the longest due.
    """

    key: str
    event: str
    severity: str
    items: tuple[Told, ...]


def groups_of(waiting: Iterable[Told], channels: AlertChannels) -> tuple[Group, ...]:
    """Return the messages that the alerts of one channel become, the gravest first.

    What goes at once is grouped as its route says, an incident always alone; where one cause would
    make more than `collapse_above` messages, it makes one. What goes hourly or daily is one message
    for each owner.
    """
    at_once: dict[tuple[str, str], dict[str, list[Told]]] = defaultdict(lambda: defaultdict(list))
    digests: dict[str, list[Told]] = defaultdict(list)
    for one in waiting:
        alert = one.alert
        if one.mode != "at_once":
            digests[f"{one.mode}/{alert.owner_role}"].append(one)
            continue
        cause = alert.incident_id or alert.cause
        at_once[alert.event, cause][_key(one, cause, channels)].append(one)
    groups = []
    for (event, cause), parts in at_once.items():
        if len(parts) > channels.settings.collapse_above:
            merged = [one for part in parts.values() for one in part]
            groups.append(_group(f"{event}/{cause}", event, merged, channels))
            continue
        groups += [_group(key, event, items, channels) for key, items in parts.items()]
    groups += [_group(key, _event(items), items, channels) for key, items in digests.items()]
    return tuple(sorted(groups, key=lambda group: (rank(group.severity), group.key)))


def _key(one: Told, cause: str, channels: AlertChannels) -> str:
    """What an alert that goes at once has in common with those it is told with."""
    route = route_of(one.alert, channels)
    by = route.group_by if route is not None else ()
    parts = [one.alert.event]
    if one.alert.incident_id is not None:
        return f"{one.alert.event}/{cause}"
    if "owner" in by:
        parts.append(one.alert.owner_role)
    if "approver" in by:
        parts.append(one.alert.told_role or one.alert.owner_role)
    if "cause" in by:
        parts.append(cause)
    return "/".join(parts)


def _event(items: Sequence[Told]) -> str:
    events = {one.alert.event for one in items}
    return events.pop() if len(events) == 1 else DIGEST


def _group(key: str, event: str, items: Sequence[Told], channels: AlertChannels) -> Group:
    ordered = sorted(
        items,
        key=lambda one: (
            rank(severity_of(one.alert, channels)),
            one.alert.due_since,
            one.alert.key,
        ),
    )
    return Group(key, event, severity_of(ordered[0].alert, channels), tuple(ordered))
