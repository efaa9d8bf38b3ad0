"""Open differences: the list and one of them.

What belongs here: queries over `marts.fct_exceptions`. What does not: tickets (those are the
ledger's). Who may import this is said in `orchestration.reading`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from orchestration.core.errors import UsageRefused
from orchestration.warehouse.reader import Published

# Column by filter: the only identifiers that reach SQL. Values are bound.
FILTERS: Mapping[str, str] = {
    "exception_class": "exception_code",
    "leg": "leg_code",
    "owner": "owner_role",
    "severity": "ticket_severity_code",
}
LIST = """
    select
        fct_exceptions.exception_id,
        fct_exceptions.exception_code,
        fct_exceptions.leg_code,
        fct_exceptions.recon_key,
        fct_exceptions.native_ref,
        fct_exceptions.ticket_severity_code as severity_code,
        fct_exceptions.status_code,
        fct_exceptions.leak_amount,
        fct_exceptions.leak_kind,
        fct_exceptions.currency_code,
        fct_exceptions.owner_role,
        fct_exceptions.opened_at,
        fct_exceptions.due_at,
        fct_exceptions.explanation
    from marts.fct_exceptions
    where {conditions}
    order by
        case lower(fct_exceptions.ticket_severity_code)
            when 'critical' then 1 when 'high' then 2 when 'medium' then 3 when 'low' then 4 else 5
        end,
        abs(coalesce(fct_exceptions.leak_amount, 0)) desc,
        fct_exceptions.due_at,
        fct_exceptions.exception_id
    limit ?
"""
# Whether what the filter names must or must not be so.
AMONG: Mapping[bool, str] = {
    True: "exception_id in (select unnest(cast(? as varchar[])))",
    False: "exception_id not in (select unnest(cast(? as varchar[])))",
}
COUNT = "select count(*) as found from marts.fct_exceptions where {conditions}"
ONE = """
    select *
    from marts.fct_exceptions
    where fct_exceptions.exception_id = ?
        or starts_with(fct_exceptions.exception_id, ?)
    order by fct_exceptions.exception_id = ? desc, fct_exceptions.exception_id
    limit 6
"""


@dataclass(frozen=True, slots=True)
class Among:
    """A choice by what the publication does not know, as whether somebody is asked to approve.

    Attributes:
        ids: Exceptions, by id; those that are gone may be among them.
        is_in: Whether these are wanted, or all others.
    """

    ids: Collection[str]
    is_in: bool


@dataclass(frozen=True, slots=True)
class ExceptionList:
    """A page of exceptions.

    Attributes:
        rows: The worst first: by severity, money, due time.
        found: How many there are in all.
    """

    rows: tuple[dict[str, Any], ...]
    found: int


def list_exceptions(
    published: Published,
    filters: Mapping[str, str | None],
    limit: int,
    among: Among | None = None,
) -> ExceptionList:
    """Return exceptions that all given filters hold for, case ignored.

    Args:
        published: What to read.
        filters: Wanted values by the names in `FILTERS`; None is no filter.
        limit: Most rows to return; `found` counts all.
        among: A choice by id; None is none.
    """
    given = {FILTERS[name]: value for name, value in filters.items() if value is not None}
    wanted = [f"lower({column}) = lower(?)" for column in given]
    values: list[Any] = list(given.values())
    if among is not None:
        wanted.append(AMONG[among.is_in])
        values.append(list(among.ids))
    conditions = " and ".join(wanted) or "true"
    rows = published.rows(LIST.format(conditions=conditions), [*values, limit])
    found = published.rows(COUNT.format(conditions=conditions), values)[0]["found"]
    return ExceptionList(rows, found)


def find_exception(published: Published, exception_id: str) -> dict[str, Any]:
    """Return one exception by its id, or by the beginning of it when no other begins so.

    Raises:
        UsageRefused: None or several have such an id.
    """
    rows = published.rows(ONE, [exception_id, exception_id, exception_id])
    if not rows:
        raise UsageRefused(
            f"There is no exception {exception_id} in run {published.run_no}. "
            "`meshline exceptions list` shows the ids; one that is gone was settled."
        )
    if rows[0]["exception_id"] != exception_id and len(rows) > 1:
        begun = ", ".join(row["exception_id"] for row in rows)
        raise UsageRefused(
            f"Several exceptions begin with {exception_id}: {begun}. Give more of it."
        )
    return rows[0]
