"""Samples of what was decided by hand: drawn once a month, by the engine, on record.

What belongs here: when a draw is due, recording it, drawing it again to check it. What does not:
which decisions a draw takes (`core.work.sampling`), and what looking at them has shown (that is the
review of an approval). What stands above the ledger imports this.

The seed is the hash of the last event before the draw. Nobody who decides something in a month can
know it, and everybody can read it afterwards and draw again. A stratum by day or week lies within
its month.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, select

from orchestration.core.chain import GENESIS
from orchestration.core.policies import OperatingModel
from orchestration.core.work.sampling import Drawn, draw
from orchestration.ledger.events import Actor, Draft, append
from orchestration.ledger.override_alarms import hand_decisions
from orchestration.ledger.tables import approvals, events

SUBJECT, ACTION = "sample", "sample_drawn"


@dataclass(frozen=True, slots=True)
class Sample:
    """One draw as it stands on record.

    Attributes:
        period: The month, such as `2026-07`.
        seed: The hash that decided it.
        seed_seq: The event whose hash that is; 0 before the first.
        decision_count: How many decisions of the month there were to draw from.
        drawn: Mappings with approval_id, sampling_id, because, and reviewed_by (empty: nobody yet).
        is_repeatable: Whether drawing again takes the same.
    """

    period: str
    seed: str
    seed_seq: int
    decision_count: int
    drawn: tuple[Mapping[str, str], ...]
    is_repeatable: bool


def draw_due(
    connection: Connection, model: OperatingModel, actor: Actor, at: datetime
) -> tuple[str, ...]:
    """Draw every month that is over and not drawn yet; return those months. Safe to repeat.

    Raises:
        NoSamplingRule: A decision falls into no stratum.
    """
    first = connection.execute(select(func.min(approvals.c.in_force_at))).scalar()
    if first is None:
        return ()
    known: set[str] = set(connection.execute(select(events.c.subject_id).where(*_DRAWS)).scalars())
    done = []
    for begin, end in _months(datetime.fromisoformat(first), at):
        period = f"{begin:%Y-%m}"
        if period in known:
            continue
        decisions = hand_decisions(connection, begin, end)
        if not decisions:
            continue
        last = connection.execute(
            select(events.c.seq, events.c.hash).order_by(events.c.seq.desc()).limit(1)
        ).first()
        seq, seed = (last.seq, last.hash) if last is not None else (0, GENESIS)
        drawn = draw(decisions, model.sampling, seed)
        payload = {
            "seed": seed,
            "seed_seq": seq,
            "decision_count": len(decisions),
            "policy_version": model.version,
            "drawn": _listed(drawn),
        }
        reason = f"{len(drawn)} of {len(decisions)} decisions by hand are looked at again"
        append(connection, [Draft(at, actor, ACTION, SUBJECT, period, reason, payload)])
        done.append(period)
    return tuple(done)


def read_samples(
    connection: Connection, model: OperatingModel, period: str | None
) -> tuple[Sample, ...]:
    """Return the draws of a month, or of all, newest first; each is drawn again to check it."""
    chosen = select(events.c.subject_id, events.c.payload).where(*_DRAWS)
    if period is not None:
        chosen = chosen.where(events.c.subject_id == period)
    rows = connection.execute(chosen.order_by(events.c.subject_id.desc())).all()
    reviewers = _reviewers(connection)
    return tuple(
        _sample(connection, model, row.subject_id, json.loads(row.payload), reviewers)
        for row in rows
    )


def _sample(
    connection: Connection,
    model: OperatingModel,
    period: str,
    payload: dict[str, Any],
    reviewers: Mapping[str, str],
) -> Sample:
    begin = datetime.strptime(period, "%Y-%m").replace(tzinfo=UTC)
    decisions = hand_decisions(connection, begin, _next_month(begin))
    again = _listed(draw(decisions, model.sampling, payload["seed"]))
    return Sample(
        period,
        payload["seed"],
        payload["seed_seq"],
        payload["decision_count"],
        tuple(
            {**one, "reviewed_by": reviewers.get(one["approval_id"], "")}
            for one in payload["drawn"]
        ),
        again == payload["drawn"] and len(decisions) == payload["decision_count"],
    )


_DRAWS = (events.c.subject_type == SUBJECT, events.c.action == ACTION)


def _listed(drawn: Sequence[Drawn]) -> list[dict[str, str]]:
    return [
        {"approval_id": one.decision_id, "sampling_id": one.sampling_id, "because": one.because}
        for one in drawn
    ]


def _reviewers(connection: Connection) -> dict[str, str]:
    """Who looked at each approval again; the last of them."""
    rows = connection.execute(
        select(events.c.subject_id, events.c.actor_id)
        .where(events.c.subject_type == "approval", events.c.action == "override_reviewed")
        .order_by(events.c.seq)
    ).all()
    return {row.subject_id: row.actor_id for row in rows}


def _months(first: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The months from that of `first` up to the last that is over at `until`, in UTC."""
    begin = first.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while _next_month(begin) <= until.astimezone(UTC):
        yield begin, _next_month(begin)
        begin = _next_month(begin)


def _next_month(begin: datetime) -> datetime:
    year, month = divmod(begin.year * 12 + begin.month, 12)
    return begin.replace(year=year, month=month + 1)
