"""Months as they are reported: what lies in each, which are closed, what came late.

What belongs here: queries over `marts.fct_periods`. What does not: closing
(`orchestration.cli_periods`). Who may import this is said in `orchestration.reading`.
"""

from typing import Any

from orchestration.warehouse.reader import Published

PERIODS = """
    select
        fct_periods.tenant,
        fct_periods.period_code,
        fct_periods.currency_code,
        fct_periods.stage_code,
        fct_periods.document_count,
        fct_periods.amount,
        fct_periods.is_closed,
        fct_periods.closed_at,
        fct_periods.late_count,
        fct_periods.late_amount
    from marts.fct_periods
    order by
        fct_periods.period_code desc,
        fct_periods.tenant,
        fct_periods.currency_code,
        fct_periods.stage_rank
"""


def read_periods(published: Published) -> tuple[dict[str, Any], ...]:
    """Return one row for each tenant, month, currency and stage, the newest month first."""
    return published.rows(PERIODS)
