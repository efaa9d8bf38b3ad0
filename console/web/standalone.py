"""Pages that stand alone: one file that needs nothing else, to be kept, sent and printed.

What belongs here: how such a file is answered. What does not: what it says (its own page).
"""

import base64
import hashlib
import re

from starlette.responses import HTMLResponse

from console.web.headers import CONTENT_POLICY
from console.web.templating import STATIC

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def report_style() -> str:
    """The style that such a file carries."""
    return (STATIC / "report.css").read_text(encoding="utf-8")


def standalone(text: str, css: str, save_as: str = "") -> HTMLResponse:
    """Answer with a file. Its style is allowed by its hash alone.

    Args:
        text: The whole page.
        css: The style in it.
        save_as: Its name without ending, to be saved instead of shown; ids in it may be hostile.
    """
    mark = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = CONTENT_POLICY.replace("style-src 'self'", f"style-src 'sha256-{mark}'")
    headers = {"content-security-policy": policy}
    if save_as:
        name = _UNSAFE.sub("-", save_as)[:120]
        headers["content-disposition"] = f'attachment; filename="{name}.html"'
    return HTMLResponse(text, headers=headers)
