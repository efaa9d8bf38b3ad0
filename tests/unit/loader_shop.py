"""A made-up source with a contract of its own, and a home to load it into.

What belongs here: writing a contract and files in a few words, loading, reading back. What does
not: hostile input (that is `tests/faults`).
"""

import gzip
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.connectors.contracts import load_contracts
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.warehouse.connection import reader
from orchestration.warehouse.loader import FileResult, LoadReport, load_landing

AS_OF = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEAD = "source: shop\nversion: 1\ndescription: A shop made up for tests.\nstreams:\n"


@dataclass
class Shop:
    """One home, one landing folder and the contract of source `shop`."""

    root: Path
    streams: str
    limits: dict[str, int] = field(default_factory=dict)
    run_no: int = 0

    @property
    def settings(self) -> Settings:
        values = {"memory_limit_mb": 1024, "threads": 2, **self.limits}
        return Settings(
            home=self.root / "home",
            landing=self.root / "landing",
            seeds=self.root / "seeds",
            **values,
        )

    def write_contract(self) -> None:
        sources = self.root / "seeds" / "sources"
        mappings = self.root / "seeds" / "mappings"
        for folder in (sources, mappings):
            folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT_ROOT / "seeds" / "mappings" / "currencies.csv", mappings)
        body = "".join(f"  {line}\n" for line in self.streams.strip("\n").split("\n"))
        (sources / "shop.yml").write_text(HEAD + body, encoding="utf-8")

    def land(self, name: str, content: str | bytes) -> Path:
        folder = self.settings.landing / "shop"
        folder.mkdir(parents=True, exist_ok=True)
        data = content if isinstance(content, bytes) else content.encode()
        path = folder / name
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    def load(self, as_of: datetime = AS_OF) -> LoadReport:
        self.write_contract()
        self.run_no += 1
        contracts = load_contracts(self.settings.seeds)
        return load_landing(self.settings, contracts, self.settings.landing, as_of, self.run_no)

    def load_file(self, name: str, content: str | bytes) -> FileResult:
        """Land one file, load, and return what became of it."""
        self.land(name, content)
        return next(result for result in self.load().files if result.file_name == name)

    def rows(self, sql: str, *values: Any) -> list[tuple]:
        with reader(self.settings.warehouse) as connection:
            return connection.execute(sql, list(values)).fetchall()
