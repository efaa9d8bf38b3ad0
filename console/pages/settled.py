"""Settled: exceptions that ended, with who ended them and how.

What belongs here: the list. What does not: one of them (`console.pages.exception`).
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from console.settled import settled_page
from console.web.deps import Marts, Parts
from console.web.templating import link, render

router = APIRouter()
_LONGEST = 100


@router.get("/settled", name="settled")
def settled(
    request: Request,
    state: Parts,
    data: Marts,
    after: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """The latest first."""
    given = request.query_params
    chosen = {
        "class": given.get("class", "")[:_LONGEST],
        "q": given.get("q", "").strip().lower()[:_LONGEST],
    }
    rows, next_after = settled_page(state.desk, data, chosen, after)
    return render(
        request,
        "settled.html",
        page="exceptions",
        rows=rows,
        chosen=chosen,
        classes=sorted(state.vocabulary.classes),
        next_address=link("/settled", chosen, after=next_after) if next_after else None,
        is_first=not after,
    )
