"""A receiver that fails in every way that one can, over real sockets.

What belongs here: an asyncio server that keeps documents, with faults by chance or by plan, and a
log of what was applied in which order. What does not: judgement (the tests).
Run in a process of its own (`start_receiver`) so that killed workers do not take it along.
"""

import asyncio
import contextlib
import json
import multiprocessing
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

FAULTS = (
    "delay",
    "drop_before",
    "drop_after",
    "late_apply",
    "throttle",
    "error_before",
    "error_after",
    "malformed",
    "replayed",
    "reset",
    "trickle",
)


@dataclass
class Receiver:
    """What it holds and how it misbehaves.

    Attributes:
        enforces_key: Whether a second document with one key is refused.
        keeps_payloads: Whether what it holds has the documents themselves.
        rate: Share of writes with a fault.
        plan: Faults of the next writes, used up before chance is asked.
        late_seconds: How late a late write is applied.
    """

    enforces_key: bool = True
    keeps_payloads: bool = False
    rate: float = 0.0
    seed: int = 1
    late_seconds: float = 0.3
    kinds: tuple[str, ...] = FAULTS
    plan: list[str] = field(default_factory=list)
    is_down: bool = False
    bulk_refuses: tuple[str, ...] = ()
    documents: list[dict[str, Any]] = field(default_factory=list)
    by_key: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: int = 0
    faulted: int = 0
    arrivals: list[float] = field(default_factory=list)
    rng: random.Random = field(default_factory=random.Random)
    tasks: set[Any] = field(default_factory=set)

    def apply(self, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Take a document; what is answered."""
        key = str(body["idempotency_key"])
        known = self.by_key.get(key)
        if known is not None and self.enforces_key:
            if known["payload_sha256"] != body["payload_sha256"]:
                return 409, {"error": {"code": "conflict", "message": "other contents"}}
            return 200, {**known, "status": "existing"}
        kept = {
            name: value for name, value in body.items() if self.keeps_payloads or name != "payload"
        }
        kept["id"] = f"doc_{len(self.documents) + 1}"
        self.documents.append(kept)
        self.by_key[key] = kept
        return 201, {**kept, "status": "created"}

    def fault(self) -> str | None:
        """What goes wrong with this write."""
        if self.plan:
            chosen = self.plan.pop(0)
            return None if chosen == "none" else chosen
        return self.rng.choice(self.kinds) if self.rng.random() < self.rate else None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while not self.is_down:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *lines = head.split("\r\n")
                method, path, _ = line.split(" ", 2)
                headers = dict(each.lower().split(": ", 1) for each in lines if ": " in each)
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                if not await self.answer(writer, method, path, body):
                    break
        writer.close()

    async def answer(self, writer, method: str, path: str, body: bytes) -> bool:
        """Answer one request; whether the connection lives on."""
        parts = urlsplit(path)
        if parts.path.startswith("/_"):
            return await self.control(writer, parts.path, parse_qs(parts.query))
        if self.is_down:
            return False
        if method == "GET":
            return await send(writer, 200, self.listed(parse_qs(parts.query)))
        self.requests += 1
        self.arrivals.append(asyncio.get_running_loop().time())
        document = json.loads(body)
        if "items" in document:
            return await send(writer, 200, {"items": [self.one(x) for x in document["items"]]})
        return await self.misbehave(writer, document)

    def one(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """One document of a bulk write; some are refused on request."""
        key = document["idempotency_key"]
        if document["natural_key"] in self.bulk_refuses:
            return {"idempotency_key": key, "error": {"code": "busy", "message": "try again"}}
        return self.apply(document)[1]

    def listed(self, query: Mapping[str, list[str]]) -> dict[str, Any]:
        """What a look-up or a page of the list answers."""
        if "after" in query or not query:
            after = query.get("after", [""])[0]
            start = int(after.removeprefix("doc_") or 0)
            page = [one for one in self.documents if int(one["id"][4:]) > start][:500]
            more = bool(page) and page[-1]["id"] != self.documents[-1]["id"]
            return {"items": page, "has_more": more}
        ((name, (value, *_)),) = query.items()
        return {"items": [one for one in self.documents if one.get(name) == value]}

    async def misbehave(self, writer, document: Mapping[str, Any]) -> bool:
        """Take a document, with a fault or without."""
        fault = self.fault()
        self.faulted += fault is not None
        if fault in ("drop_before", "reset", "error_before", "throttle", "late_apply"):
            return await self.unapplied(writer, fault, document)
        status, said = self.apply(document)
        if fault == "replayed":
            self.apply(document)  # something between us sends it twice
        if fault == "drop_after":
            return False
        if fault == "error_after":
            return await send(writer, 500, {"error": "after it was applied"})
        if fault == "malformed":
            return await send(writer, status, raw=b'{"id": "doc_')
        if fault == "delay":
            await asyncio.sleep(0.02)
        if fault == "trickle":
            return await trickle(writer, status, said)
        return await send(writer, status, special(fault, said), fault=fault)

    async def unapplied(self, writer, fault: str, document: Mapping[str, Any]) -> bool:
        """Faults that come before a document is taken."""
        if fault == "late_apply":
            task = asyncio.get_running_loop().create_task(self.later(document))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
            return False
        if fault == "reset":
            writer.transport.abort()
            return False
        if fault == "error_before":
            return await send(writer, 503, {"error": "before it was applied"})
        if fault == "throttle":
            return await send(writer, 429, {"error": "slow down"}, fault="throttle")
        return False

    async def later(self, document: Mapping[str, Any]) -> None:
        """Apply a write after its sender gave it up."""
        await asyncio.sleep(self.late_seconds)
        self.apply(document)

    async def control(self, writer, path: str, query: Mapping[str, list[str]]) -> bool:
        """What tests ask and set."""
        if path == "/_set":
            for name, (value, *_) in query.items():
                setattr(self, name, json.loads(value))
            if "seed" in query:
                self.rng.seed(self.seed)
        if path == "/_reset":
            self.__init__()
        if path == "/_forget":
            for key in query["key"]:
                gone = self.by_key.pop(key)
                self.documents = [one for one in self.documents if one is not gone]
        if path == "/_all":
            return await send(
                writer,
                200,
                {
                    "documents": self.documents,
                    "requests": self.requests,
                    "faulted": self.faulted,
                    "arrivals": [str(each) for each in self.arrivals],
                },
            )
        return await send(writer, 200, {"ok": True})


def special(fault: str | None, said: dict[str, Any]) -> dict[str, Any]:
    """An answer that says something else than it should."""
    return {
        "other_key": {**said, "idempotency_key": "ml_of_another"},
        "other_amount": {**said, "amount": "999.99"},
        "business_error": {"error": {"code": "tax", "message": "no default tax"}},
        "confirm": {"error": {"code": "needs_confirmation", "message": "credit limit"}},
    }.get(fault or "", said)


HEADERS = {
    "throttle": "Retry-After: 0\r\n",
    "gzip": "Content-Encoding: gzip\r\n",
    "redirect": "Location: http://127.0.0.1:1/elsewhere\r\n",
}


async def send(writer, status: int, said: object = None, *, raw=None, fault=None) -> bool:
    """Send one answer."""
    body = raw if raw is not None else json.dumps(said).encode()
    if fault == "huge":
        body = b" " * (3 * 1024 * 1024)
    status = {"redirect": 307, "unauthorised": 401, "unprocessable": 422}.get(fault, status)
    kind = "text/html" if fault == "html" else "application/json"
    more = HEADERS.get(fault or "", "")
    if fault and fault.startswith("retry="):
        status, more = 429, f"Retry-After: {fault[6:]}\r\n"
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}"
    writer.write(head.encode() + b"\r\n" + body)
    await writer.drain()
    return True


async def trickle(writer, status: int, said: object) -> bool:
    """Send an answer in crumbs."""
    body = json.dumps(said).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
    writer.write(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode())
    for start in range(0, len(body), 64):
        writer.write(body[start : start + 64])
        await writer.drain()
        await asyncio.sleep(0.001)
    return True


def _run(pipe, options: dict[str, Any]) -> None:
    """The process of a receiver."""

    async def main() -> None:
        receiver = Receiver(**options)
        receiver.rng.seed(receiver.seed)
        server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, limit=2**22)
        pipe.send(server.sockets[0].getsockname()[1])
        async with server:
            await server.serve_forever()

    asyncio.run(main())


@dataclass(frozen=True)
class Handle:
    """A running receiver."""

    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/documents"

    def ask(self, path: str) -> dict[str, Any]:
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return json.load(answer)

    def set(self, **values: object) -> None:
        from urllib.parse import urlencode

        self.ask("/_set?" + urlencode({name: json.dumps(v) for name, v in values.items()}))

    def documents(self) -> list[dict[str, Any]]:
        return self.ask("/_all")["documents"]


@contextmanager
def start_receiver(**options: Any) -> Iterator[Handle]:
    """A receiver in a process of its own, gone at the end."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(theirs, options), daemon=True)
    process.start()
    try:
        if not ours.poll(30):
            raise TimeoutError("the receiver did not start")
        yield Handle(ours.recv())
    finally:
        process.kill()
        process.join(10)
