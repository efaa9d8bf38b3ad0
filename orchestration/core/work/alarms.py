"""Alarms: more decided by hand by one person on one day than control lets pass in silence.

What belongs here: which alarms a day's decisions raise. What does not: recording them, telling
anybody. Anyone may import this.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from orchestration.core.policies.records import OverrideAlarm
from orchestration.core.work.sampling import HandDecision


@dataclass(frozen=True, slots=True)
class Alarm:
    """One person decided too much of one kind on one day.

    Attributes:
        alarm_key: The same for the same person, action and day, however often it is asked.
        exception_code: The control class that it is.
        amount: Sum of the day, units of the risk currency.
    """

    alarm_key: str
    exception_code: str
    action_code: str
    person_id: str
    day: date
    count: int
    amount: Decimal
    sentence: str


def alarms_of(
    decisions: Iterable[HandDecision], policies: Sequence[OverrideAlarm]
) -> tuple[Alarm, ...]:
    """Return the alarms that decisions raise, by day, person and action.

    Args:
        decisions: Everything that was decided by hand, signed or not yet signed: many requests are
            as much a sign as many decisions. Repeated ids count once.
        policies: What passes in silence.
    """
    groups: dict[tuple[date, str, str], list[Decimal]] = defaultdict(list)
    for one in {decision.decision_id: decision for decision in decisions}.values():
        groups[one.decided_on, one.person_id, one.action_code].append(one.risk_amount)
    alarms = []
    for (day, person_id, action), amounts in sorted(groups.items()):
        for policy in policies:
            if policy.action_code != action or not policy.holds_on(day):
                continue
            total = sum(amounts, Decimal(0))
            above = policy.most_amount is not None and total > policy.most_amount
            if len(amounts) <= policy.most_count and not above:
                continue
            what = action.replace("_", " ")
            alarms.append(
                Alarm(
                    alarm_key=f"{policy.alarm_id}/{person_id}/{day}",
                    exception_code=policy.exception_code,
                    action_code=action,
                    person_id=person_id,
                    day=day,
                    count=len(amounts),
                    amount=total,
                    sentence=(
                        f"{person_id}: {len(amounts)} x {what} on {day}, {total:f} in all; "
                        f"{policy.alarm_id} lets {policy.most_count} pass"
                        + (f" up to {policy.most_amount:f}." if policy.most_amount else ".")
                    ),
                )
            )
    return tuple(alarms)
