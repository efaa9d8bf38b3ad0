"""A proxy before the ERP that loses, delays and doubles what passes, and knows a write from a read.

What belongs here: faults of single calls. What does not: judgement (the tests), the ERP.
"""

import asyncio
import contextlib
import random
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

FAULTS = ("drop_before", "drop_after", "error_after", "late_apply", "throttle", "reset")
READS = (b".search_read", b".read", b"get_preferences", b"common.db.login")


@dataclass
class FaultProxy:
    """What it does.

    Attributes:
        upstream: The port of the real server.
        rate: Share of writes with a fault; reads have an eighth of it.
        count: Faults so far, by kind.
    """

    upstream: int
    rate: float = 0.0
    port: int = 0
    rng: random.Random = field(default_factory=lambda: random.Random(3))
    count: Counter = field(default_factory=Counter)
    late: set = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request at a time."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, OSError):
            while await self.one(reader, writer):
                pass
        writer.close()

    async def one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the connection lives on."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        )
        request = head + await reader.readexactly(length)
        is_read = any(name in request for name in READS)
        chance = self.rate / 8 if is_read else self.rate
        fault = self.rng.choice(FAULTS) if self.rng.random() < chance else None
        self.count[fault or "none"] += 1
        if fault == "throttle":
            writer.write(b"HTTP/1.1 429 X\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n")
            return True
        if fault == "late_apply":
            self.late.add(asyncio.get_running_loop().create_task(self.later(request)))
            return False
        if fault in ("drop_before", "reset"):
            writer.transport.abort()
            return False
        answer = await self.forward(request)
        if fault == "drop_after":
            return False
        if fault == "error_after":
            writer.write(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")
            return True
        writer.write(answer)
        await writer.drain()
        return False

    async def later(self, request: bytes) -> None:
        """Pass a request on after its sender gave it up."""
        await asyncio.sleep(0.4)
        with contextlib.suppress(OSError):
            await self.forward(request)

    async def forward(self, request: bytes) -> bytes:
        """Pass a request on, and return the whole answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [each for each in head.split(b"\r\n") if not each.lower().startswith(b"connection")]
        writer.write(b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + body)
        answer = await asyncio.wait_for(reader.read(), 60)
        writer.close()
        return answer


@contextmanager
def start_proxy(upstream: int) -> Iterator[FaultProxy]:
    """A proxy in a thread, gone at the end."""
    proxy, loop, ready = FaultProxy(upstream), asyncio.new_event_loop(), threading.Event()

    async def begin() -> None:
        server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        ready.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(begin())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    if not ready.wait(20):
        raise TimeoutError("the proxy did not start")
    try:
        yield proxy
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
