"""The data catalogue: models, columns, what they are made of and what each run holds them against.

What belongs here: showing what dbt says of its project. What does not: reading that
(`orchestration.reading.catalogue`), and rows. It takes the place of dbt's own site of documents,
which needs scripts and styles within its page, that our pages forbid.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from console.data import Data
from console.state import State
from console.web.deps import Marts, Parts
from console.web.errors import NotFound
from console.web.templating import render
from orchestration.reading.catalogue import KINDS, Catalogue, manifest_of, read_catalogue
from orchestration.warehouse.run_checks import RunCheck, read_checks, runs_with_checks

router = APIRouter()
PUBLIC = "marts"


@router.get("/catalogue", name="catalogue")
def catalogue(
    request: Request, state: Parts, q: Annotated[str, Query(max_length=100)] = ""
) -> Response:
    """Every model by the layer that it is in, the public ones first."""
    known = known_catalogue(state)
    found = known.found(q) if known is not None else []
    layers = sorted({node.schema for node in found}, key=lambda name: (name != PUBLIC, name))
    return render(
        request,
        "catalogue.html",
        page="catalogue",
        known=known,
        q=q.strip(),
        layers={name: [node for node in found if node.schema == name] for name in layers},
        found=len(found),
        kind_labels=KINDS,
    )


@router.get("/catalogue/{key}", name="catalogue_model")
def catalogue_model(request: Request, state: Parts, data: Marts, key: str) -> Response:
    """One model: what a row is, its columns, its lineage, its tests, its SQL."""
    known = known_catalogue(state)
    node = known.nodes.get(key) if known is not None else None
    if known is None or node is None:
        raise NotFound(f"There is no model {key} in the catalogue. Names are <schema>.<name>.")
    return render(
        request,
        "catalogue_model.html",
        page="catalogue",
        node=node,
        known=known,
        columns=_columns(data, node.schema, node.name, node.columns),
        is_published=node.schema == PUBLIC and data.has(node.name),
        results=_latest_results(state),
        kind_labels=KINDS,
    )


def known_catalogue(state: State) -> Catalogue | None:
    """What the last run's dbt said; None before the first run, and while one writes it anew."""
    path = manifest_of(state.config.settings)
    try:
        now = path.stat()
    except FileNotFoundError:
        return None
    found: Catalogue | None = state.answers.get(
        ("catalogue", str(path), now.st_mtime_ns, now.st_size),
        lambda: read_catalogue(path),
    )
    return found


def _columns(data: Data, schema: str, name: str, documented: Any) -> list[dict[str, Any]]:
    """The documented columns; of a mart without them, those that are published."""
    if documented or schema != PUBLIC:
        return [
            {
                "name": column.name,
                "data_type": column.data_type,
                "description": column.description,
                "is_required": column.is_required,
            }
            for column in documented
        ]
    return [
        {"name": column, "data_type": kind.lower(), "description": "", "is_required": False}
        for column, kind in data.columns.get(name, {}).items()
    ]


def _latest_results(state: State) -> dict[str, tuple[int, RunCheck]]:
    """Each test by its id, with the latest run that made it and how it ended."""
    settings = state.config.settings
    for run_no in runs_with_checks(settings):
        kept = read_checks(settings, run_no)
        if kept is not None:
            return {one.name: (run_no, one) for one in kept.checks if one.made_by == "dbt"}
    return {}
