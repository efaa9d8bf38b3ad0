"""Settings of one Meshline home.

What belongs here: the only reading of the environment, and the paths and limits derived from it.
What does not: policy (that is `seeds/`) and secrets (those are read where they are used, by name).
Anyone but `orchestration.core` may import this.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from orchestration.core.errors import UsageRefused

PROJECT_ROOT = Path(__file__).resolve().parent.parent
CONSOLE_URL = "http://127.0.0.1:8700"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where one home keeps its state, and the limits of its work.

    Attributes:
        home: Folder of all state; two homes never touch each other.
        landing: Folder with one sub-folder per source.
        seeds: The operating model as data.
        dbt_project: The SQL project.
        memory_limit_mb: Ceiling for DuckDB, whole MiB.
        threads: Worker threads of DuckDB and dbt.
        max_file_mb: Largest landed file as delivered, whole MiB.
        max_expanded_mb: Largest landed file after unpacking, whole MiB.
        max_expansion_ratio: Largest unpacked size as a multiple of the packed size.
        parse_timeout_seconds: Longest time that one file may take to parse.
        keep_generations: Published files kept in `serving/`.
        ledger_url: Database of the ledger; empty keeps it in the home. May hold a password.
        heads_folder: Where signed heads of the ledger go; None keeps them in the home.
        key_file: Private key that signs them; None keeps it in the home.
        synthetic_blocks: Whether a synthetic order with another outcome than expected keeps a run
            from publishing.
        console_url: Where people open the console; links in alerts begin with it.
    """

    home: Path
    landing: Path
    seeds: Path = PROJECT_ROOT / "seeds"
    dbt_project: Path = PROJECT_ROOT / "dbt_project"
    memory_limit_mb: int = 4096
    threads: int = 2
    max_file_mb: int = 20_480
    max_expanded_mb: int = 20_480
    max_expansion_ratio: int = 100
    parse_timeout_seconds: int = 3600
    keep_generations: int = 3
    ledger_url: str = field(default="", repr=False)
    heads_folder: Path | None = None
    key_file: Path | None = None
    synthetic_blocks: bool = False
    console_url: str = CONSOLE_URL

    @property
    def warehouse(self) -> Path:
        """The one DuckDB file that a run writes."""
        return self.home / "warehouse.duckdb"

    @property
    def serving(self) -> Path:
        """Published generations, the pointer file and the `current.duckdb` symlink."""
        return self.home / "serving"

    @property
    def files(self) -> Path:
        """Landed bytes under their hash; the warehouse can be rebuilt from here."""
        return self.home / "files"

    @property
    def scratch(self) -> Path:
        """Spill and work files; may be deleted whenever no run is active."""
        return self.home / "scratch"

    @property
    def dagster_home(self) -> Path:
        """State of Dagster: runs, schedules, event log."""
        return self.home / "dagster"

    @property
    def dbt_state(self) -> Path:
        """dbt's target and log folders, apart per home."""
        return self.home / "dbt"

    @property
    def ledger_database(self) -> str:
        """The URL of the ledger: that of the settings, else a file in the home."""
        return self.ledger_url or f"sqlite:///{self.home / 'ledger.db'}"

    @property
    def heads(self) -> Path:
        """Signed heads and the public key: best kept on another disk, or under another owner."""
        return self.heads_folder or self.home / "heads"

    @property
    def signing_key(self) -> Path:
        """The private key that signs heads; made on first use."""
        return self.key_file or self.home / "keys" / "ledger.key"


def load_settings(home: Path | None = None, landing: Path | None = None) -> Settings:
    """Return the settings of a home; arguments win over the environment, which wins over defaults.

    Args:
        home: `--home`; else `MESHLINE_HOME`; else `.meshline` in the working folder.
        landing: `--landing`; else `<home>/landing`.

    Source: environment names `MESHLINE_HOME`, `MESHLINE_MEMORY_MB`, `MESHLINE_THREADS`,
    `MESHLINE_LEDGER_URL`, `MESHLINE_HEADS` (a folder), `MESHLINE_SIGNING_KEY` (a file),
    `MESHLINE_SYNTHETIC_BLOCKS` (1 or 0), `MESHLINE_CONSOLE_URL`.
    """
    chosen = (home or Path(os.environ.get("MESHLINE_HOME", ".meshline"))).absolute()
    return Settings(
        home=chosen,
        landing=(landing or chosen / "landing").absolute(),
        memory_limit_mb=int(os.environ.get("MESHLINE_MEMORY_MB", "4096")),
        threads=int(os.environ.get("MESHLINE_THREADS", str(os.cpu_count() or 2))),
        ledger_url=os.environ.get("MESHLINE_LEDGER_URL", ""),
        heads_folder=_path_of("MESHLINE_HEADS"),
        key_file=_path_of("MESHLINE_SIGNING_KEY"),
        synthetic_blocks=os.environ.get("MESHLINE_SYNTHETIC_BLOCKS", "") in ("1", "true"),
        console_url=os.environ.get("MESHLINE_CONSOLE_URL", CONSOLE_URL).rstrip("/"),
    )


def read_secret(name: str) -> str:
    """Return a secret, or an address that may hold one; empty when there is none.

    It is read when it is used, never kept and never logged, so that it can be changed meanwhile.

    Args:
        name: The variable of the environment; `<name>_FILE` may name a file that holds it instead.
    """
    text = os.environ.get(name, "")
    path = _path_of(f"{name}_FILE")
    if text or path is None:
        return text.strip()
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise UsageRefused(
            f"{name}_FILE names {path}, which cannot be read: {error.strerror}."
        ) from None


def _path_of(name: str) -> Path | None:
    """A path that the environment may name."""
    text = os.environ.get(name, "")
    return Path(text).absolute() if text else None
