"""All of Meshline's Dagster definitions, assembled from their parts.

What belongs here: the assembly, which takes other parts instead of its own, so that tests and
`meshline run` can put theirs in. What does not: any part. The command line and Dagster import this.
"""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
from dagster_dbt import DbtProject

from expectations.gate_rules import gate_codes
from orchestration.connectors.contracts import load_contracts
from orchestration.connectors.operating_model import load_operating_model
from orchestration.dbt_runs import ensure_manifest, write_launcher
from orchestration.defs.alerts import (
    alerts_asset,
    alerts_check,
    alerts_job,
    alerts_sensor,
    exception_specs,
    exceptions_sensor,
    failure_sensor,
)
from orchestration.defs.delivery import (
    delivery_asset,
    delivery_checks,
    delivery_job,
    delivery_sensor,
)
from orchestration.defs.gates import (
    gate_records,
    published_gate_check,
    source_gate_check,
    validation_gate_check,
)
from orchestration.defs.ingest import landing_assets, raw_assets
from orchestration.defs.instance import write_instance_config
from orchestration.defs.matching import assignments_asset
from orchestration.defs.publish import (
    FINGERPRINTS,
    fingerprints_asset,
    publication_asset,
    tickets_asset,
)
from orchestration.defs.resources import WarehouseDbt, run_resource
from orchestration.defs.schedules import hourly_schedule, reconcile_job
from orchestration.defs.sensors import landing_sensor
from orchestration.defs.synthetic import daily_schedule, synthetic_job
from orchestration.defs.transform import dbt_phases
from orchestration.settings import Settings, load_settings


def build_definitions(
    settings: Settings | None = None,
    overrides: Mapping[str, object] | None = None,
    manifest: Path | None = None,
) -> dg.Definitions:
    """Return the definitions of one home.

    Args:
        settings: The home; None takes that of the environment.
        overrides: Resources by name in place of our own: `run` and `dbt`.
        manifest: The parsed dbt project; None parses it when it has changed.

    Raises:
        ReconError: A contract is not valid, the dbt project does not parse, or a schema of it has
            no layer.
    """
    settings = settings or load_settings()
    contracts = load_contracts(settings.seeds)
    manifest = manifest or ensure_manifest(settings)
    project = DbtProject(project_dir=settings.dbt_project, profiles_dir=settings.dbt_project)
    phases = dbt_phases(manifest, project)
    marts = sorted(
        key
        for phase in phases
        for key in phase.keys
        if key.path[0] == "marts" and key != FINGERPRINTS
    )
    dbt = WarehouseDbt(project_dir=project, dbt_executable=write_launcher(settings))
    return dg.Definitions(
        assets=[
            *landing_assets(contracts),
            raw_assets(contracts),
            *gate_records(),
            *phases,
            assignments_asset(),
            tickets_asset(marts),
            fingerprints_asset(marts),
            publication_asset(marts),
            delivery_asset(settings),
            alerts_asset(settings),
            *exception_specs(sorted(load_operating_model(settings.seeds).classes)),
        ],
        asset_checks=[
            source_gate_check(contracts),
            validation_gate_check(gate_codes(settings.seeds)),
            published_gate_check(marts),
            *delivery_checks(settings),
            alerts_check(settings),
        ],
        jobs=[reconcile_job(), delivery_job(), synthetic_job(settings), alerts_job()],
        schedules=[hourly_schedule(), daily_schedule()],
        sensors=[
            landing_sensor(settings, contracts),
            delivery_sensor(settings),
            alerts_sensor(settings),
            exceptions_sensor(settings),
            failure_sensor(settings),
        ],
        resources={"run": run_resource(settings), "dbt": dbt, **(overrides or {})},
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What `dagster dev` and `dg` load: the home of the environment."""
    settings = load_settings()
    write_instance_config(settings)
    return build_definitions(settings)
