"""Clocks of service levels: for all moments, pauses, zones and hours."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.core.work.clocks import (
    Clock,
    Hours,
    NoWorkingTime,
    Pause,
    percent_elapsed,
)

BEGIN = datetime(2026, 3, 20, tzinfo=UTC)
MOMENTS = st.integers(0, 60 * 24 * 40).map(lambda minutes: BEGIN + timedelta(minutes=minutes))
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
SPANS = st.sampled_from(
    [(time(9), time(17)), (time(0), time(23, 59, 59, 999999)), (time(1), time(4))]
)
FREE = st.frozensets(
    st.integers(0, 40).map(lambda days: date(2026, 3, 20) + timedelta(days)), max_size=6
)


@st.composite
def clocks(draw) -> Clock:
    """A clock that runs day and night, or in the hours of at least one weekday."""
    if draw(st.booleans()):
        return Clock()
    days = draw(st.frozensets(st.integers(1, 7), min_size=1))
    span = draw(SPANS)
    return Clock(Hours(draw(ZONES), dict.fromkeys(days, (span,)), draw(FREE)))


@st.composite
def pauses(draw) -> tuple[Pause, ...]:
    """Pauses that may overlap and may be empty, all with an end."""
    pairs = draw(st.lists(st.tuples(MOMENTS, MOMENTS), max_size=5))
    return tuple(Pause(min(pair), max(pair)) for pair in pairs)


ALLOWED = st.integers(1, 60 * 24 * 5).map(lambda minutes: timedelta(minutes=minutes))


@given(clocks(), MOMENTS, ALLOWED, pauses())
def test_when_the_time_is_up_exactly_the_time_has_run(clock, begin, allowed, stops):
    end = clock.reached(begin, allowed, stops)

    assert end is not None
    assert clock.elapsed(begin, end, stops) == allowed
    assert clock.elapsed(begin, end - timedelta(microseconds=1), stops) < allowed


@given(clocks(), MOMENTS, MOMENTS, MOMENTS, pauses())
def test_time_never_runs_back_and_adds_up(clock, begin, one, other, stops):
    earlier, later = sorted((one, other))

    before, after = clock.elapsed(begin, earlier, stops), clock.elapsed(begin, later, stops)

    assert timedelta(0) <= before <= after <= max(timedelta(0), later - begin)
    if begin <= earlier:
        assert after - before == clock.elapsed(earlier, later, stops)


@given(clocks(), MOMENTS, ALLOWED, pauses(), pauses())
def test_a_further_pause_never_makes_anything_due_sooner(clock, begin, allowed, stops, more):
    assert clock.reached(begin, allowed, stops) <= clock.reached(begin, allowed, (*stops, *more))


@given(clocks(), MOMENTS, ALLOWED, pauses())
def test_the_order_and_the_overlap_of_pauses_are_nothing(clock, begin, allowed, stops):
    assert clock.reached(begin, allowed, stops) == clock.reached(
        begin, allowed, (*reversed(stops), *stops)
    )


@given(clocks(), MOMENTS, ALLOWED)
def test_a_pause_without_an_end_stops_the_clock_for_good(clock, begin, allowed):
    assert clock.reached(begin, allowed, (Pause(begin - timedelta(days=1)),)) is None
    assert clock.elapsed(begin, begin + timedelta(days=30), (Pause(begin),)) == timedelta(0)


@given(MOMENTS, ALLOWED, ZONES)
def test_a_clock_without_hours_is_the_one_that_is_always_open(begin, allowed, zone):
    span = (time(0), time(23, 59, 59, 999999))
    always = Clock(Hours(zone, dict.fromkeys(range(1, 8), (span,))))

    assert always.reached(begin, allowed) == Clock().reached(begin, allowed) == begin + allowed


def test_office_hours_skip_nights_weekends_and_holidays():
    hours = Hours("Europe/Berlin", {day: ((time(9), time(17)),) for day in range(1, 6)},
                  frozenset({date(2026, 4, 3), date(2026, 4, 6)}))  # fmt: skip
    thursday = datetime(2026, 4, 2, 15, tzinfo=ZoneInfo("Europe/Berlin"))

    due = Clock(hours).reached(thursday, timedelta(hours=10))

    # Good Friday to Easter Monday are free: two hours on Thursday, eight on Tuesday.
    assert due == datetime(2026, 4, 7, 15, tzinfo=UTC)


def test_a_day_on_which_clocks_change_is_as_long_as_it_is():
    span = (time(0), time(23, 59, 59, 999999))
    night = Clock(Hours("Europe/Berlin", {7: (span,)}))
    spring, autumn = (datetime(2026, 3, 29, tzinfo=ZoneInfo("Europe/Berlin")),
                      datetime(2026, 10, 25, tzinfo=ZoneInfo("Europe/Berlin")))  # fmt: skip

    assert night.elapsed(spring, spring + timedelta(days=1)) == timedelta(hours=23)
    assert night.elapsed(autumn, autumn + timedelta(days=1)) == timedelta(hours=25)


def test_hours_that_never_open_are_an_error_and_no_endless_loop():
    with pytest.raises(NoWorkingTime, match=r"working_hours\.csv"):
        Clock(Hours("UTC", {})).reached(BEGIN, timedelta(hours=1))


@given(st.integers(0, 10_000), st.integers(1, 5_000))
def test_percent_is_floored_so_nothing_is_due_early(used, allowed):
    percent = percent_elapsed(timedelta(minutes=used), timedelta(minutes=allowed))

    assert percent * allowed <= 100 * used < (percent + 1) * allowed
