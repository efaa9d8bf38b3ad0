"""R-F2: the flow that Dagster shows is the flow that is meant, with an owner for every part."""

import json
import os
import subprocess

import dagster as dg
import pytest

from orchestration.connectors.contracts import load_contracts
from orchestration.core.errors import ReconError
from orchestration.dbt_runs import TESTS_OF_PHASE, write_launcher
from orchestration.defs.layers import layer_of
from orchestration.defs.publish import FINGERPRINTS, PUBLICATION
from orchestration.defs.schedules import JOB_NAME
from tests.definitions.snapshots import REVIEWED, describe


@pytest.fixture(scope="session")
def graph(definitions):
    return definitions.resolve_asset_graph()


def test_assets_steps_and_triggers_are_the_reviewed_ones(definitions):
    assert describe(definitions) == REVIEWED.read_text(), (
        "If the change is meant: python -m tests.definitions.snapshots, and commit the result."
    )


def test_each_stream_of_each_contract_is_an_asset(graph, settings):
    streams = {
        dg.AssetKey(["raw", f"{stream.source}__{stream.name}"])
        for contract in load_contracts(settings.seeds).values()
        for stream in contract.streams.values()
    }
    assert streams <= set(graph.get_all_asset_keys())


def test_each_model_and_seed_of_the_sql_project_is_an_asset_of_one_phase(graph, manifest):
    nodes = json.loads(manifest.read_text())["nodes"].values()
    wanted = {
        dg.AssetKey([node["schema"], node["alias"]])
        for node in nodes
        if node["resource_type"] in {"model", "seed"}
    }
    assert wanted <= set(graph.materializable_asset_keys)


def test_each_asset_has_owner_group_and_description(graph):
    bare = [
        key.to_user_string()
        for key in graph.get_all_asset_keys()
        if not (graph.get(key).owners and graph.get(key).group_name and graph.get(key).description)
    ]
    assert bare == []


def test_a_schema_without_an_owner_names_the_file_to_edit():
    with pytest.raises(ReconError, match=r"defs/layers\.py"):
        layer_of("nobodys")


def test_each_step_that_opens_the_warehouse_waits_for_its_pool(definitions):
    job = definitions.resolve_job_def(JOB_NAME)
    assert {node.name: node.definition.pool for node in job.graph.nodes} == {
        node.name: "warehouse" for node in job.graph.nodes
    }


def test_all_steps_share_one_process_so_that_the_lock_lives_as_long_as_the_run(definitions):
    assert definitions.resolve_job_def(JOB_NAME).executor_def.name == "in_process"


def test_gates_block_and_stand_before_what_they_guard(graph):
    gates = [key for key in graph.asset_check_keys if key.name.startswith("gate_")]
    assert {key.asset_key.path[0] for key in gates} == {"raw", "gates", "marts"}
    for key in gates:
        assert graph.get(key).blocking
        if key.asset_key.path[0] == "marts" and key.asset_key != FINGERPRINTS:
            assert key.asset_key in graph.get(PUBLICATION).parent_keys


def test_publishing_waits_for_every_mart(graph):
    marts = {key for key in graph.materializable_asset_keys if key.path[0] == "marts"}
    assert marts <= graph.get(PUBLICATION).parent_keys


def test_each_data_test_runs_in_exactly_one_phase(settings, manifest):
    """Regression: a test that no phase selects guards nothing, and nobody would notice."""
    tests = {
        node["name"]
        for node in json.loads(manifest.read_text())["nodes"].values()
        if node["resource_type"] == "test"
    }
    runs = dict.fromkeys(tests, 0)
    for phase, selection in TESTS_OF_PHASE.items():
        listed = subprocess.run(
            [
                *(write_launcher(settings), "--quiet", "ls", "--resource-type", "test"),
                *("--output", "name", "--select", f"tag:{phase}"),
                *("--indirect-selection", selection),
            ],
            env=os.environ | {"DBT_LOG_FORMAT": "text"},
            cwd=settings.dbt_project,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for line in listed.splitlines():
            name = json.loads(line)["info"]["msg"] if line.startswith("{") else line
            runs[name] += 1
    assert {name: count for name, count in runs.items() if count != 1} == {}
