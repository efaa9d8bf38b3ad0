"""Layers of the SQL project, checked on dbt's manifest: what may read what, and what a model owes.

A model that reads a later layer makes two runs over the same input differ; a mart that reads
staging skips the keys, the states and the accounting.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = ROOT / "dbt_project"
# Each layer may read itself and what stands before it.
LAYERS = (
    "staging",
    "calendars",
    "entities",
    "identity",
    "orders",
    "legs",
    "matching",
    "gates",
    "states",
    "exceptions",
    "artifacts",
    "accounting",
    "periods",
    "marts",
)
Manifest = Mapping[str, Any]


@pytest.fixture(scope="session")
def manifest(tmp_path_factory) -> Manifest:
    """Return the manifest of the project as it stands, parsed into a folder of its own."""
    target = tmp_path_factory.mktemp("dbt")
    environment = {
        **os.environ,
        "DBT_TARGET_PATH": str(target),
        "DBT_LOG_PATH": str(target),
        "MESHLINE_WAREHOUSE": str(target / "warehouse.duckdb"),
    }
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from dbt.cli.main import cli; cli()",
            "parse",
            "--project-dir",
            str(PROJECT),
            "--profiles-dir",
            str(PROJECT),
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads((target / "manifest.json").read_text(encoding="utf-8"))


def models_of(manifest: Manifest) -> dict[str, Mapping[str, Any]]:
    """Return the models by their id."""
    nodes = manifest["nodes"]
    return {key: node for key, node in nodes.items() if node["resource_type"] == "model"}


def layer_of(path: str) -> str:
    """Return the layer that a model's folder stands for."""
    _, first, *rest = path.split("/")
    layer = rest[0] if first == "intermediate" else first
    assert layer in LAYERS, f"{path}: folder {layer} is no layer; add it to LAYERS in its place"
    return layer


def illegal_edges(manifest: Manifest) -> Iterator[str]:
    """Yield every edge that goes against the layers, in words."""
    models = models_of(manifest)
    for model in models.values():
        layer = layer_of(model["original_file_path"])
        for parent in model["depends_on"]["nodes"]:
            if parent.startswith("source."):
                if layer != "staging":
                    yield f"{model['name']} ({layer}) reads {parent}: only staging reads sources"
                continue
            if parent not in models:
                continue
            below = layer_of(models[parent]["original_file_path"])
            names = f"{model['name']} ({layer}) reads {models[parent]['name']} ({below})"
            if LAYERS.index(below) > LAYERS.index(layer):
                yield f"{names}: a later layer"
            if layer == "marts" and below == "staging":
                yield f"{names}: marts never read staging"


def _model(path: str, *parents: str) -> dict[str, Any]:
    name = Path(path).stem
    return {
        "name": name,
        "resource_type": "model",
        "original_file_path": f"models/{path}",
        "depends_on": {"nodes": list(parents)},
    }


def test_no_model_reads_against_the_layers(manifest):
    assert not list(illegal_edges(manifest))


def test_every_folder_of_models_is_a_layer(manifest):
    paths = [model["original_file_path"] for model in models_of(manifest).values()]
    assert len(paths) > 10
    assert {layer_of(path) for path in paths} <= set(LAYERS)


def test_every_model_opens_with_its_grain(manifest):
    texts = {name: model["raw_code"] for name, model in models_of(manifest).items()}
    silent = [name for name, text in texts.items() if not text.startswith("-- Grain: one row per ")]
    assert not silent, "the first line of a model is `-- Grain: one row per ...`"


def test_every_model_and_every_column_of_a_mart_is_described(manifest):
    silent = []
    for model in models_of(manifest).values():
        if not model["description"].strip():
            silent.append(model["name"])
        if layer_of(model["original_file_path"]) == "marts":
            silent += [
                f"{model['name']}.{column['name']}"
                for column in model["columns"].values()
                if not column["description"].strip()
            ]
    assert not silent


def test_every_mart_has_an_enforced_contract_and_public_access(manifest):
    marts = [
        model
        for model in models_of(manifest).values()
        if layer_of(model["original_file_path"]) == "marts"
    ]
    assert marts
    assert not [mart["name"] for mart in marts if not mart["config"]["contract"]["enforced"]]
    assert not [mart["name"] for mart in marts if mart["config"]["access"] != "public"]


@pytest.mark.parametrize(
    ("reader", "parent", "reason"),
    [
        ("intermediate/orders/int_a.sql", "source.meshline.raw.a", "only staging reads sources"),
        ("marts/audit/fct_a.sql", "model.meshline.stg_b", "marts never read staging"),
        ("intermediate/legs/int_a.sql", "model.meshline.int_later", "a later layer"),
        ("staging/generic/stg_a.sql", "model.meshline.int_later", "a later layer"),
    ],
)
def test_an_edge_against_the_layers_is_found(reader, parent, reason):
    nodes = {
        "model.meshline.stg_b": _model("staging/generic/stg_b.sql", "source.meshline.raw.b"),
        "model.meshline.int_later": _model("intermediate/states/int_later.sql"),
        "model.meshline.reader": _model(reader, parent),
    }
    (edge,) = illegal_edges({"nodes": nodes})
    assert edge.endswith(reason)


def test_an_edge_along_the_layers_is_left_alone():
    nodes = {
        "model.meshline.stg_b": _model("staging/generic/stg_b.sql", "source.meshline.raw.b"),
        "model.meshline.int_a": _model(
            "intermediate/orders/int_a.sql", "model.meshline.stg_b", "seed.meshline.rules"
        ),
        "model.meshline.fct_a": _model("marts/audit/fct_a.sql", "model.meshline.int_a"),
    }
    assert not list(illegal_edges({"nodes": nodes}))
