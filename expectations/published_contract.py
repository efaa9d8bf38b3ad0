"""What readers of the marts were promised, as data.

What belongs here: for each mart the columns that others rely on, what is never empty, and where the
allowed codes of a column are listed. What does not: how that is judged (`published_suites`).
Imported by `published_suites`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Codes:
    """Where the allowed codes of a column are listed: in a seed, here, or some in each.

    Attributes:
        seed: Table of schema `seeds`; empty when all codes are listed here.
        column: Its column with the codes.
        where: SQL filter of its rows.
        listed: Codes that are part of the published interface itself.
    """

    seed: str = ""
    column: str = ""
    where: str = "true"
    listed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MartPromise:
    """What readers of one mart rely on.

    Attributes:
        key: The grain, or the part of it that is never empty, neither null nor blank.
        filled: Further columns that are never empty; totals are among them.
        columns: Further columns that are there.
        codes: Allowed codes by column.
    """

    key: tuple[str, ...]
    filled: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    codes: Mapping[str, Codes] = field(default_factory=dict)


_ORDER_TYPES = ("new", "renewal", "amendment", "commerce", "marketplace", "return")
_CURRENCIES = Codes("currencies", "currency_code")
_LEGS = Codes("legs", "leg_code")
_RESIDUALS = Codes("residual_classes", "residual_class")
_MATCH_KINDS = Codes(listed=("auto", "tolerance", "manual", "forced", "suggested", "none"))
_NO_LEG = ""  # the leg of an exception or change that concerns the order as a whole

PROMISES: Mapping[str, MartPromise] = {
    "fct_orders": MartPromise(
        key=("recon_key",),
        filled=(
            "tenant",
            "order_id",
            "source_system",
            "order_type",
            "currency_code",
            "total_amount",
            "residual_amount",
            "leak_amount",
            "open_exception_count",
            "version_no",
            "state_code",
            "is_reconciled",
            "is_zero_value",
            "is_synthetic",
            "is_test",
        ),
        columns=(
            "channel",
            "customer_id",
            "customer_tier",
            "segment",
            "sales_owner_id",
            "ordered_at",
            "reconciled_at",
            "sla_due_at",
            "latency_hours",
        ),
        codes={
            "order_type": Codes(listed=_ORDER_TYPES),
            "currency_code": _CURRENCIES,
            # Test orders are in no figure.
            "state_code": Codes(
                "states", "state_code", "subject_type = 'order'", listed=("excluded",)
            ),
        },
    ),
    "fct_order_versions": MartPromise(
        key=("recon_key", "version_no"),
        filled=("order_id", "source_system", "total_amount", "known_from"),
        columns=("valid_from", "valid_to", "known_to", "change_kind", "approved_by"),
    ),
    "fct_order_lines": MartPromise(
        key=("line_key", "version_no"),
        filled=("recon_key",),
        columns=("sku", "seller_id", "quantity", "unit_price", "net_amount", "tax_amount"),
    ),
    "fct_order_legs": MartPromise(
        key=("recon_key", "leg_code"),
        filled=(
            "status_code",
            "currency_code",
            "expected_amount",
            "matched_amount",
            "open_amount",
            "residual_amount",
            "residual_class",
            "is_due",
            "is_overdue",
        ),
        columns=("due_at", "matched_at"),
        codes={
            "leg_code": _LEGS,
            "status_code": Codes("states", "state_code", "subject_type = 'leg'"),
            "residual_class": _RESIDUALS,
        },
    ),
    "fct_matches": MartPromise(
        key=("match_id",),
        filled=(
            "leg_code",
            "match_kind",
            "rule_version",
            "cardinality",
            "residual_amount",
            "residual_class",
            "explanation",
        ),
        columns=("rule_id", "margin"),
        codes={
            "leg_code": _LEGS,
            "match_kind": _MATCH_KINDS,
            "residual_class": _RESIDUALS,
        },
    ),
    "fct_match_members": MartPromise(
        key=("match_id", "side"),
        filled=("source_system", "stream", "allocated_amount"),
        columns=("native_id", "line_no", "recon_key"),
        codes={"side": Codes(listed=("expected", "actual"))},
    ),
    "fct_exceptions": MartPromise(
        key=("exception_id",),
        filled=(
            "exception_code",
            "native_ref",
            "severity_code",
            "leak_amount",
            "leak_kind",
            "owner_role",
            "approver_role",
            "ticket_state_code",
            "status_code",
            "explanation",
            "evidence",
            "reopen_count",
        ),
        columns=(
            "leg_code",
            "recon_key",
            "tenant",
            "currency_code",
            "assignee_id",
            "opened_at",
            "due_at",
            "incident_id",
        ),
        codes={
            "exception_code": Codes("exception_classes", "exception_code"),
            "leg_code": Codes("legs", "leg_code", listed=(_NO_LEG,)),
            "severity_code": Codes(listed=("critical", "high", "medium", "low", "info")),
            "leak_kind": Codes(listed=("loss", "owed", "timing", "none")),
            "ticket_state_code": Codes("states", "state_code", "subject_type = 'ticket'"),
        },
    ),
    "fct_source_accounting": MartPromise(
        key=("source", "stream", "disposition"),
        filled=("row_count", "amount"),
        columns=("reason_code",),
        codes={
            "disposition": Codes(
                listed=(
                    "matched",
                    "in_exception",
                    "not_due",
                    "excluded",
                    "superseded",
                    "rejected",
                )
            )
        },
    ),
    "fct_gate_results": MartPromise(
        key=("recon_key", "version_no", "gate_code"),
        filled=("result_code", "rule_version"),
        columns=("expected_value", "actual_value"),
        codes={
            "result_code": Codes(listed=("pass", "fail", "waived", "not_applicable", "not_run")),
        },
    ),
    "fct_state_changes": MartPromise(
        key=("recon_key", "to_code", "known_from"),
        filled=("subject", "actor_id", "changed_at", "rule_version"),
        columns=("from_code", "reason"),
        codes={"to_code": Codes("states", "state_code", listed=("excluded",))},
    ),
    "fct_synthetic_results": MartPromise(
        key=("injected_on", "case_id"),
        filled=("family_code", "result_code"),
        columns=("expected_codes", "actual_codes", "expected_state", "actual_state"),
        codes={"result_code": Codes(listed=("PASS", "FAIL"))},
    ),
}
