"""What readers of the marts were promised, as data.

What belongs here: for each mart the columns that others rely on, what is never empty, and where the
allowed codes of a column are listed. What does not: how that is judged (`published_suites`).
Imported by `published_suites`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Codes:
    """Where the allowed codes of a column are listed: a seed, or here.

    Attributes:
        seed: Table of schema `seeds`; empty when the codes are listed here.
        column: Its column with the codes.
        where: SQL filter of its rows.
        listed: The codes, when they are part of the published interface itself.
    """

    seed: str = ""
    column: str = ""
    where: str = "true"
    listed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MartPromise:
    """What readers of one mart rely on.

    Attributes:
        key: The grain; never empty.
        filled: Further columns that are never empty.
        columns: Further columns that are there.
        codes: Allowed codes by column.
        must_exist: Without this table nothing is published.
    """

    key: tuple[str, ...]
    filled: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    codes: Mapping[str, Codes] = field(default_factory=dict)
    must_exist: bool = True


_ORDER_TYPES = ("new", "renewal", "amendment", "commerce", "marketplace", "return")
_CURRENCIES = Codes("currencies", "currency_code")
_LEGS = Codes("legs", "leg_code")
_RESIDUALS = Codes("residual_classes", "residual_class")

PROMISES: Mapping[str, MartPromise] = {
    "fct_orders": MartPromise(
        key=("recon_key",),
        filled=(
            "tenant",
            "order_id",
            "source_system",
            "order_type",
            "currency_code",
            "version_no",
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
            "total_amount",
            "state_code",
            "ordered_at",
            "reconciled_at",
            "sla_due_at",
            "latency_hours",
            "residual_amount",
            "open_exception_count",
            "leak_amount",
        ),
        codes={
            "order_type": Codes(listed=_ORDER_TYPES),
            "currency_code": _CURRENCIES,
            "state_code": Codes("states", "state_code", "subject_type = 'order'"),
        },
    ),
    "fct_order_versions": MartPromise(
        key=("recon_key", "version_no"),
        columns=("valid_from", "valid_to", "known_from", "known_to", "change_kind", "approved_by"),
    ),
    "fct_order_lines": MartPromise(
        key=("line_key", "version_no"),
        filled=("recon_key",),
        columns=("sku", "seller_id", "quantity", "unit_price", "net_amount", "tax_amount"),
    ),
    "fct_order_legs": MartPromise(
        key=("recon_key", "leg_code"),
        filled=("status_code", "currency_code", "is_due", "is_overdue"),
        columns=(
            "expected_amount",
            "matched_amount",
            "open_amount",
            "residual_amount",
            "residual_class",
            "due_at",
            "matched_at",
        ),
        codes={
            "leg_code": _LEGS,
            "status_code": Codes("states", "state_code", "subject_type = 'leg'"),
            "residual_class": _RESIDUALS,
        },
    ),
    "fct_matches": MartPromise(
        key=("match_id",),
        filled=("leg_code", "match_kind", "rule_id", "rule_version", "explanation"),
        columns=("cardinality", "residual_amount", "residual_class", "margin"),
        codes={
            "leg_code": _LEGS,
            "match_kind": Codes(listed=("auto", "tolerance", "manual", "forced", "suggested")),
            "residual_class": _RESIDUALS,
        },
    ),
    "fct_match_members": MartPromise(
        key=("match_id", "side", "native_id"),
        filled=("source_system", "stream"),
        columns=("line_no", "recon_key", "allocated_amount"),
        codes={"side": Codes(listed=("expected", "actual"))},
    ),
    "fct_exceptions": MartPromise(
        key=("exception_id",),
        filled=(
            "exception_code",
            "tenant",
            "severity_code",
            "owner_role",
            "opened_at",
            "status_code",
            "explanation",
        ),
        columns=(
            "leg_code",
            "recon_key",
            "native_ref",
            "leak_amount",
            "leak_kind",
            "currency_code",
            "assignee_id",
            "approver_role",
            "due_at",
            "evidence",
            "incident_id",
            "reopen_count",
        ),
        codes={
            "exception_code": Codes("exception_classes", "exception_code"),
            "leg_code": _LEGS,
            "severity_code": Codes(listed=("critical", "high", "medium", "low")),
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
    "fct_state_changes": MartPromise(
        key=("recon_key",),
        columns=("from_code", "to_code", "changed_at", "known_from"),
        must_exist=False,
    ),
}
