"""Exceptions: the queue with filters, search, sorting and pages, and the queue by incident.

What belongs here: which exceptions, in which order. What does not: one of them
(`console.pages.exception`).

Pages are found by key, not by number: the address carries the last row's sort value and id, so a
page deep in the queue costs as much as the first, and nothing is skipped while rows come and go.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from console.data import Data
from console.downloads import Download, download
from console.ledger_desk import Desk
from console.vocabulary import ROLES
from console.web.deps import Marts, Me, Parts
from console.web.templating import link, render

router = APIRouter()
PAGE = 50
_LONGEST_TEXT = 100
# Filter -> its column: the only identifiers that reach SQL. Values are bound.
FILTERS = {
    "class": "fct_exceptions.exception_code",
    "severity": "fct_exceptions.ticket_severity_code",
    "owner": "fct_exceptions.owner_role",
    "leg": "fct_exceptions.leg_code",
    "kind": "fct_exceptions.leak_kind",
    "currency": "fct_exceptions.currency_code",
    "family": "fct_exceptions.family_code",
    "status": "fct_exceptions.status_code",
    "assignee": "fct_exceptions.assignee_id",
    "incident": "fct_exceptions.incident_id",
    "segment": "fct_orders.segment",
    "tier": "fct_orders.customer_tier",
    "order_type": "fct_orders.order_type",
    "customer": "fct_orders.customer_id",
    "account": "fct_orders.sales_owner_id",
}
RANK = """case fct_exceptions.ticket_severity_code
        when 'critical' then 0 when 'high' then 1 when 'medium' then 2 when 'low' then 3 else 4
    end"""
FAR = "timestamp '9999-12-31'"
# Sort -> columns with their direction; the id ends every one, so that the order is total.
SORTS: dict[str, tuple[tuple[str, str], ...]] = {
    "urgency": ((f"({RANK})", "asc"), (f"coalesce(fct_exceptions.due_at, {FAR})", "asc")),
    "due": ((f"coalesce(fct_exceptions.due_at, {FAR})", "asc"),),
    "amount": (
        ("fct_exceptions.currency_code", "asc"),
        ("fct_exceptions.leak_amount", "desc"),
    ),
    "age": ((f"coalesce(fct_exceptions.opened_at, {FAR})", "asc"),),
    "newest": ((f"coalesce(fct_exceptions.opened_at, {FAR})", "desc"),),
    "class": (("fct_exceptions.exception_code", "asc"),),
}
SORT_LABELS = {
    "urgency": "Severity, then due",
    "due": "Due first",
    "amount": "Most money, by currency",
    "age": "Oldest first",
    "newest": "Newest first",
    "class": "Kind of exception",
}
DUE = {
    "late": "fct_exceptions.due_at < $as_of",
    "day": (
        "fct_exceptions.due_at >= $as_of"
        " and fct_exceptions.due_at < cast($as_of as timestamp) + interval 24 hour"
    ),
    "later": "fct_exceptions.due_at >= cast($as_of as timestamp) + interval 24 hour",
}
DUE_LABELS = {"late": "Past due", "day": "Due within a day", "later": "Due later"}
TEXT = """(
    contains(lower(fct_exceptions.native_ref), $q)
    or contains(lower(fct_exceptions.explanation), $q)
    or contains(lower(coalesce(fct_orders.order_id, '')), $q)
    or contains(lower(coalesce(fct_orders.customer_id, '')), $q)
    or starts_with(fct_exceptions.exception_id, $q)
    or fct_exceptions.recon_key = $q
)"""
FROM = """
    from fct_exceptions
    left join fct_orders on fct_exceptions.recon_key = fct_orders.recon_key
"""
COLUMNS = """
        fct_exceptions.exception_id,
        fct_exceptions.exception_code,
        fct_exceptions.ticket_severity_code as severity_code,
        fct_exceptions.status_code,
        fct_exceptions.native_ref,
        fct_exceptions.leg_code,
        fct_exceptions.owner_role,
        fct_exceptions.approver_role,
        fct_exceptions.assignee_id,
        fct_exceptions.incident_id,
        fct_exceptions.leak_kind,
        fct_exceptions.leak_amount,
        fct_exceptions.currency_code,
        fct_exceptions.opened_at,
        fct_exceptions.due_at,
        fct_exceptions.reopen_count,
        fct_exceptions.explanation,
        fct_exceptions.recon_key,
        fct_orders.order_id,
        fct_orders.order_type,
        fct_orders.customer_id,
        fct_orders.customer_tier,
        fct_orders.segment,
        fct_orders.sales_owner_id
