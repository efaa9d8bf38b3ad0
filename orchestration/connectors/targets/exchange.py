"""One HTTP exchange with a receiver that may be broken or hostile.

What belongs here: connections, limits of time and size, what a broken exchange means. What does
not: what a whole answer means (each target). Only the targets import this.

No redirect is followed, nothing compressed is unpacked, no proxy of the environment is used, and
nothing is tried again here: that is the outbox's, which remembers it.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2

from orchestration.connectors.targets.base import CallFailed
from orchestration.core.delivery.answers import AnswerClass
from orchestration.core.errors import UsageRefused
from orchestration.core.policies.documents import DeliveryTarget

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came, read to its end.

    Attributes:
        status: Of HTTP.
        headers: Names in lower case.
        body: At most as long as the policy lets.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the JSON object of the body; numbers with a point are texts.

        Raises:
            CallFailed: It is none. What a write did is unknown then.
        """
        kind = self.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind != "application/json" and not kind.endswith("+json"):
            raise CallFailed(AnswerClass.AMBIGUOUS, f"answered {self.status} as {kind[:60]!r}")
        try:
            value = json.loads(self.body, parse_float=str)
        except (ValueError, RecursionError):
            raise CallFailed(
                AnswerClass.AMBIGUOUS, f"answered {self.status} with broken JSON"
            ) from None
        if not isinstance(value, dict):
            raise CallFailed(AnswerClass.AMBIGUOUS, f"answered {self.status} with no JSON object")
        return value


def check_address(code: str, address: str, target: DeliveryTarget) -> str:
    """Return the address of a target without a slash at its end.

    Raises:
        UsageRefused: It is none, its host is not one of the policy's, or it is not encrypted.
    """
    name = target.address_env
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        parts, host = urlsplit(""), None
    problems = []
    if parts.scheme not in ("http", "https") or not host:
        problems.append("it is no http or https address")
    elif host not in target.hosts and not (host in LOOPBACK and not target.hosts):
        allowed = ", ".join(target.hosts) or "this machine alone"
        problems.append(f"its host {host} is not allowed; `hosts` of the policy allows {allowed}")
    elif parts.scheme != "https" and host not in LOOPBACK:
        problems.append("a host elsewhere needs https")
    if parts.username or parts.password:
        problems.append(f"secrets belong into {name}_TOKEN or {name}_TOKEN_FILE")
    if problems:
        raise UsageRefused(
            f"The address of {code} in {name} cannot be used: {'; '.join(problems)}. See "
            "seeds/policies/delivery_targets.yml."
        )
    return address.rstrip("/")


class Exchange:
    """Connections to one receiver; safe to use from several threads.

    Args:
        target: The policy: limits of time, size and connections.
        is_label_ignored: Take an answer as it came although it says that it is packed, for
            receivers that say so of plain ones. It is not unpacked either way.
    """

    def __init__(self, target: DeliveryTarget, *, is_label_ignored: bool = False) -> None:
        self._is_label_ignored = is_label_ignored
        times = target.timeouts
        self._total_seconds = times.total_seconds
        self._most_bytes = target.most_answer_kb * 1024
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(times.read_seconds, connect=times.connect_seconds),
            limits=httpx2.Limits(
                max_connections=target.max_in_flight,
                max_keepalive_connections=target.max_in_flight,
            ),
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            follow_redirects=False,
            trust_env=False,
        )

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> Reply:
        """Make one call and read its answer to the end.

        Raises:
            CallFailed: `transient` when nothing was sent, `ambiguous` when it may have been.
        """
        deadline = time.monotonic() + self._total_seconds
        try:
            with self._client.stream(
                method, url, headers=dict(headers or {}), content=body, params=parameters
            ) as response:
                label = response.headers.get("content-encoding", "identity")
                if label != "identity" and not self._is_label_ignored:
                    raise CallFailed(AnswerClass.AMBIGUOUS, "answered compressed, unasked")
                received = bytearray()
                for chunk in response.iter_raw():
                    received += chunk
                    if len(received) > self._most_bytes:
                        raise CallFailed(AnswerClass.AMBIGUOUS, "answered far too much")
                    if time.monotonic() > deadline:
                        raise CallFailed(AnswerClass.AMBIGUOUS, "took too long to answer")
                names = {name.lower(): value for name, value in response.headers.items()}
                return Reply(response.status_code, names, bytes(received))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise CallFailed(
                AnswerClass.TRANSIENT, f"could not be reached ({type(error).__name__})"
            ) from None
        except httpx2.TransportError as error:
            raise CallFailed(AnswerClass.AMBIGUOUS, f"broke off ({type(error).__name__})") from None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def refuse_status(reply: Reply) -> None:
    """Raise what a status other than success means; the body says why, where it is JSON.

    Raises:
        CallFailed: For every status but 2xx and 409, which the target itself judges.
    """
    status, said = reply.status, said_by(reply)
    if 200 <= status < 300 or status == 409:
        return
    kind = {
        401: AnswerClass.AUTH_EXPIRED,
        403: AnswerClass.AUTH_EXPIRED,
        408: AnswerClass.AMBIGUOUS,
        425: AnswerClass.TRANSIENT,
        429: AnswerClass.THROTTLED,
    }.get(status)
    if kind is None and status < 300:
        kind = AnswerClass.AMBIGUOUS
    if kind is None and status < 400:
        kind, said = AnswerClass.TRANSIENT, "redirects are not followed; correct the address"
    if kind is None:
        kind = AnswerClass.REFUSED if status < 500 else AnswerClass.AMBIGUOUS
    raise CallFailed(kind, f"{status}: {said}", reply.headers.get("retry-after"))


def said_by(reply: Reply) -> str:
    """Return what an answer says went wrong; short, plain, of one line."""
    try:
        value: Any = json.loads(reply.body)
    except (ValueError, RecursionError):
        return "no reason given"
    for name in ("error", "message", "detail"):
        if isinstance(value, dict) and value.get(name):
            value = value[name]
    text = value if isinstance(value, str) else json.dumps(value)
    return " ".join(text.split())[:200]
