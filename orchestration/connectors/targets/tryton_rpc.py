"""Calls to a Tryton server: its JSON-RPC, its sessions, its way of refusing.

What belongs here: one call and what its answer means. What does not: what is written
(`orchestration.connectors.targets.tryton`), which alone imports this.

Tryton answers refusals with status 200 and an `error`, and forgets sessions when it is restarted.
"""

import base64
import json
import threading
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from orchestration.connectors.targets.base import CallFailed
from orchestration.connectors.targets.exchange import Exchange, refuse_status
from orchestration.core.delivery.answers import AnswerClass
from orchestration.settings import read_secret

# What an error of that name means; another one rolled its transaction back for a reason unknown.
_KINDS: Mapping[str, AnswerClass] = {
    "UserError": AnswerClass.REFUSED,
    "UserWarning": AnswerClass.NEEDS_CONFIRMATION,
    "ConcurrencyException": AnswerClass.TRANSIENT,
    "TimeoutException": AnswerClass.TRANSIENT,
    "RateLimitException": AnswerClass.THROTTLED,
    "LoginException": AnswerClass.AUTH_EXPIRED,
}


class TrytonRpc:
    """One server with one session, shared by the threads of a target.

    Attributes:
        address: Of the database, without the slash at its end.
        token_env: Names the secret, `user:password`.
    """

    def __init__(self, exchange: Exchange, address: str, token_env: str) -> None:
        self._exchange = exchange
        self._url = f"{address}/rpc/"
        self._token_env = token_env
        self._lock = threading.Lock()
        self._session = ""
        self._context: dict[str, Any] = {}

    def call(self, method: str, *parameters: object) -> Any:
        """Return the result of a method of a model, called with the user's context.

        A session that is over is opened anew once, by one thread for all of them: with 401 nothing
        was done, so the call is safe to make again.

        Raises:
            CallFailed: With the class of the refusal, or `ambiguous` when it may have been applied.
        """
        session = self._session or self._log_in("")
        try:
            return self._post(method, (*parameters, self._context), session)
        except CallFailed as failed:
            if failed.answer.kind is not AnswerClass.AUTH_EXPIRED:
                raise
        return self._post(method, (*parameters, self._context), self._log_in(session))

    def _log_in(self, stale: str) -> str:
        """Open a session unless another thread did so meanwhile; returns it."""
        with self._lock:
            if self._session and self._session != stale:
                return self._session
            user, _, password = read_secret(self._token_env).partition(":")
            said = self._post("common.db.login", (user, {"password": password}), "")
            if not isinstance(said, Sequence) or len(said) < 2:
                raise CallFailed(
                    AnswerClass.AUTH_EXPIRED,
                    f"the login was refused: {self._token_env} must hold user:password",
                )
            text = f"{user}:{said[0]}:{said[1]}"
            session = base64.b64encode(text.encode()).decode("ascii")
            preferences = self._post("model.res.user.get_preferences", (True, {}), session)
            self._context = {"company": preferences.get("company"), "language": "en"}
            self._session = session
            return session

    def _post(self, method: str, parameters: Sequence[object], session: str) -> Any:
        """One exchange."""
        headers = {"Content-Type": "application/json"}
        if session:
            headers["Authorization"] = f"Session {session}"
        body = json.dumps({"id": 0, "method": method, "params": parameters}).encode()
        reply = self._exchange.call("POST", self._url, body=body, headers=headers)
        refuse_status(reply)
        said = reply.json()
        error = said.get("error")
        if error is None:
            if "result" not in said:
                raise CallFailed(AnswerClass.AMBIGUOUS, "answered without a result")
            return said["result"]
        name, told = _told(error)
        kind = _KINDS.get(name, AnswerClass.AMBIGUOUS)
        raise CallFailed(kind, f"{method.rsplit('.', 1)[-1]}: {name}: {told}"[:300])


def _told(error: object) -> tuple[str, str]:
    """Name and message of an error as Tryton writes it: `[name, [message, description, ...]]`."""
    if not isinstance(error, Sequence) or isinstance(error, str) or not error:
        return "error", str(error)[:200]
    message = error[1] if len(error) > 1 else ""
    if isinstance(message, Sequence) and not isinstance(message, str):
        message = next((part for part in message if isinstance(part, str) and part), "")
    return str(error[0]), " ".join(str(message).split())[:200]


def to_decimal(value: str | Decimal) -> dict[str, str]:
    """Return an amount as Tryton's JSON spells it."""
    return {"__class__": "Decimal", "decimal": str(value)}


def from_decimal(value: object) -> str | None:
    """Return an amount of Tryton's JSON as text; None for none."""
    return str(value["decimal"]) if isinstance(value, Mapping) and "decimal" in value else None
