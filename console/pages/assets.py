"""Our own static files, and htmx out of the wheel that carries it.

What belongs here: serving files by a fixed list of names. What does not: anything of the data.
"""

from functools import lru_cache
from importlib.metadata import distribution
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import Response

from console.web.errors import NotFound
from console.web.templating import STATIC

router = APIRouter()
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_LONG = {"cache-control": "public, max-age=31536000, immutable"}
_HTMX = "django_htmx/static/django_htmx/htmx-2.min.js"


@router.get("/static/{name}", name="static")
def static_file(name: str) -> Response:
    """One of our own files; its address carries a version, so it may be kept."""
    known = {path.name: path for path in STATIC.iterdir()}
    if name not in known:
        raise NotFound("There is no such file.")
    return _answer(known[name])


@router.get("/htmx.js", name="htmx")
def htmx() -> Response:
    """The script that exchanges parts of pages; its folder is found without importing Django."""
    return _answer(Path(str(distribution("django-htmx").locate_file(_HTMX))))


@router.get("/health", name="health")
def health() -> Response:
    """For a watcher: the console is up."""
    return Response("ok\n", media_type="text/plain")


@lru_cache(maxsize=32)
def _content(path: Path) -> bytes:
    return path.read_bytes()


def _answer(path: Path) -> Response:
    return Response(_content(path), media_type=_TYPES[path.suffix], headers=_FOR_LONG)
