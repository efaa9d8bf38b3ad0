"""Rules: the operating model as it is in force, table by table.

What belongs here: reading `seeds/` for people. What does not: changing it (a pull request does).
Only the folders named here are shown, whatever the address says.
"""

import csv
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from console.formats import feed
from console.web.deps import Parts
from console.web.templating import render

router = APIRouter()
FOLDERS = {"rules": "Rules", "policies": "Policies", "taxonomy": "Taxonomy"}
SHOWN_ROWS = 400


@dataclass(frozen=True, slots=True)
class Table:
    """One CSV of the operating model.

    Attributes:
        name: Folder and name, without the ending.
        title: For people.
        columns: Its columns.
        rows: Its rows, in the file's order.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@router.get("/rules", name="rules")
def rules(request: Request, state: Parts, table: str = "rules/matching_rules") -> Response:
    """One table of the operating model, and the list of all."""
    paths = {
        f"{folder}/{path.stem}": path
        for folder in FOLDERS
        for path in sorted((state.config.settings.seeds / folder).glob("*.csv"))
    }
    chosen = table if table in paths else next(iter(paths), "")
    return render(
        request,
        "rules.html",
        page="rules",
        folders=FOLDERS,
        names=tuple(paths),
        chosen=chosen,
        table=_read(chosen, paths[chosen], paths[chosen].stat().st_mtime_ns) if chosen else None,
        shown_rows=SHOWN_ROWS,
    )


@lru_cache(maxsize=128)
def _read(name: str, path: Path, _stamp: int) -> Table:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    title = feed(path.stem)
    return Table(name, title, tuple(rows[0]), tuple(tuple(row) for row in rows[1:]))
