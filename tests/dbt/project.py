"""A home whose warehouse dbt can build, and dbt started in it, for the tests of the SQL project.

What belongs here: making an empty or loaded warehouse, one call of dbt, and what it left behind.
What does not: a test. Tests of dbt and of whole runs import this.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from expectations.results import ensure_gate_tables
from orchestration.connectors.contracts import load_contracts
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.warehouse.assignments import ensure_assignments
from orchestration.warehouse.connection import writer
from orchestration.warehouse.loader import LoadReport, load_landing
from orchestration.warehouse.loader_tables import ensure_raw_tables
from orchestration.warehouse.row_views import ensure_row_views

AS_OF = datetime(2026, 6, 30, 12, tzinfo=UTC)
DBT_PROJECT = PROJECT_ROOT / "dbt_project"


@dataclass(frozen=True, slots=True)
class DbtHome:
    """One home with its dbt artifacts.

    Attributes:
        settings: Where the warehouse is.
    """

    settings: Settings

    @property
    def target(self) -> Path:
        """Where dbt leaves its artifacts."""
        return self.settings.dbt_state / "target"

    def dbt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run dbt to its end; the caller judges its exit code."""
        environment = {
            **os.environ,
            "MESHLINE_WAREHOUSE": str(self.settings.warehouse),
            "MESHLINE_SCRATCH": str(self.settings.scratch),
            "MESHLINE_THREADS": "2",
            "DBT_TARGET_PATH": str(self.target),
            "DBT_LOG_PATH": str(self.target),
            "DBT_PROJECT_DIR": str(DBT_PROJECT),
            "DBT_PROFILES_DIR": str(DBT_PROJECT),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "DBT_USE_COLORS": "false",
        }
        return subprocess.run(
            [sys.executable, "-c", "from dbt.cli.main import cli; cli()", *arguments],
            env=environment,
            cwd=DBT_PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )

    def results(self) -> dict[str, dict[str, Any]]:
        """What the last call did, by the node's id."""
        document = self._artifact("run_results.json")
        return {result["unique_id"]: result for result in document["results"]}

    def manifest(self) -> Mapping[str, Any]:
        """The manifest of the last call."""
        return self._artifact("manifest.json")

    def compiled(self, node: Mapping[str, Any]) -> str:
        """The SQL that the last call made of a node."""
        folder = self.target / "compiled" / "meshline"
        original = node["original_file_path"]
        plain, generic = folder / original, folder / original / node["path"]
        return (plain if plain.is_file() else generic).read_text(encoding="utf-8")

    def _artifact(self, name: str) -> dict[str, Any]:
        return json.loads((self.target / name).read_text(encoding="utf-8"))


def make_home(folder: Path) -> DbtHome:
    """Make a home whose raw tables all exist and are empty."""
    settings = Settings(home=folder, landing=folder / "landing", memory_limit_mb=1024, threads=2)
    settings.scratch.mkdir(parents=True)
    contracts = load_contracts(settings.seeds)
    with writer(settings) as connection:
        ensure_raw_tables(connection, contracts.values())
        ensure_row_views(connection, contracts.values())
        ensure_gate_tables(connection)
        ensure_assignments(connection)
    return DbtHome(settings)


def load(home: DbtHome, landing: Path) -> LoadReport:
    """Load a landing folder into a home by the real loader."""
    contracts = load_contracts(home.settings.seeds)
    return load_landing(home.settings, contracts, landing, as_of=AS_OF, run_no=1)
