"""The token bucket of one receiver: how many calls may go now.

What belongs here: the arithmetic. What does not: the row that all processes share
(`orchestration.ledger.outbox_health`). Anyone may import this.

The bucket is kept as one moment, from which it follows how full it is: when it will be full again.
In any stretch of w seconds at most `burst + rate * w` calls are granted.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

LEAST_PERCENT = 5
RECOVERY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is known; moments are aware.

    Attributes:
        full_at: When the bucket will be full; None when it is.
        rate_percent: Share of the policy's rate that is used since the receiver asked for less.
        slowed_at: When it asked last; None never.
    """

    full_at: datetime | None = None
    rate_percent: int = 100
    slowed_at: datetime | None = None


def take(
    bucket: Bucket, *, rate_per_second: Decimal, burst: int, now: datetime, wanted: int
) -> tuple[int, Bucket]:
    """Return how many of the wanted calls may go now, and the bucket without them.

    Args:
        bucket: As it was left.
        rate_per_second: Calls a second in the long run.
        burst: Calls at once when it was quiet before.
        now: Aware, by a clock that never goes back.
        wanted: How many are wanted.
    """
    bucket = _recovered(bucket, now)
    interval_us = int(Decimal(100_000_000) / (rate_per_second * bucket.rate_percent)) + 1
    full_at = max(bucket.full_at or now, now)
    missing_us = (full_at - now) // timedelta(microseconds=1)
    room_us = burst * interval_us - missing_us
    granted = max(0, min(wanted, room_us // interval_us))
    filled = full_at + timedelta(microseconds=granted * interval_us)
    return granted, Bucket(filled, bucket.rate_percent, bucket.slowed_at)


def give_back(bucket: Bucket, *, rate_per_second: Decimal, count: int) -> Bucket:
    """Return the bucket with calls put back that were granted and never made."""
    if bucket.full_at is None or count == 0:
        return bucket
    interval_us = int(Decimal(100_000_000) / (rate_per_second * bucket.rate_percent)) + 1
    full_at = bucket.full_at - timedelta(microseconds=count * interval_us)
    return Bucket(full_at, bucket.rate_percent, bucket.slowed_at)


def slowed(bucket: Bucket, now: datetime) -> Bucket:
    """Return the bucket after the receiver asked for less: half the rate, at most once a second."""
    if bucket.slowed_at is not None and now < bucket.slowed_at + timedelta(seconds=1):
        return bucket
    return Bucket(bucket.full_at, max(LEAST_PERCENT, bucket.rate_percent // 2), now)


def _recovered(bucket: Bucket, now: datetime) -> Bucket:
    """The bucket after quiet time: the rate doubles with each minute until it is whole."""
    if bucket.slowed_at is None or bucket.rate_percent >= 100:
        return bucket
    minutes = int((now - bucket.slowed_at).total_seconds() // RECOVERY_SECONDS)
    if minutes < 1:
        return bucket
    percent = min(100, bucket.rate_percent * 2 ** min(minutes, 8))
    return Bucket(bucket.full_at, percent, now if percent < 100 else None)
