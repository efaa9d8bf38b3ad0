"""What the assets are given: the run that they belong to, and dbt.

What belongs here: resources. What does not: assets, and what a run does (`orchestration.runner`).
`orchestration.defs` and `orchestration.definitions` may import this.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource
from packaging.version import Version

from orchestration.runner import open_run
from orchestration.session import RunRequest, RunSession
from orchestration.settings import Settings

RUN_CONFIG = {
    "landing": dg.Field(
        dg.String,
        is_required=False,
        description="Folder with one folder per source; by default that of the home.",
    ),
    "as_of": dg.Field(
        dg.String,
        is_required=False,
        description="ISO 8601 moment with offset that the run takes as now; by default now.",
    ),
    "full_refresh": dg.Field(
        dg.Bool, default_value=False, description="Build everything, also when nothing is new."
    ),
}


def run_resource(settings: Settings) -> dg.ResourceDefinition:
    """Return the resource that holds the home from the first step of a run to its last.

    All steps of a run share one process (the job's executor sees to that), so the lock, the record
    and the sign of life of the run live exactly as long as the run.
    """

    @dg.resource(config_schema=RUN_CONFIG, description="The run: its lock, number and moment.")
    def run(context: dg.InitResourceContext) -> Iterator[RunSession]:
        config: dict[str, Any] = context.resource_config or {}
        request = RunRequest(
            settings=replace(settings, landing=Path(config["landing"]).absolute())
            if "landing" in config
            else settings,
            as_of=datetime.fromisoformat(config["as_of"]) if "as_of" in config else None,
            full_refresh=config["full_refresh"],
        )
        with open_run(request) as session:
            yield session

    return run


class WarehouseDbt(DbtCliResource):
    """dbt on the one warehouse file, without the second handle that the base class opens on it.

    The base class starts `dbt --version`, then imports dbt into this process and connects to the
    warehouse, all to fetch column metadata on request. Nothing here asks for it; it costs six
    seconds a run, and a second connection keeps the file from the dbt that is to write it.
    """

    @cached_property
    def _cli_version(self) -> Version:
        """The version that is installed, without starting it."""
        return Version(version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Any) -> None:
        """No adapter in this process."""
