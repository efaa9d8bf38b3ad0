"""Clocks of service levels: working hours, holidays, time zones, pauses.

What belongs here: how much of its time something has used, and when the time is up. What does not:
how much time there is (`seeds/policies`) and what happens then (`core.work.escalation`). Anyone may
import this.

Time is measured on the instants of UTC between opening and closing in local time, so a day on which
clocks change is an hour longer or shorter where its working hours span the change.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from orchestration.core.errors import ReconError
from orchestration.core.policies.model import OperatingModel
from orchestration.core.policies.records import WorkingHours

_MIDNIGHT_AFTER = time(23, 59, 59, 999999)
_MOST_IDLE_DAYS = 400


class NoWorkingTime(ReconError):
    """The hours never open again, so nothing would ever be due."""


@dataclass(frozen=True, slots=True)
class Span:
    """From a moment up to, not including, another; aware UTC."""

    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Pause:
    """The clock stood still.

    Attributes:
        begin: Aware.
        end: Aware; None while it still stands.
    """

    begin: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Hours:
    """Working hours in a time zone.

    Attributes:
        zone: IANA name.
        week: The open spans of each weekday (1 is Monday), local time, in order.
        free: Days without any.
    """

    zone: str
    week: Mapping[int, tuple[tuple[time, time], ...]]
    free: frozenset[date] = frozenset()

    def of_day(self, day: date) -> Iterator[Span]:
        """Yield the open spans of a local day."""
        if day in self.free:
            return
        for opens, closes in self.week.get(day.isoweekday(), ()):
            begin = self._instant(day, opens)
            end = (
                self._instant(day + timedelta(days=1), time(0))
                if closes == _MIDNIGHT_AFTER
                else self._instant(day, closes)
            )
            if begin < end:
                yield Span(begin, end)

    def spans(self, begin: datetime) -> Iterator[Span]:
        """Yield the open spans from a moment on, without end.

        Raises:
            NoWorkingTime: Nothing opens for more than a year.
        """
        day = begin.astimezone(ZoneInfo(self.zone)).date() - timedelta(days=1)
        idle = 0
        while True:
            opened = False
            for span in self.of_day(day):
                if span.end > begin:
                    opened = True
                    yield Span(max(span.begin, begin), span.end)
            idle = 0 if opened else idle + 1
            if idle > _MOST_IDLE_DAYS:
                raise NoWorkingTime(
                    f"The working hours in {self.zone} do not open between "
                    f"{begin.date()} and {day}: see seeds/policies/working_hours.csv."
                )
            day += timedelta(days=1)

    def _instant(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, ZoneInfo(self.zone)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that runs day and night, or in working hours only.

    Attributes:
        hours: None when it runs day and night.
    """

    hours: Hours | None = None

    def elapsed(self, begin: datetime, now: datetime, pauses: Sequence[Pause] = ()) -> timedelta:
        """Return the time that ran between two moments, without pauses; zero before the begin."""
        used = timedelta(0)
        for span in self._running(begin, pauses):
            if span.begin >= now:
                break
            used += min(span.end, now) - span.begin
        return used

    def reached(
        self, begin: datetime, allowed: timedelta, pauses: Sequence[Pause] = ()
    ) -> datetime | None:
        """Return the first moment at which so much time has run; None while a pause has no end.

        Args:
            begin: Aware.
            allowed: Running time, not negative; zero is reached at the begin.
            pauses: In any order; they may overlap.

        Raises:
            NoWorkingTime: The hours never open again.
        """
        left = allowed
        if left <= timedelta(0):
            return begin.astimezone(UTC)
        for span in self._running(begin, pauses):
            length = span.end - span.begin
            if length >= left:
                return span.begin + left
            left -= length
        return None

    def _running(self, begin: datetime, pauses: Sequence[Pause]) -> Iterator[Span]:
        """Yield the spans in which the clock runs; ends where a pause has no end."""
        begin = begin.astimezone(UTC)
        stops = _merged(pauses)
        last = datetime.max.replace(tzinfo=UTC)
        opened = iter([Span(begin, last)]) if self.hours is None else self.hours.spans(begin)
        for span in opened:
            at = span.begin
            for stop in stops:
                if stop.end is not None and stop.end <= at:
                    continue
                if stop.begin >= span.end:
                    break
                if at < stop.begin:
                    yield Span(at, stop.begin)
                if stop.end is None:
                    return
                at = stop.end
            if at < span.end:
                yield Span(at, span.end)


def percent_elapsed(used: timedelta, allowed: timedelta) -> int:
    """Return the share of its time that something has used, whole percent, floored.

    Without any time allowed everything is used: 100.
    """
    if allowed <= timedelta(0):
        return 100
    return 100 * used // allowed


def hours_of(rows: Iterable[WorkingHours], holidays: Mapping[str, frozenset[date]]) -> Hours:
    """Return the working hours of the rows of one `hours_code`."""
    listed = tuple(rows)
    week: dict[int, list[tuple[time, time]]] = {}
    for row in listed:
        week.setdefault(row.weekday, []).append((row.opens_at, row.closes_at))
    calendar = listed[0].calendar_code
    return Hours(
        zone=listed[0].time_zone,
        week={weekday: tuple(sorted(spans)) for weekday, spans in week.items()},
        free=holidays.get(calendar, frozenset()) if calendar is not None else frozenset(),
    )


def clock_for(model: OperatingModel, severity_code: str, role: str, on: date) -> Clock:
    """Return the clock by which a role resolves exceptions of a severity.

    Raises:
        KeyError: There is no such role.
    """
    if model.clock_of(severity_code, on) == "wall":
        return Clock()
    code = model.roles[role].hours_code
    return Clock(hours_of((row for row in model.hours if row.hours_code == code), model.holidays))


def _merged(pauses: Sequence[Pause]) -> tuple[Pause, ...]:
    """Pauses in order, those that meet made one, the empty left out; UTC."""
    merged: list[Pause] = []
    for pause in sorted(pauses, key=lambda one: one.begin):
        begin = pause.begin.astimezone(UTC)
        end = None if pause.end is None else pause.end.astimezone(UTC)
        if end is not None and end <= begin:
            continue
        last = merged[-1] if merged else None
        if last is not None and (last.end is None or begin <= last.end):
            longer = None if last.end is None or end is None else max(last.end, end)
            merged[-1] = Pause(last.begin, longer)
        else:
            merged.append(Pause(begin, end))
    return tuple(merged)
