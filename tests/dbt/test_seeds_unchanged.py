"""A build reads the seeds and never writes them.

With an absolute seed path dbt overwrites the CSV files with compiled SQL, and the operating model
is gone; so the files are hashed around a real call of `dbt seed`.
"""

import hashlib
from pathlib import Path

import yaml

from orchestration.connectors.operating_model import policy_records
from orchestration.releases import REGISTER
from tests.dbt.project import DBT_PROJECT, PROJECT_ROOT


def digests(folder: Path) -> dict[str, str]:
    """The hash of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_dbt_leaves_the_seeds_as_they_are(built_home):
    before = digests(PROJECT_ROOT / "seeds")
    done = built_home.dbt("seed", "--full-refresh")
    assert done.returncode == 0, done.stdout
    assert digests(PROJECT_ROOT / "seeds") == before


def test_the_seed_path_is_relative():
    project = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    assert project["seed-paths"] == ["../seeds"]


def read_by_python_alone() -> set[str]:
    """The seeds that dbt_project.yml switches off one by one."""
    project = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    folders = project["seeds"]["meshline"]
    return {
        f"{name}.csv"
        for folder in ("policies", "taxonomy")
        for name, config in folders[folder].items()
        if config == {"+enabled": False}
    }


def test_every_seed_that_dbt_leaves_out_is_read_by_python():
    read = {Path(record.file).name for record in policy_records()} | {Path(REGISTER).name}
    assert read_by_python_alone() <= read


def test_dbt_loads_every_policy_seed_and_no_sample(built_home):
    seeds = {
        node["original_file_path"]
        for node in built_home.manifest()["nodes"].values()
        if node["resource_type"] == "seed"
    }
    policies = {
        f"../seeds/{path.relative_to(PROJECT_ROOT / 'seeds')}"
        for path in (PROJECT_ROOT / "seeds").rglob("*.csv")
        if "samples" not in path.parts and path.name not in read_by_python_alone()
    }
    assert {Path(seed).name for seed in seeds} == {Path(path).name for path in policies}


def test_every_seed_is_described_with_the_type_of_each_column(built_home):
    wanting = []
    for node in built_home.manifest()["nodes"].values():
        if node["resource_type"] != "seed":
            continue
        path = DBT_PROJECT / node["original_file_path"]
        header = path.read_text(encoding="utf-8").splitlines()[0].split(",")
        if list(node["config"]["column_types"]) != header or not node["description"]:
            wanting.append(node["name"])
    assert not wanting, "name each column of the seed, in its order, in seeds/_seeds.yml"
