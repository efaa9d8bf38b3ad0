"""A webhook of our own for machines: signed JSON with a key that makes a repetition harmless.

What belongs here: one request. What does not: reading address and secret. Only
`orchestration.connectors.alerts.channels` imports this.
"""

import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from orchestration.connectors.alerts.errors import ChannelFailed

if TYPE_CHECKING:
    from orchestration.ledger.alert_claims import Outgoing

SECONDS = 10
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def post(address: str, secret: str, name: str, message: "Outgoing") -> None:
    """Post a message; returns when the receiver has taken it.

    Args:
        address: https, or http on this machine.
        secret: Signs the request as deliveries are signed; empty sends it unsigned.
        name: The variable that holds the address, for errors.
        message: What is sent; its id is the Idempotency-Key.

    Raises:
        ChannelFailed: The receiver did not take it, or nobody knows.
    """
    import httpx2

    try:
        parts = urlsplit(address)
        is_safe = parts.scheme == "https" or (
            parts.scheme == "http" and parts.hostname in _LOOPBACK
        )
    except ValueError:
        is_safe = False
    if not is_safe:
        raise ChannelFailed(f"{name} must hold an https address")
    document = {
        "id": message.message_id,
        "kind": message.kind,
        "severity": message.severity,
        "dedup_key": message.dedup_key,
        "subject": message.subject,
        "body": message.body,
    }
    body = json.dumps(document, ensure_ascii=True, sort_keys=True).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": message.message_id}
    if secret:
        now = str(int(time.time()))
        signature = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256)
        headers["X-Meshline-Signature"] = f"t={now},v1={signature.hexdigest()}"
    try:
        answer = httpx2.post(
            address, content=body, headers=headers, timeout=SECONDS, follow_redirects=False,
            trust_env=False,
        )  # fmt: skip
    except httpx2.HTTPError as error:
        raise ChannelFailed(f"the webhook failed ({type(error).__name__})") from None
    if not 200 <= answer.status_code < 300:
        raise ChannelFailed(f"the webhook answered {answer.status_code}")
