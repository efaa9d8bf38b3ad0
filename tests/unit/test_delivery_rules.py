"""The pure rules of delivery: limiter, breaker, waits."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pybreaker
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.delivery import breaker, limiter
from orchestration.core.delivery.answers import NEXT_STATE, AnswerClass
from orchestration.core.delivery.breaker import BreakerPolicy, BreakerRow, BreakerState
from orchestration.core.delivery.limiter import Bucket
from orchestration.core.delivery.payloads import differences
from orchestration.core.delivery.waits import backoff

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)
POLICY = BreakerPolicy(3, 3600, 30, 120, 1, 60)


@settings(max_examples=200, deadline=None)
@given(
    rate=st.integers(1, 50),
    burst=st.integers(1, 10),
    steps=st.lists(st.tuples(st.integers(0, 900_000), st.integers(1, 20)), max_size=60),
)
def test_no_sliding_window_ever_sees_more_than_the_rate(rate, burst, steps):
    """T8."""
    bucket, now, granted = Bucket(), NOON, []
    for passed_us, wanted in steps:
        now += timedelta(microseconds=passed_us)
        count, bucket = limiter.take(
            bucket, rate_per_second=Decimal(rate), burst=burst, now=now, wanted=wanted
        )
        granted.append((now, count))
    for start, (begun, _) in enumerate(granted):
        total = 0
        for at, count in granted[start:]:
            total += count
            assert total <= burst + Decimal(rate) * Decimal(
                str((at - begun).total_seconds())
            ) + Decimal("0.001")


def test_an_idle_bucket_is_full_and_an_empty_one_fills_at_the_rate():
    given_rate = {"rate_per_second": Decimal(10), "burst": 5}
    first, bucket = limiter.take(Bucket(), now=NOON, wanted=9, **given_rate)
    later = NOON + timedelta(milliseconds=205)
    second, bucket = limiter.take(bucket, now=later, wanted=9, **given_rate)
    idle = NOON + timedelta(hours=1)
    third, _ = limiter.take(bucket, now=idle, wanted=9, **given_rate)
    assert (first, second, third) == (5, 2, 5)


def test_a_receiver_that_asks_for_less_gets_half_and_the_rate_comes_back():
    bucket = limiter.slowed(limiter.slowed(Bucket(), NOON), NOON)
    assert bucket.rate_percent == 50
    bucket = limiter.slowed(bucket, NOON + timedelta(seconds=2))
    assert bucket.rate_percent == 25
    rate = {"rate_per_second": Decimal(10), "burst": 1, "wanted": 1}
    _, bucket = limiter.take(bucket, now=NOON + timedelta(seconds=63), **rate)
    assert bucket.rate_percent == 50
    _, bucket = limiter.take(bucket, now=NOON + timedelta(seconds=200), **rate)
    assert bucket.rate_percent == 100


def test_what_was_granted_and_not_used_is_given_back():
    rate = {"rate_per_second": Decimal(1), "burst": 3}
    _, bucket = limiter.take(Bucket(), now=NOON, wanted=3, **rate)
    bucket = limiter.give_back(bucket, rate_per_second=Decimal(1), count=2)
    again, _ = limiter.take(bucket, now=NOON, wanted=3, **rate)
    assert again == 2


@settings(max_examples=200, deadline=None)
@given(st.lists(st.booleans(), max_size=60))
def test_the_breaker_does_what_pybreaker_does(outcomes):
    """The oracle counts failures in a row and knows no growing time: each call is made singly,
    successes clear our failures as its do, and time passes until it would try again."""
    oracle = pybreaker.CircuitBreaker(fail_max=3, reset_timeout=0)
    row, now = BreakerRow(), NOON
    for is_success in outcomes:
        if row.open_until is not None:
            now = row.open_until
        granted, row = breaker.admit(row, POLICY, now, 1)
        assert granted == 1
        with suppress(pybreaker.CircuitBreakerError, ValueError):
            oracle.call(_answer, is_success)
        if is_success:
            row = breaker.succeeded(row, now)
            if row.state is BreakerState.CLOSED:
                row = BreakerRow(open_seconds=row.open_seconds, closed_at=row.closed_at)
        else:
            row = breaker.failed(row, POLICY, now)
        assert row.state.value == oracle.current_state
        now += timedelta(seconds=1)


def _answer(is_success: bool) -> None:
    if not is_success:
        raise ValueError


def test_an_open_breaker_lets_nothing_through_and_then_one_probe_over_all():
    row = BreakerRow()
    for _ in range(3):
        row = breaker.failed(row, POLICY, NOON)
    assert breaker.admit(row, POLICY, NOON + timedelta(seconds=29), 9)[0] == 0
    later = NOON + timedelta(seconds=30)
    granted, row = breaker.admit(row, POLICY, later, 9)
    again, row = breaker.admit(row, POLICY, later, 9)
    assert (granted, again) == (1, 0)
    lost, _ = breaker.admit(row, POLICY, later + timedelta(seconds=60), 9)
    assert lost == 1, "a probe whose process died does not keep it half open for ever"


def test_open_time_grows_to_its_cap_and_starts_anew_after_calm():
    row, now, seconds = BreakerRow(), NOON, []
    for _ in range(3):
        row = breaker.failed(row, POLICY, now)
    for _ in range(4):
        seconds.append(row.open_seconds)
        now = row.open_until
        _, row = breaker.admit(row, POLICY, now, 1)
        row = breaker.failed(row, POLICY, now)
    assert seconds == [30, 60, 120, 120]
    now = row.open_until
    _, row = breaker.admit(row, POLICY, now, 1)
    row = breaker.succeeded(row, now)
    now += timedelta(seconds=4 * 120 + 1)
    for _ in range(3):
        row = breaker.failed(row, POLICY, now)
    assert row.open_seconds == 30


def test_failures_far_apart_do_not_open_it():
    row = BreakerRow()
    for number in range(10):
        row = breaker.failed(row, POLICY, NOON + timedelta(hours=number))
    assert row.state is BreakerState.CLOSED


@pytest.mark.parametrize(("failures", "longest"), [(1, 2), (2, 4), (12, 900), (10**9, 900)])
def test_the_wait_doubles_to_its_cap_and_is_drawn_from_all_of_it(failures, longest):
    policy = {"base_seconds": 2, "cap_seconds": 900}
    drawn = [
        backoff(failures, jitter="full", chance=lambda share=share: share, **policy)
        for share in (0.0, 0.5)
    ]
    assert drawn == [timedelta(0), timedelta(seconds=longest / 2)]
    whole = backoff(failures, jitter="none", chance=lambda: 0.0, **policy)
    assert whole == timedelta(seconds=longest)


def test_every_answer_leads_somewhere():
    assert set(NEXT_STATE) == set(AnswerClass)


def test_a_difference_names_its_place():
    before, after = '{"a":{"b":[1,{"c":"x"}]},"d":null}', '{"a":{"b":[1,{"c":"y"}]},"e":1}'
    assert differences(before, after) == (
        'a.b[1].c: "x" at first, "y" now',
        "d: null at first, nothing now",
        "e: nothing at first, 1 now",
    )
