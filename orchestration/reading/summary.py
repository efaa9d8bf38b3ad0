"""The figures of one publication on one page.

What belongs here: counts and sums over the marts. What does not: single orders or exceptions.
Who may import this is said in `orchestration.reading`.

Synthetic and test orders are in no figure, zero-value orders are counted apart. Amounts are never
added across currencies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from orchestration.warehouse.reader import Published

OPEN_STATUS = "status_code not in ('resolved', 'auto_closed', 'RESOLVED', 'AUTO_CLOSED')"
COUNTED = "not fct_orders.is_test and not fct_orders.is_synthetic"

ORDERS = f"""
    select
        fct_orders.state_code,
        fct_orders.currency_code,
        count(*) as order_count,
        sum(fct_orders.total_amount) as amount
    from marts.fct_orders
    where {COUNTED} and not fct_orders.is_zero_value
    group by fct_orders.state_code, fct_orders.currency_code
    order by fct_orders.state_code, fct_orders.currency_code
"""
SHARE = f"""
    select
        count(*) as due_count,
        count(*) filter (where fct_orders.is_reconciled) as reconciled_count
    from marts.fct_orders
    where {COUNTED} and not fct_orders.is_zero_value
        and fct_orders.state_code not in ('draft', 'void')
        and exists (
            select 1
            from marts.fct_order_legs
            where fct_order_legs.recon_key = fct_orders.recon_key and fct_order_legs.is_due
        )
"""
LEFT_OUT = """
    select
        count(*) filter (where fct_orders.is_test or fct_orders.is_synthetic) as not_real_count,
        count(*) filter (where fct_orders.is_zero_value) as zero_value_count
    from marts.fct_orders
"""
LEGS = f"""
    select
        fct_order_legs.leg_code,
        count(*) filter (where fct_order_legs.is_due) as due_count,
        count(*) filter (where fct_order_legs.is_due and fct_order_legs.status_code = 'matched')
            as matched_count,
        count(*) filter (where fct_order_legs.status_code = 'exception') as exception_count,
        count(*) filter (where fct_order_legs.is_overdue) as overdue_count
    from marts.fct_order_legs
    inner join marts.fct_orders on fct_orders.recon_key = fct_order_legs.recon_key
    where {COUNTED}
    group by fct_order_legs.leg_code
    order by fct_order_legs.leg_code
"""
EXCEPTIONS = f"""
    select
        fct_exceptions.exception_code,
        fct_exceptions.ticket_severity_code as severity_code,
        fct_exceptions.owner_role,
        fct_exceptions.leak_kind,
        fct_exceptions.currency_code,
        count(*) as exception_count,
        sum(fct_exceptions.leak_amount) as leak_amount
    from marts.fct_exceptions
    where {OPEN_STATUS}
    group by all
    order by sum(abs(coalesce(fct_exceptions.leak_amount, 0))) desc, fct_exceptions.exception_code,
        fct_exceptions.ticket_severity_code, fct_exceptions.currency_code
"""
SOURCES = """
    select
        fct_source_accounting.source,
        fct_source_accounting.stream,
        fct_source_accounting.disposition,
        sum(fct_source_accounting.row_count) as row_count
    from marts.fct_source_accounting
    group by fct_source_accounting.source, fct_source_accounting.stream,
        fct_source_accounting.disposition
    order by fct_source_accounting.source, fct_source_accounting.stream,
        fct_source_accounting.disposition
"""
HELD = """
    select
        fct_artifacts.currency_code,
        count(*) as artifact_count,
        sum(fct_artifacts.amount) as amount
    from marts.fct_artifacts
    where fct_artifacts.status_code = 'held'
    group by fct_artifacts.currency_code
    order by fct_artifacts.currency_code
"""


@dataclass(frozen=True, slots=True)
class Summary:
    """What one publication says in sum.

    Attributes:
        run_no: The run that published it.
        as_of: The moment it shows, aware UTC.
        orders: `state_code, currency_code, order_count, amount`, by state and currency.
        due_count: Orders of which something is due by now.
        reconciled_count: Those of them that are reconciled.
        not_real_count: Test and synthetic orders, in no other figure.
        zero_value_count: Orders without value, counted apart.
        legs: `leg_code, due_count, matched_count, exception_count, overdue_count`.
        exceptions: Open ones as `exception_code, severity_code, owner_role, leak_kind,
            currency_code, exception_count, leak_amount`, the largest leak first.
        sources: `source, stream, disposition, row_count`: what became of every row read.
        held: `currency_code, artifact_count, amount` of what gates keep from going out; None when
            this publication has no artifacts at all.
    """

    run_no: int
    as_of: datetime
    orders: tuple[dict[str, Any], ...]
    due_count: int
    reconciled_count: int
    not_real_count: int
    zero_value_count: int
    legs: tuple[dict[str, Any], ...]
    exceptions: tuple[dict[str, Any], ...]
    sources: tuple[dict[str, Any], ...]
    held: tuple[dict[str, Any], ...] | None

    @property
    def reconciled_rate(self) -> Decimal | None:
        """Reconciled among due orders, 0 to 1 with four digits; None when nothing is due."""
        if self.due_count == 0:
            return None
        return (Decimal(self.reconciled_count) / self.due_count).quantize(Decimal("0.0001"))

    def leak_by_currency(self) -> dict[str, Decimal]:
        """Money at risk in open exceptions, summed without regard to its sign."""
        return _sum_by(self.exceptions, "currency_code", "leak_amount")


def read_summary(published: Published) -> Summary:
    """Return the figures of a publication; parts whose marts it lacks are empty."""
    share = _first(published, SHARE, "fct_orders", "fct_order_legs")
    left_out = _first(published, LEFT_OUT, "fct_orders")
    return Summary(
        run_no=published.run_no,
        as_of=published.as_of,
        orders=_rows(published, ORDERS, "fct_orders"),
        due_count=share.get("due_count", 0),
        reconciled_count=share.get("reconciled_count", 0),
        not_real_count=left_out.get("not_real_count", 0),
        zero_value_count=left_out.get("zero_value_count", 0),
        legs=_rows(published, LEGS, "fct_order_legs", "fct_orders"),
        exceptions=_rows(published, EXCEPTIONS, "fct_exceptions"),
        sources=_rows(published, SOURCES, "fct_source_accounting"),
        held=_rows(published, HELD, "fct_artifacts")
        if "fct_artifacts" in published.tables
        else None,
    )


def _rows(published: Published, sql: str, *tables: str) -> tuple[dict[str, Any], ...]:
    """The rows of a query; none when the publication lacks a table that it reads."""
    return published.rows(sql) if set(tables) <= set(published.tables) else ()


def _first(published: Published, sql: str, *tables: str) -> dict[str, Any]:
    """The one row of a query; empty when the publication lacks a table that it reads."""
    rows = _rows(published, sql, *tables)
    return rows[0] if rows else {}


def _sum_by(rows: Sequence[dict[str, Any]], name: str, amount: str) -> dict[str, Decimal]:
    """Sum the amounts' magnitudes by one column, rows without either are left out."""
    totals: dict[str, Decimal] = {}
    for row in rows:
        if row[name] and row[amount]:
            totals[row[name]] = totals.get(row[name], Decimal(0)) + abs(row[amount])
    return dict(sorted(totals.items()))
