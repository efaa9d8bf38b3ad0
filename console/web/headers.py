"""What every answer carries and every request must be: headers, host, size.

What belongs here: protection that needs no knowledge of the page. What does not: rights
(`console.web.guard`).
"""

import time
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
LARGEST_BODY = 256 * 1024


class Protection:
    """Refuses foreign hosts and large bodies, and adds headers to every answer."""

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str], is_secure: bool) -> None:
        self.app = app
        self.hosts = frozenset(hosts)
        self.is_secure = is_secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
                if self.is_secure:
                    headers["strict-transport-security"] = "max-age=31536000"
                took = (time.perf_counter() - begun) * 1000
                headers["server-timing"] = f"app;dur={took:.1f}"
            await send(message)

        refusal = self._refusal(Headers(scope=scope))
        await (refusal or self.app)(scope, receive, send_with_headers)

    def _refusal(self, headers: Headers) -> PlainTextResponse | None:
        host = headers.get("host", "").rsplit("]", 1)
        name = (host[0] + "]") if len(host) == 2 else host[0].partition(":")[0]
        if self.hosts and name.lower() not in self.hosts:
            return PlainTextResponse(
                "This console does not answer under that name. Set public_url in console.yml.\n",
                400,
            )
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            return PlainTextResponse("That is more than a form of this console can hold.\n", 413)
        if headers.get("transfer-encoding"):
            return PlainTextResponse("Say how long the form is (Content-Length).\n", 411)
        return None
