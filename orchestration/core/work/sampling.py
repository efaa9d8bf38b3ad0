"""Sampling: which decisions by hand are looked at again.

What belongs here: a stratified draw that anybody can repeat. What does not: recording it, and
reviewing. Anyone may import this.

The draw is decided by a hash of a seed and of each decision's id. The seed is something that nobody
knew while deciding, such as the head of the audit chain at the end of the period: so nobody can
tell beforehand what will be drawn, and everybody can check afterwards what was.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal

from orchestration.core.errors import ReconError
from orchestration.core.policies.records import SamplingRule


class NoSamplingRule(ReconError):
    """A decision falls into no stratum, so it could never be drawn."""


@dataclass(frozen=True, slots=True)
class HandDecision:
    """Something that was decided by hand.

    Attributes:
        person_id: Who asked for it.
        risk_amount: Units of the risk currency, not negative.
        decided_on: The day.
    """

    decision_id: str
    action_code: str
    person_id: str
    risk_amount: Decimal
    decided_on: date


@dataclass(frozen=True, slots=True)
class Drawn:
    """A decision that is looked at again.

    Attributes:
        period: Such as `2026-07`, `2026-W27` or `2026-07-01`.
        sampling_id: The rule, as `id v<version>`.
        because: rate, or person for the least that is drawn of everybody.
    """

    decision_id: str
    period: str
    sampling_id: str
    because: str


def draw(
    decisions: Iterable[HandDecision], rules: Sequence[SamplingRule], seed: str
) -> tuple[Drawn, ...]:
    """Return what is looked at again, by period and decision; the order of arguments is nothing.

    Of each stratum (rule and period) the share of the rule is drawn, rounded up; then of everybody
    as many more as the rule demands of each person, over all amounts of the action.

    Raises:
        NoSamplingRule: A decision falls into no stratum.
    """
    strata: dict[tuple[str, SamplingRule], list[HandDecision]] = defaultdict(list)
    for decision in {one.decision_id: one for one in decisions}.values():
        rule = _rule_of(decision, rules)
        strata[_period(decision.decided_on, rule.period_code), rule].append(decision)
    drawn: dict[str, Drawn] = {}
    for (period, rule), members in strata.items():
        ranked = sorted(members, key=lambda one: _rank(seed, one))
        count = int((rule.sample_rate * len(ranked)).to_integral_value(ROUND_CEILING))
        for one in ranked[:count]:
            drawn[one.decision_id] = Drawn(one.decision_id, period, _name(rule), "rate")
    _draw_of_each_person(strata, drawn, seed)
    return tuple(sorted(drawn.values(), key=lambda one: (one.period, one.decision_id)))


def _draw_of_each_person(
    strata: dict[tuple[str, SamplingRule], list[HandDecision]],
    drawn: dict[str, Drawn],
    seed: str,
) -> None:
    of_person: dict[tuple[str, str, str], list[tuple[HandDecision, SamplingRule]]] = defaultdict(
        list
    )
    for (period, rule), members in strata.items():
        for one in members:
            of_person[period, one.action_code, one.person_id].append((one, rule))
    for (period, _, _), owned in of_person.items():
        least = max(rule.least_per_person for _, rule in owned)
        has = sum(one.decision_id in drawn for one, _ in owned)
        rest = sorted(
            ((one, rule) for one, rule in owned if one.decision_id not in drawn),
            key=lambda pair: _rank(seed, pair[0]),
        )
        for one, rule in rest[: max(0, least - has)]:
            drawn[one.decision_id] = Drawn(one.decision_id, period, _name(rule), "person")


def _rule_of(decision: HandDecision, rules: Sequence[SamplingRule]) -> SamplingRule:
    for rule in rules:
        if (
            rule.action_code == decision.action_code
            and rule.holds_on(decision.decided_on)
            and rule.covers(decision.risk_amount)
        ):
            return rule
    raise NoSamplingRule(
        f"No row of seeds/{SamplingRule.file} covers {decision.action_code} of "
        f"{decision.risk_amount:f} on {decision.decided_on}: add one."
    )


def _period(day: date, period_code: str) -> str:
    if period_code == "day":
        return day.isoformat()
    if period_code == "week":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02}"
    return f"{day.year}-{day.month:02}"


def _rank(seed: str, decision: HandDecision) -> tuple[str, str]:
    mixed = hashlib.sha256(f"{seed}\0{decision.decision_id}".encode()).hexdigest()
    return (mixed, decision.decision_id)


def _name(rule: SamplingRule) -> str:
    return f"{rule.sampling_id} v{rule.sampling_version}"
