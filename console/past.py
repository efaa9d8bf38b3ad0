"""One order as it was known at a past moment, beside how it stands now.

What belongs here: reading a moment, asking the publication for what was known then, and which
values differ from now. What does not: how it looks (`order_known.html`) and keeping what was known
(`orchestration.warehouse.knowledge`).

Who may open an order may see its past: rows of the past are cut by who sees the order now
(`console.access.scope`), in the columns of the role.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from console.data import Data
from orchestration.core.errors import UsageRefused

LONGEST = 40
SHOWN_MOMENTS = 12
RUN = """
    select max(as_of) as as_of, max(run_no) as run_no
    from run_fingerprints where as_of <= $as_known_at
"""
FIRST = "select min(as_of) from run_fingerprints"
MOMENTS = """
    select known_to as moment from fct_orders_history where recon_key = $recon_key
    union
    select known_to as moment from fct_order_lines_history where recon_key = $recon_key
    union
    select known_to as moment from fct_order_legs_history where recon_key = $recon_key
    union
    select known_to as moment from fct_exceptions_history where recon_key = $recon_key
    order by moment desc
"""
NEEDED = (
    "fct_orders_history",
    "fct_order_lines_history",
    "fct_order_legs_history",
    "fct_exceptions_history",
    "run_fingerprints",
)
ORDER = "select * from fct_orders_as_known where recon_key = $recon_key"
LINES = """
    select * from fct_order_lines_as_known
    where recon_key = $recon_key and version_no = $version_no order by line_key
"""
LEGS = "select * from fct_order_legs_as_known where recon_key = $recon_key"
EXCEPTIONS = """
    select * from fct_exceptions_as_known where recon_key = $recon_key
    order by due_at, exception_id
