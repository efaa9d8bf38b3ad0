"""Panels: a figure as picture, as table, as download, wherever it stands.

What belongs here: the routes of panels and what a page needs to show its own. What does not: the
panels themselves (`console/panels/`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from console.access.viewer import Viewer
from console.charts import draw, dressed
from console.data import Data
from console.downloads import Download, download
from console.panel_files import Panel
from console.state import State
from console.web.deps import Marts, Me, Parts
from console.web.errors import NotFound
from console.web.templating import fill, link, render

router = APIRouter()
_PRIVATE = {"cache-control": "private, max-age=3600"}
_LAST_DAY = "select max(metric_on) as day from fct_daily_metrics where metric_on <= $today"
_CURRENCIES = """
    select currency_code, sum(order_count) as order_count from (
        select currency_code, count(*) as order_count from fct_orders
        where not is_test and not is_synthetic group by currency_code
    )
    where currency_code <> '' group by currency_code order by order_count desc, currency_code
"""
# Lists with filters of the same names.
LISTS = ("/exceptions?", "/orders?")
PERIODS = {"30": "30 days", "60": "60 days", "90": "90 days", "365": "1 year", "": "Everything"}


@dataclass(frozen=True, slots=True)
class Lens:
    """What a page of figures looks at.

    Attributes:
        days: Length of the period back from the last day with figures; "" is everything.
        currency: Of amounts in pictures: amounts of two currencies are never added.
        segment: One segment, or "" for all.
        tier: One tier, or "" for all.
        from_on: First day of the period.
        as_of: The moment of the publication.
        currencies: Those there are, the most used first.
    """

    days: str
    currency: str
    segment: str
    tier: str
    from_on: date
    as_of: Any
    currencies: tuple[str, ...]

    @property
    def values(self) -> dict[str, Any]:
        """What panels and pages bind."""
        return {
            "currency": self.currency,
            "segment": self.segment,
            "tier": self.tier,
            "from_on": self.from_on,
            "as_of": self.as_of,
        }

    @property
    def query(self) -> dict[str, str]:
        """What the address says."""
        return {
            "days": self.days,
            "currency": self.currency,
            "segment": self.segment,
            "tier": self.tier,
        }


def read_lens(
    data: Data, *, days: str = "", currency: str = "", segment: str = "", tier: str = ""
) -> Lens:
    """Return the lens that an address asks for; what it cannot be is left out."""
    as_of = data.published.as_of.replace(tzinfo=None)
    currencies = tuple(row["currency_code"] for row in data.rows(_CURRENCIES))
    last = data.value(_LAST_DAY, today=as_of.date()) or as_of.date()
    days = days if days in PERIODS else ""
    return Lens(
        days=days,
        currency=currency if currency in currencies else (currencies[0] if currencies else ""),
        segment=segment if segment in {"enterprise", "commerce", "marketplace"} else "",
        tier=tier if tier in {"tier_1", "tier_2", "tier_3"} else "",
        from_on=last - timedelta(days=int(days)) if days else date(1970, 1, 1),
        as_of=as_of,
        currencies=currencies,
    )


def the_lens(
    data: Marts, days: str = "", currency: str = "", segment: str = "", tier: str = ""
) -> Lens:
    """The lens of a request."""
    return read_lens(data, days=days, currency=currency, segment=segment, tier=tier)


Look = Annotated[Lens, Depends(the_lens)]


@dataclass(frozen=True, slots=True)
class Shown:
    """A panel with its rows, as a template shows it.

    Attributes:
        panel: The panel.
        rows: As many as it shows.
        missing: Marts that this publication lacks; the panel says so then.
        address: Of its picture and downloads, without the ending.
        query: The lens in the address.
        has_more: There are rows that it does not show.
    """

    panel: Panel
    rows: tuple[dict[str, Any], ...]
    missing: tuple[str, ...]
    address: str
    query: Mapping[str, str]
    has_more: bool

    def picture(self, theme: str, size: str) -> str:
        """The address of the picture."""
        return link(f"{self.address}.svg", self.query, theme=theme, size=size)

    def to(self, pattern: str, row: Mapping[str, Any]) -> str:
        """Where a row leads; to a list with what the page looks at, so that both count the same."""
        address = fill(pattern, row)
        chosen = {
            name: self.query[name]
            for name in ("segment", "tier")
            if name in self.panel.values and self.query[name]
        }
        if chosen and address.startswith(LISTS):
            return f"{address}&{urlencode(chosen)}"
        return address

    @property
    def greatest(self) -> Mapping[str, Any]:
        """The greatest value of each column that is shown as bars."""
        names = [name for name, column in self.panel.file.columns.items() if column.format == "bar"]
        return {name: max((row[name] or 0 for row in self.rows), default=0) for name in names}


def panels_of(state: State, data: Data, page: str, lens: Lens) -> tuple[Shown, ...]:
    """The panels of a page that the viewer may see, in their places."""
    return tuple(
        show(panel, data, lens)
        for panel in state.panels.values()
        if panel.file.page == page and _may_see(panel, data.viewer)
    )


def show(panel: Panel, data: Data, lens: Lens) -> Shown:
    """A panel with its rows."""
    missing = tuple(table for table in panel.tables if not data.has(table))
    rows = () if missing else _rows(panel, data, lens)
    query = {**lens.query, "v": str(data.published.run_no)}
    return Shown(
        panel,
        rows[: panel.file.limit] if panel.file.chart is None else rows,
        missing,
        f"/panel/{panel.panel_id}",
        query,
        len(rows) > panel.file.limit,
    )


@router.get("/panel/{panel_id}.svg", name="panel_chart")
def panel_chart(
    state: Parts,
    viewer: Me,
    data: Marts,
    panel_id: str,
    lens: Look,
    theme: str = "light",
    size: str = "wide",
) -> Response:
    """The picture of a panel."""
    panel = _panel(state, viewer, panel_id)
    size = "narrow" if size == "narrow" else "wide"
    if panel.file.chart is None or not all(data.has(table) for table in panel.tables):
        raise NotFound("This figure has no picture.")
    rows = _rows(panel, data, lens)
    query = data.scoped(panel.sql, _values(panel, lens))
    key = (data.published.path, panel_id, size, str(sorted(query.values.items())), query.sql)
    picture = state.pictures.get(key, lambda: draw(panel, rows, size, state.vocabulary.label))
    return Response(
        dressed(picture, "dark" if theme == "dark" else "light"),
        media_type="image/svg+xml",
        headers=_PRIVATE,
    )


@router.get("/panel/{panel_id}", name="panel_table")
def panel_table(
    request: Request, state: Parts, viewer: Me, data: Marts, panel_id: str, lens: Look
) -> Response:
    """A panel alone, with all its rows."""
    panel = _panel(state, viewer, panel_id)
    shown = show(panel, data, lens)
    rows = () if shown.missing else _rows(panel, data, lens)
    return render(
        request, "panel_page.html", page=panel.file.page, shown=shown, rows=rows, lens=lens
    )


@router.get("/panel/{panel_id}/download.{form}", name="panel_download")
def panel_download(
    request: Request, state: Parts, viewer: Me, data: Marts, panel_id: str, form: str, lens: Look
) -> Response:
    """The rows of a panel as a file."""
    panel = _panel(state, viewer, panel_id)
    if not all(data.has(table) for table in panel.tables):
        raise NotFound("This publication lacks what the figure is made of.")
    wanted = Download(panel_id, panel.sql, _values(panel, lens))
    return download(request, state, viewer, form, wanted)


def _panel(state: State, viewer: Viewer, panel_id: str) -> Panel:
    panel = state.panels.get(panel_id)
    if panel is None or not _may_see(panel, viewer):
        raise NotFound("There is no such figure for your role.")
    return panel


def _may_see(panel: Panel, viewer: Viewer) -> bool:
    is_listed = not panel.file.roles or viewer.role_code in panel.file.roles
    return is_listed and panel.file.page in viewer.role.pages


def _values(panel: Panel, lens: Lens) -> dict[str, Any]:
    return {name: lens.values[name] for name in panel.values}


def _rows(panel: Panel, data: Data, lens: Lens) -> tuple[dict[str, Any], ...]:
    return data.rows(panel.sql, **_values(panel, lens))
