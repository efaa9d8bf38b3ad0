"""The suite of the validation gate: one expectation a gate, over the orders about to go downstream.

What belongs here: how the facts of `gates.int_gate_subjects` are judged. What does not: the facts
themselves (SQL), and what a failure means for the order (SQL again, after the gate).
Imported by `runner`.
"""

from expectations.gate_rules import GateRule, GateRules
from expectations.plan import RowNames, RowRule, Suite
from orchestration.warehouse.connection import literal

SUITE = "order_versions"
SUBJECTS = "gates.int_gate_subjects"

_NAMES = RowNames(
    key=("tenant", "order_id"),
    stream="gate_code",
    recon_key="recon_key",
    order_version_no="version_no",
    columns=("tenant", "order_id", "gate_code", "recon_key", "version_no"),
)


def order_versions_suite(rules: GateRules, row_count: int) -> Suite:
    """Return the suite over all subjects.

    Args:
        rules: The gates; each becomes one expectation that bears its code.
        row_count: Subjects that there are.
    """
    return Suite(
        name=SUITE,
        rows_sql=f"select * from {SUBJECTS}",
        rows_label="current order versions, one row a gate",
        row_count=row_count,
        names=_NAMES,
        checks=tuple(gate_check(rule) for rule in rules.current),
    )


def gate_check(rule: GateRule) -> RowRule:
    """Return the expectation of one gate.

    It holds for the rows of other gates, for what the gate could not judge, and for a row without
    a breach whose deviation somebody had the authority to allow.
    """
    return RowRule(
        name=rule.gate_code,
        columns=(
            "gate_code",
            "is_judged",
            "breach_count",
            "deviation_amount",
            "authority_amount",
            "tolerance_amount",
            "expected_value",
            "actual_value",
        ),
        condition=(
            f"gate_code <> {literal(rule.gate_code)} or not is_judged or (breach_count = 0"
            " and deviation_amount <= authority_amount + tolerance_amount)"
        ),
        reason=f"The order fails the gate {rule.gate_label}: it is held until it passes, or until "
        f"{rule.approver_role} waives it.",
        expected="expected_value",
        actual="actual_value",
        severity=rule.severity,
    )
