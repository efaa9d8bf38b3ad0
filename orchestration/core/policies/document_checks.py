"""What is wrong between the documents of the operating model and everything else.

What belongs here: checks of channels, targets, workflows and playbooks against the tables, each a
path in the document and a sentence. What does not: where that path stands in a file
(`connectors.operating_model`). Anyone may import this.
"""

from collections.abc import Collection, Iterator, Mapping

from orchestration.core.policies.documents import (
    ARTIFACT_KINDS,
    EVENTS,
    PEOPLE,
    AlertChannels,
    DeliveryTargets,
    Workflow,
)
from orchestration.core.policies.playbooks import Playbook
from orchestration.core.policies.tables import Tables

Problem = tuple[tuple[str | int, ...], str]


def channel_problems(channels: AlertChannels, tables: Tables) -> Iterator[Problem]:
    """Yield what the alert channels get wrong."""
    for role, channel in channels.roles.items():
        if role not in tables.role_codes:
            yield ("roles", role), f"{role!r} is no role of seeds/policies/roles.csv"
        if channel not in channels.channels:
            yield ("roles", role), f"channel {channel!r} is not declared under channels"
    for role in sorted(tables.role_codes - set(channels.roles)):
        yield ("roles",), f"role {role} has no channel; nobody would tell it anything"
    yield from _route_problems(channels, tables)
    known = {one.exception_code for one in tables.classes}
    for code in channels.ticket_events:
        if code not in known:
            yield ("ticket_events", code), f"{code!r} is no class of exceptions"
    for stream, codes in channels.feeds.explains.items():
        for code in sorted(set(codes) - known):
            yield ("feeds", "explains", stream), f"{code!r} is no class of exceptions"
    if channels.settings.quiet_hours.time_zone not in tables.zones:
        zone = channels.settings.quiet_hours.time_zone
        yield ("settings", "quiet_hours", "time_zone"), f"{zone!r} is no IANA time zone"
    yield from _fallback_problems(channels)


def _route_problems(channels: AlertChannels, tables: Tables) -> Iterator[Problem]:
    for index, route in enumerate(channels.routes):
        for to in route.to:
            if to not in channels.channels and to not in PEOPLE:
                people = ", ".join(PEOPLE)
                yield ("routes", index), f"{to!r} is neither a channel nor one of {people}"
        for severity in (*route.severities, *filter(None, [route.severity])):
            if severity not in tables.severities:
                yield ("routes", index), f"severity {severity!r} is not known"
    for event in EVENTS:
        for severity in sorted(tables.severities):
            if channels.route(event, severity) is None:
                yield ("routes",), f"no route takes {event} of severity {severity}"


def _fallback_problems(channels: AlertChannels) -> Iterator[Problem]:
    for name, channel in channels.channels.items():
        if channel.fallback is not None and channel.fallback not in channels.channels:
            yield ("channels", name), f"fallback {channel.fallback!r} is not declared"
        seen, current = {name}, channel.fallback
        while current is not None and current in channels.channels:
            if current in seen:
                yield ("channels", name), f"fallback loop: {name} comes back to {current}"
                break
            seen.add(current)
            current = channels.channels[current].fallback


def target_problems(targets: DeliveryTargets, tables: Tables) -> Iterator[Problem]:
    """Yield what the delivery targets get wrong."""
    served: dict[str, str] = {}
    addresses: dict[str, str] = {}
    for name, target in targets.targets.items():
        at = ("targets", name)
        if target.owner_role not in tables.role_codes:
            yield (*at, "owner_role"), f"{target.owner_role!r} is no role"
        for kind in target.artifact_kinds:
            if kind in served:
                yield (*at, "artifact_kinds"), f"{kind} already goes to {served[kind]}"
            served.setdefault(kind, name)
        if target.address_env in addresses:
            other = addresses[target.address_env]
            yield (*at, "address_env"), f"{target.address_env} is already the address of {other}"
        addresses.setdefault(target.address_env, name)
    for kind in ARTIFACT_KINDS:
        if kind not in served:
            yield ("targets",), f"no target takes {kind}"


def workflow_problems(
    workflow: Workflow,
    tables: Tables,
    targets: DeliveryTargets | None,
    sources: Collection[str],
    gates: Collection[str],
) -> Iterator[Problem]:
    """Yield what a workflow gets wrong; a field that is missing is a gap and no problem."""
    for column in ("owner", "fallback_owner"):
        role = getattr(workflow, column)
        if role is not None and role not in tables.role_codes:
            yield (column,), f"{role!r} is no role of seeds/policies/roles.csv"
    if workflow.owner is not None and workflow.owner == workflow.fallback_owner:
        yield ("fallback_owner",), f"{workflow.owner} cannot be its own fallback"
    if workflow.source_system is not None and workflow.source_system not in sources:
        yield ("source_system",), f"{workflow.source_system!r} has no contract in seeds/sources"
    classes = {one.exception_code for one in tables.classes}
    for code in workflow.exception_route:
        if code not in classes:
            yield ("exception_route",), f"{code} is not in seeds/taxonomy/exception_classes.csv"
    for code in workflow.review_path:
        if code not in gates:
            yield ("review_path",), f"{code} is not in seeds/rules/gates.csv"
    if targets is None or workflow.destination_system is None:
        return
    target = targets.targets.get(workflow.destination_system)
    if target is None:
        yield (
            ("destination_system",),
            f"{workflow.destination_system!r} is not in seeds/policies/delivery_targets.yml",
        )
        return
    for kind in workflow.artifact_kinds:
        if kind not in target.artifact_kinds:
            yield (
                ("artifact_kinds",),
                f"{kind} does not go to {workflow.destination_system} by "
                "seeds/policies/delivery_targets.yml",
            )


def playbook_problems(
    playbooks: Mapping[str, Playbook], files: Collection[str], tables: Tables
) -> Iterator[str]:
    """Yield classes without a playbook, playbooks without a class, and copies.

    Args:
        playbooks: The playbooks that could be read, by class.
        files: The classes for which there is a file, readable or not.
        tables: The taxonomy.
    """
    classes = {one.exception_code for one in tables.classes}
    for code in sorted(classes - set(files)):
        yield f"seeds/playbooks/{code}.md:1: class {code} has no playbook; write this file"
    for code in sorted(set(files) - classes):
        yield f"seeds/playbooks/{code}.md:1: {code} is not in seeds/taxonomy/exception_classes.csv"
    first: dict[tuple[str, ...], str] = {}
    for code, playbook in sorted(playbooks.items()):
        other = first.setdefault(playbook.steps, code)
        if other != code:
            yield f"seeds/playbooks/{code}.md:1: has the very steps of {other}; say what differs"
