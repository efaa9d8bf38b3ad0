"""The two phases of dbt, each one step, with the gates of `orchestration.defs.gates` around them.

What belongs here: how dbt nodes become assets, and the two steps. What does not: SQL, and the
arguments of dbt (`orchestration.dbt_runs`). Only `orchestration.defs` and
`orchestration.definitions` may import this.

One step per phase on purpose: a blocking check blocks only what lies behind its step, and inside
one call dbt has long built what the gate should have kept back.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject, dbt_assets

from orchestration.dbt_runs import stop, target_of
from orchestration.dbt_watch import DbtWatch
from orchestration.defs.layers import layer_of
from orchestration.defs.resources import WarehouseDbt
from orchestration.runner import dbt_arguments
from orchestration.session import RunSession
from orchestration.steps import STEP_OF_PHASE


class LayerTranslator(DagsterDbtTranslator):
    """Names a dbt node by schema and table, and files it under its layer."""

    def get_asset_spec(
        self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetSpec:
        """Return the asset of one model, seed or source."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["sources" if unique_id.startswith("source.") else "nodes"][unique_id]
        schema = node["schema"]
        layer = layer_of(schema)
        return spec.replace_attributes(
            key=dg.AssetKey([schema, node.get("identifier") or node["alias"]]),
            group_name=schema,
            owners=[layer.owner],
            description=node.get("description") or layer.purpose,
        )


def dbt_phases(manifest: Path, project: DbtProject) -> tuple[dg.AssetsDefinition, ...]:
    """Return the steps `phase_1` and `phase_2`."""
    translator = LayerTranslator()

    def phase(name: str) -> dg.AssetsDefinition:
        @dbt_assets(
            manifest=manifest,
            project=project,
            select=f"tag:{name}",
            name=name,
            pool="warehouse",
            dagster_dbt_translator=translator,
        )
        def build(
            context: dg.AssetExecutionContext,
            dbt: WarehouseDbt,
            run: dg.ResourceParam[RunSession],
        ) -> Iterator[Any]:
            yield from stream_phase(context, dbt, run, name)

        return build

    return phase("phase_1"), phase("phase_2")


def stream_phase(
    context: dg.AssetExecutionContext, dbt: WarehouseDbt, run: RunSession, phase: str
) -> Iterator[Any]:
    """Run one phase and pass on what dbt reports, then raise what its end means."""
    target = target_of(run.settings)
    with run.step(STEP_OF_PHASE[phase]) as scope:
        watch = DbtWatch(advanced=scope.advanced)
        invocation = dbt.cli(
            list(dbt_arguments(run, phase)),
            context=context,
            target_path=target,
            raise_on_error=False,
        )
        try:
            for event in invocation.stream_raw_events():
                watch.see(event.raw_event)
                yield from event.to_default_asset_events(
                    manifest=invocation.manifest,
                    dagster_dbt_translator=invocation.dagster_dbt_translator,
                    context=context,
                    target_path=target,
                    project=invocation.project,
                )
        except BaseException:
            stop(invocation.process)
            raise
        finally:
            run.tests += watch.checks
        code = invocation.process.wait()
        scope.note = watch.summary()
        watch.raise_if_unfit(phase=phase, exit_code=code, log=target / "dbt.log")