"""
AGES = """
    select
        case
            when fct_exceptions.opened_at > cast($as_of as timestamp) - interval 1 day then 0
            when fct_exceptions.opened_at > cast($as_of as timestamp) - interval 3 day then 1
            when fct_exceptions.opened_at > cast($as_of as timestamp) - interval 7 day then 2
            when fct_exceptions.opened_at > cast($as_of as timestamp) - interval 30 day then 3
            else 4
        end as bucket_no,
        fct_exceptions.ticket_severity_code as severity_code,
        count(*) as exception_count
"""
AGE_LABELS = ("Under 1 day", "1 to 3 days", "3 to 7 days", "7 to 30 days", "Over 30 days")
SEVERITIES = ("critical", "high", "medium", "low", "info")
_AMONG = """
    select count(*) as n from fct_exceptions
    where exception_id in (select unnest($ids))
        and status_code not in ('resolved', 'auto_closed')
"""
INCIDENTS = """
    select
        fct_exceptions.incident_id,
        any_value(fct_exceptions.exception_code) as exception_code,
        any_value(fct_exceptions.owner_role) as owner_role,
        fct_exceptions.currency_code,
        count(*) as member_count,
        count(distinct fct_exceptions.recon_key) as order_count,
        sum(fct_exceptions.leak_amount) as leak_amount,
        min(fct_exceptions.opened_at) as opened_at,
        min(fct_exceptions.due_at) as due_at,
        count(*) filter (where fct_exceptions.due_at < $as_of) as late_count
    from fct_exceptions
    where fct_exceptions.incident_id is not null
        and fct_exceptions.status_code not in ('resolved', 'auto_closed')
    group by fct_exceptions.incident_id, fct_exceptions.currency_code
    order by member_count desc, fct_exceptions.incident_id, fct_exceptions.currency_code
    limit 200
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the queue shows.

    Attributes:
        filters: Wanted values by filter; empty ones are no filter.
        due: late, day, later, or "".
        q: Text to look for, lower case.
        sort: One of `SORTS`.
        as_of: The moment of the publication.
        held: Tickets of whom `assignee` names, as the ledger knows now; None without a ledger.
    """

    filters: dict[str, list[str]]
    due: str
    q: str
    sort: str
    as_of: Any
    held: list[str] | None = None

    @property
    def query(self) -> dict[str, Any]:
        """What the address says, without the place in the queue."""
        return {
            **self.filters,
            "due": self.due,
            "q": self.q,
            "sort": "" if self.sort == "urgency" else self.sort,
        }

    def conditions(self) -> tuple[str, dict[str, Any]]:
        """The where clause and what it binds."""
        parts = ["fct_exceptions.status_code not in ('resolved', 'auto_closed')"]
        values: dict[str, Any] = {"as_of": self.as_of}
        for name, wanted in self.filters.items():
            if name == "assignee" and wanted and self.held is not None:
                parts.append("fct_exceptions.exception_id in (select unnest($held))")
                values["held"] = self.held
            elif name == "assignee" and wanted == ["nobody"]:
                parts.append("fct_exceptions.assignee_id is null")
            elif wanted:
                parts.append(f"{FILTERS[name]} in (select unnest($f_{name}))")
                values[f"f_{name}"] = wanted
        if self.due:
            parts.append(DUE[self.due])
        if self.q:
            parts.append(TEXT)
            values["q"] = self.q
        return " and ".join(parts), values

    def is_filtered(self) -> bool:
        """Whether anything is left out by choice."""
        return bool(self.due or self.q or any(self.filters.values()))


def read_choice(request: Request, data: Data, desk: Desk) -> Choice:
    """Return what an address asks for; what it cannot be is left out."""
    given = request.query_params
    sort = given.get("sort", "urgency")
    due = given.get("due", "")
    who = given.get("assignee", "")[:_LONGEST_TEXT]
    return Choice(
        filters={
            name: sorted({each[:_LONGEST_TEXT] for each in given.getlist(name) if each})
            for name in FILTERS
        },
        due=due if due in DUE else "",
        q=given.get("q", "").strip().lower()[:_LONGEST_TEXT],
        sort=sort if sort in SORTS else "urgency",
        as_of=data.published.as_of.replace(tzinfo=None),
        held=desk.held_by(None if who == "nobody" else who) if who else None,
    )


@router.get("/exceptions", name="exceptions")
def exceptions(
    request: Request,
    state: Parts,
    viewer: Me,
    data: Marts,
    after: Annotated[str, Query(max_length=300)] = "",
    done: Annotated[int, Query(ge=0, le=PAGE)] = 0,
) -> Response:
    """The queue."""
    choice = read_choice(request, data, state.desk)
    rows, next_after = read_page(data, choice, after)
    where, values = choice.conditions()
    facets = read_facets(data)
    tickets = state.desk.tickets([row["exception_id"] for row in rows])
    return render(
        request,
        "exceptions.html",
        page="exceptions",
        choice=choice,
        rows=rows,
        tickets=tickets,
        done=done,
        here=link("/exceptions", choice.query, after=after),
        people=state.desk.people(tuple(ROLES)) if tickets and viewer.can("assign") else [],
        resolve_reasons=state.desk.reasons("resolve") if tickets else [],
        next_address=link("/exceptions", choice.query, after=next_after) if next_after else None,
        is_first=not after,
        found=data.one(f"select count(*) as n {FROM} where {where}", **values),
        money=data.rows(
            f"""select fct_exceptions.currency_code, sum(fct_exceptions.leak_amount) as leak_amount
            {FROM} where {where} and fct_exceptions.currency_code <> ''
            group by 1 having sum(fct_exceptions.leak_amount) <> 0 order by count(*) desc, 1""",
            **values,
        ),
        tiles=_tiles(data, choice, state.desk),
        ages=_ages(data, where, values),
        age_labels=AGE_LABELS,
        severities=SEVERITIES,
        facets=facets,
        sorts=SORT_LABELS,
        dues=DUE_LABELS,
        ready_views=[
            view
            for view in state.policy.views
            if viewer.role_code in view.roles and view.page == "exceptions"
        ],
        own_views=state.store.views(viewer.account_id, "exceptions"),
    )


@router.get("/exceptions.{form}", name="exceptions_download")
def exceptions_download(request: Request, state: Parts, viewer: Me, form: str) -> Response:
    """The whole filtered queue as a file."""
    with state.snapshots.pin() as published:
        choice = read_choice(request, Data(published, viewer, state.answers), state.desk)
    where, values = choice.conditions()
    ordering = ", ".join(f"{column} {way}" for column, way in SORTS[choice.sort])
    sql = f"select {COLUMNS} {FROM} where {where} order by {ordering}, fct_exceptions.exception_id"
    return download(request, state, viewer, form, Download("exceptions", sql, values))


@router.get("/incidents", name="incidents")
def incidents(request: Request, data: Marts) -> Response:
    """One line a cause: what hit many orders at once."""
    as_of = data.published.as_of.replace(tzinfo=None)
    return render(
        request,
        "incidents.html",
        page="exceptions",
        as_of=as_of,
        rows=data.rows(INCIDENTS, as_of=as_of),
    )


def read_page(data: Data, choice: Choice, after: str) -> tuple[list[dict[str, Any]], str]:
    """Return a page of the queue and the key that the next one begins after; "" at the end."""
    where, values = choice.conditions()
    keys = SORTS[choice.sort]
    names = [f"sort_{place}" for place in range(len(keys))]
    start = after.split("~")
    if after and len(start) == len(keys) + 1 and _fits(data, keys, start):
        where += " and " + _later(keys)
        values |= {f"k_{'abcd'[place]}": start[place] for place in range(len(keys))}
        values["k_id"] = start[-1]
    sorting = ", ".join(
        f"{column} as {name}" for (column, _), name in zip(keys, names, strict=True)
    )
    ordering = ", ".join(f"{column} {way}" for column, way in keys)
    found = list(
        data.rows(
            f"select {COLUMNS}, {sorting} {FROM} where {where} "
            f"order by {ordering}, fct_exceptions.exception_id limit {PAGE + 1}",
            **values,
        )
    )
    rows = found[:PAGE]
    if len(found) <= PAGE:
        return rows, ""
    last = rows[-1]
    return rows, "~".join([*(str(last[name]) for name in names), last["exception_id"]])


def _later(keys: tuple[tuple[str, str], ...]) -> str:
    """The condition that a row stands after the given one; spelled out, as directions differ."""
    alternatives, equal = [], ""
    for place, (column, way) in enumerate(keys):
        value = f"$k_{'abcd'[place]}"
        alternatives.append(f"{equal}{column} {'>' if way == 'asc' else '<'} {value}")
        equal += f"{column} = {value} and "
    alternatives.append(f"{equal}fct_exceptions.exception_id > $k_id")
    return "(" + " or ".join(f"({each})" for each in alternatives) + ")"


def _fits(data: Data, keys: tuple[tuple[str, str], ...], start: list[str]) -> bool:
    """Whether a key from an address can be compared with the columns at all."""
    for (column, _), text in zip(keys, start[:-1], strict=True):
        kind = _type_of(column)
        sql = f"select try_cast($text as {kind}) is not null"
        if kind and not data.value(sql, text=text):
            return False
    return True


def _type_of(column: str) -> str:
    """The type of a column that the queue is sorted by; empty for text, which all keys are."""
    if column.startswith("coalesce"):
        return "timestamp"
    if column.startswith("("):
        return "integer"
    return "decimal(18, 4)" if "leak_amount" in column else ""


def _tiles(data: Data, choice: Choice, desk: Desk) -> dict[str, int]:
    """The counts that stay on top whatever is filtered."""
    me = data.viewer.person_id or data.viewer.email
    row = data.one(
        f"""select
            count(*) as all_count,
            count(*) filter (where {DUE["late"]}) as late_count,
            count(*) filter (where {DUE["day"]}) as day_count,
            count(*) filter (where assignee_id is null) as nobody_count,
            count(*) filter (where assignee_id = $me) as mine_count,
            count(distinct fct_exceptions.incident_id) as incident_count
        from fct_exceptions
        where fct_exceptions.status_code not in ('resolved', 'auto_closed')""",
        as_of=choice.as_of,
        me=me,
    )
    held = {name: _held(data, desk, who) for name, who in (("nobody", None), ("mine", me))}
    now = {f"{name}_count": count for name, count in held.items() if count is not None}
    return {**(row or {}), **now}


def _held(data: Data, desk: Desk, who: str | None) -> int | None:
    """How many tickets somebody has of those that the viewer may see; None without a ledger."""
    if data.viewer.role.rows.is_whole:
        return desk.count_held(who)
    ids = desk.held_by(who)
    if ids is None:
        return None
    return int(data.value(_AMONG, ids=ids))


def _ages(data: Data, where: str, values: dict[str, Any]) -> dict[tuple[int, str], int]:
    """Counts by age and severity."""
    rows = data.rows(f"{AGES} {FROM} where {where} group by all", **values)
    return {(row["bucket_no"], row["severity_code"]): row["exception_count"] for row in rows}


def read_facets(data: Data) -> dict[str, list[str]]:
    """The values that each filter offers, those of the open exceptions."""
    names = (
        "class",
        "severity",
        "owner",
        "leg",
        "kind",
        "currency",
        "segment",
        "tier",
        "order_type",
    )
    lists = ", ".join(f"list_sort(list(distinct {FILTERS[name]})) as f_{name}" for name in names)
    row = data.one(
        f"select {lists} {FROM} where fct_exceptions.status_code not in ('resolved', 'auto_closed')"
    )
    found = {name: [each for each in (row or {}).get(f"f_{name}") or [] if each] for name in names}
    found["severity"] = [each for each in SEVERITIES if each in found["severity"]]
    return found
