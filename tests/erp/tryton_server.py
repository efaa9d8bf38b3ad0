"""A real Tryton, installed by `make setup-erp`: filled once, started, killed, started again.

What belongs here: its processes and files. What does not: what is asked of it (the tests).
"""

import contextlib
import hashlib
import os
import shutil
import socket
import sqlite3
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from orchestration.settings import PROJECT_ROOT

VENV = PROJECT_ROOT / ".venv-erp"
PASSWORD = "books-of-a-test"
MODULES = ("sale", "account_invoice_stock", "stock", "web_shop")


def is_installed() -> bool:
    """Whether `make setup-erp` was called."""
    return (VENV / "bin" / "trytond").exists()


@dataclass
class Tryton:
    """One server over one database file.

    Attributes:
        folder: Its configuration, database and log.
        port: On loopback.
    """

    folder: Path
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = None
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Of the database."""
        return f"http://127.0.0.1:{self.port}/erp"

    @property
    def database(self) -> Path:
        """The file that holds everything."""
        return self.folder / "data" / "erp.sqlite"

    def prepare(self) -> None:
        """Write the configuration, and put the filled books in place: made once per lock."""
        (self.folder / "data").mkdir(parents=True)
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        (self.folder / "trytond.conf").write_text(
            f"[database]\nuri = sqlite://\npath = {self.folder / 'data'}\n"
            f"[web]\nlisten = 127.0.0.1:{self.port}\n"
        )
        (self.folder / "pass").write_text(PASSWORD)
        self.environment = {**os.environ, "TRYTONPASSFILE": str(self.folder / "pass")}
        books = Path(__file__).with_name("tryton_books.py")
        parts = (PROJECT_ROOT / "requirements-erp.lock").read_bytes() + books.read_bytes()
        kept = VENV / f"books-{hashlib.sha256(parts).hexdigest()[:16]}.sqlite"
        if kept.exists():
            shutil.copy(kept, self.database)
            return
        self.database.touch()
        self._call(
            "trytond-admin", "-c", self.folder / "trytond.conf", "-d", "erp", "--password",
            "--email", "erp@example.test", "-u", *MODULES, "--activate-dependencies",
        )  # fmt: skip
        self.start()
        self._call("python", books, f"{self.address}/rpc/", PASSWORD)
        self.stop()
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            connection.execute("pragma wal_checkpoint(truncate)")
        shutil.copy(self.database, kept.with_suffix(".tmp"))
        kept.with_suffix(".tmp").replace(kept)

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [VENV / "bin" / "trytond", "-c", self.folder / "trytond.conf", "-d", "erp"],
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            with contextlib.suppress(URLError, ConnectionError, TimeoutError):
                urlopen(f"http://127.0.0.1:{self.port}/", timeout=2).close()
                return
            if self._answers():
                return
            time.sleep(0.2)
        raise TimeoutError((self.folder / "server.log").read_text()[-2000:])

    def stop(self) -> None:
        """End it in order."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)

    def rows(self, sql: str) -> list[tuple]:
        """Ask its database itself."""
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(sql).fetchall()

    def _answers(self) -> bool:
        """Whether somebody listens; any answer will do."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def _call(self, program: str, *arguments: object) -> None:
        """Call a program of its environment."""
        done = subprocess.run(
            [VENV / "bin" / program, *map(str, arguments)],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        if done.returncode:
            raise RuntimeError(f"{program} ended with {done.returncode}:\n{done.stderr[-2000:]}")
