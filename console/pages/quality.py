"""Quality: the targets that the system holds itself to, and how it stands against each.

What belongs here: R-Q1 to R-Q6 as one card each. What does not: how the figures are computed where
a mart has them.
"""

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.data import Data
from console.pages.panels import PERIODS, Lens, Look, panels_of
from console.web.deps import Marts, Parts
from console.web.templating import render
from orchestration.reading.quality import TYPES, Target
from orchestration.reading.quality import read_targets as quality_targets

router = APIRouter()


@router.get("/quality", name="quality")
def quality(request: Request, state: Parts, data: Marts, lens: Look) -> Response:
    """The page of the quality targets."""
    return render(
        request,
        "quality.html",
        page="quality",
        lens=lens,
        periods=PERIODS,
        targets=read_targets(data, lens),
        types=data.rows(TYPES, **lens.values),
        panels=panels_of(state, data, "quality", lens),
    )


def read_targets(data: Data, lens: Lens) -> tuple[Target, ...]:
    """Every target as this viewer may measure it."""
    return quality_targets(lambda sql: data.rows(sql, **lens.values), data.has)
