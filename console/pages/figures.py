"""Pages that are nothing but panels: sellers, forecast, value map.

What belongs here: their headings. What does not: their figures (`console/panels/`).
"""

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.data import Data
from console.pages.panels import PERIODS, Lens, Look, panels_of
from console.state import State
from console.web.deps import Marts, Parts
from console.web.templating import render

router = APIRouter()
HEADINGS = {
    "sellers": (
        "Sellers",
        "What each seller sold, what they are owed, and where payouts and statements differ.",
    ),
    "forecast": (
        "Forecast",
        "What was committed against what reconciled: deals count once their orders agree on every "
        "leg.",
    ),
    "value": (
        "Value map",
        "Which few causes, accounts and products bring most of the exceptions and the money.",
    ),
}


@router.get("/sellers", name="sellers")
def sellers(request: Request, state: Parts, data: Marts, lens: Look) -> Response:
    """Sellers of the marketplace."""
    return _page(request, state, data, "sellers", lens)


@router.get("/forecast", name="forecast")
def forecast(request: Request, state: Parts, data: Marts, lens: Look) -> Response:
    """Commitments against what reconciled."""
    return _page(request, state, data, "forecast", lens)


@router.get("/value", name="value_map")
def value_map(request: Request, state: Parts, data: Marts, lens: Look) -> Response:
    """The few causes of most exceptions."""
    return _page(request, state, data, "value", lens)


def _page(request: Request, state: State, data: Data, page: str, lens: Lens) -> Response:
    title, about = HEADINGS[page]
    panels = panels_of(state, data, page, lens)
    return render(
        request,
        "figures.html",
        page=page,
        title=title,
        about=about,
        lens=lens,
        periods=PERIODS,
        panels=panels,
        # A choice that changes none of the figures is not offered.
        asks={name for shown in panels for name in shown.panel.values},
    )
