"""Which channels an alert reaches, and not before when.

What belongs here: routes, hours, digests, quiet hours. What does not: addresses, sending, and what
is told together (`core.alerts.grouping`). Anyone may import this.
"""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from orchestration.core.alerts.records import Alert
from orchestration.core.policies.documents import AlertChannels, AlertRoute, QuietHours
from orchestration.core.policies.model import OperatingModel

_LEVELS_OF_OWNER = frozenset({"owner"})


def route_of(alert: Alert, channels: AlertChannels) -> AlertRoute | None:
    """Return the route of an alert; None when nobody is to hear of it."""
    return channels.route(alert.event, alert.severity)


def severity_of(alert: Alert, channels: AlertChannels) -> str:
    """Return how grave an alert is: its own severity, else that of its route."""
    route = route_of(alert, channels)
    return alert.severity or (route.severity if route is not None else None) or "medium"


def channels_of(alert: Alert, channels: AlertChannels) -> tuple[str, ...]:
    """Return the channels that an alert reaches, in the order of its route, each once."""
    route = route_of(alert, channels)
    if route is None:
        return ()
    owner = channels.roles[alert.owner_role]
    told = channels.roles.get(alert.told_role or alert.owner_role, owner)
    found = [
        to if to in channels.channels else (owner if to in _LEVELS_OF_OWNER else told)
        for to in route.to
    ]
    return tuple(dict.fromkeys(found))


def send_after(alert: Alert, mode: str, model: OperatingModel, at: datetime) -> datetime:
    """Return the earliest moment at which an alert is told, aware UTC.

    Args:
        alert: The alert.
        mode: at_once; hourly with the next full hour; digest with the role's next daily one.
        model: Digest times of roles, quiet hours.
        at: When it was raised, aware.
    """
    if alert.event == "daily_digest":
        return alert.due_since.astimezone(UTC)  # its morning has come: it goes with what waits
    severity = severity_of(alert, model.channels)
    if mode == "digest":
        role = model.roles[alert.owner_role]
        zone = next(row.time_zone for row in model.hours if row.hours_code == role.hours_code)
        return next_local(at, role.digest_at, zone)
    moment = at.astimezone(UTC)
    if mode == "hourly":
        moment = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return after_quiet(moment, severity, model.channels.settings.quiet_hours)


def next_local(at: datetime, clock: time, zone: str) -> datetime:
    """Return the first moment after another at which a wall clock shows a time, aware UTC."""
    local = at.astimezone(ZoneInfo(zone))
    for days in range(3):
        there = datetime.combine(local.date() + timedelta(days=days), clock, ZoneInfo(zone))
        if there > local:
            return there.astimezone(UTC)
    raise AssertionError("a wall clock shows every time within two days")


def after_quiet(moment: datetime, severity: str, quiet: QuietHours) -> datetime:
    """Return a moment, or the end of the quiet hours in which it lies; grave alerts do not wait."""
    if severity in quiet.except_severities or quiet.begin == quiet.end:
        return moment
    local = moment.astimezone(ZoneInfo(quiet.time_zone)).time()
    if quiet.begin < quiet.end:
        is_quiet = quiet.begin <= local < quiet.end
    else:
        is_quiet = local >= quiet.begin or local < quiet.end
    return next_local(moment, quiet.end, quiet.time_zone) if is_quiet else moment