"""
# What is compared of each; other columns follow from these or are about the publication.
OF_ORDER = (
    "state_code", "order_status_code", "order_type", "channel", "version_no", "total_amount",
    "has_known_total", "currency_code", "customer_id", "customer_tier", "contract_id",
    "sales_owner_id", "leak_amount", "reconciled_at", "sla_due_at",
)  # fmt: skip
OF_LINES = (
    "sku", "seller_id", "quantity", "unit_price", "net_amount", "tax_amount", "is_cancelled",
    "service_start_on", "service_end_on",
)  # fmt: skip
OF_LEGS = (
    "status_code", "currency_code", "expected_amount", "matched_amount", "residual_amount",
    "residual_class", "open_amount", "due_at",
)  # fmt: skip
OF_EXCEPTIONS = (
    "explanation", "ticket_severity_code", "leak_amount", "currency_code", "owner_role", "due_at",
)  # fmt: skip

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pair:
    """One thing then and now; one of the two is None where it was not known or is no more.

    Attributes:
        then: Its row as it was known at the moment.
        now: Its row as it is published now.
        changed: Columns whose values differ.
    """

    then: dict[str, Any] | None
    now: dict[str, Any] | None
    changed: frozenset[str]

    @property
    def row(self) -> dict[str, Any]:
        """What is there, the past first."""
        return self.then or self.now or {}

    @property
    def is_same(self) -> bool:
        """Whether it was known then as it is now."""
        return self.then is not None and self.now is not None and not self.changed


@dataclass(frozen=True, slots=True)
class Known:
    """An order as it was known.

    Attributes:
        at: The moment that was asked for, naive UTC.
        run_no: The last run before it.
        run_as_of: The moment of that run: what is newer was not known.
        order: The order; `then` is None when nobody knew of it.
        lines: Lines of the version that held then and of the one that holds now.
        legs: Its legs.
        exceptions: Its open differences.
    """

    at: datetime
    run_no: int
    run_as_of: datetime
    order: Pair
    lines: tuple[Pair, ...]
    legs: tuple[Pair, ...]
    exceptions: tuple[Pair, ...]

    @property
    def difference_count(self) -> int:
        """How many things stand otherwise now."""
        pairs = (self.order, *self.lines, *self.legs, *self.exceptions)
        return sum(not pair.is_same for pair in pairs)


def can_ask(data: Data) -> bool:
    """Whether this publication has what was known before."""
    return data.has(*NEEDED)


def moments_of(data: Data, recon_key: str) -> list[datetime]:
    """The moments from which on something of an order was known otherwise, the latest first."""
    changes = [row["moment"] for row in data.rows(MOMENTS, recon_key=recon_key)]
    first = data.value(FIRST)
    if changes and first not in changes:
        changes.append(first)
    return changes[:SHOWN_MOMENTS]


def read_moment(data: Data, text: str) -> datetime:
    """Return a moment that somebody chose, naive UTC.

    Raises:
        UsageRefused: It is none, or nothing was known then or is known of it yet.
    """
    shown = " ".join(text.split())[:LONGEST]
    try:
        moment = datetime.fromisoformat(shown)
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise UsageRefused(
            f"“{shown}” is no moment. Write date and time like 2026-06-15 12:00; they are read as "
            "UTC."
        ) from None
    as_of = data.published.as_of.replace(tzinfo=None)
    if moment > as_of:
        raise UsageRefused(
            f"{moment:%Y-%m-%d %H:%M} UTC is later than anything that is known: run "
            f"{data.published.run_no} is of {as_of:%Y-%m-%d %H:%M} UTC. Choose a moment before it."
        )
    first = data.value(FIRST)
    if moment < first:
        raise UsageRefused(
            f"At {moment:%Y-%m-%d %H:%M} UTC nothing was known yet: the first run is of "
            f"{first:%Y-%m-%d %H:%M} UTC. Choose a moment from then on."
        )
    return moment


def known_at(
    data: Data,
    now: Row,
    lines: Iterable[Row],
    legs: Iterable[Row],
    exceptions: Iterable[Row],
    at: datetime,
) -> Known:
    """Return an order as it was known at a moment that `read_moment` gave.

    Args:
        data: The publication, as the viewer may see it.
        now: The order's row as it is published.
        lines: The lines of the version that holds now.
        legs: Its legs now.
        exceptions: Its open differences now.
        at: The moment.
    """
    asked = {"recon_key": now["recon_key"], "as_known_at": at}
    then = data.one(ORDER, **asked)
    run = data.one(RUN, as_known_at=at) or {}
    of_version = {**asked, "version_no": then["version_no"] if then else 0}
    return Known(
        at=at,
        run_no=run["run_no"],
        run_as_of=run["as_of"],
        order=_pair(then, now, OF_ORDER),
        lines=_pairs(data.rows(LINES, **of_version), lines, _line_key, OF_LINES),
        legs=_pairs(data.rows(LEGS, **asked), legs, _leg_code, OF_LEGS),
        exceptions=_pairs(data.rows(EXCEPTIONS, **asked), exceptions, _exception_id, OF_EXCEPTIONS),
    )


def _line_key(row: Row) -> str:
    return str(row["line_key"])


def _leg_code(row: Row) -> str:
    return str(row["leg_code"])


def _exception_id(row: Row) -> str:
    return str(row["exception_id"])


def _pairs(
    then: Iterable[Row], now: Iterable[Row], key: Callable[[Row], str], names: Sequence[str]
) -> tuple[Pair, ...]:
    """What was known then in its order, and after it what is new since."""
    before = {key(row): row for row in then}
    after = {key(row): row for row in now}
    return tuple(
        _pair(before.get(name), after.get(name), names) for name in dict.fromkeys([*before, *after])
    )


def _pair(then: Row | None, now: Row | None, names: Sequence[str]) -> Pair:
    changed = (
        frozenset(name for name in names if then.get(name) != now.get(name))
        if then is not None and now is not None
        else frozenset()
    )
    return Pair(dict(then) if then else None, dict(now) if now else None, changed)
