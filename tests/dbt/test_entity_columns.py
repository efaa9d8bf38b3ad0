"""The staging models of one entity are one shape, so that a union of sources mixes no columns.

`union all` goes by position: two columns that change places become one column of mixed meaning.
"""

import pytest
import yaml

from orchestration.warehouse.connection import reader
from tests.dbt.project import DBT_PROJECT, PROJECT_ROOT

VARS = yaml.safe_load((DBT_PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]
ENTITY_SOURCES = VARS["entity_sources"]
# Every staged row says where it comes from and which version it is.
OWED = {
    "source",
    "stream",
    "tenant",
    "source_system",
    "source_instance",
    "updated_at",
    "_row_key",
    "_row_version",
    "_load_seq",
    "_line",
    "_business_on",
    "_is_deleted",
    "_observed_at",
}


@pytest.fixture(scope="module")
def staging_columns(built_home) -> dict[str, list[tuple[str, str]]]:
    """Return name and type of each column of each staging model, in order."""
    with reader(built_home.settings.warehouse) as connection:
        rows = connection.execute(
            "select table_name, column_name, data_type from information_schema.columns"
            " where table_schema = 'staging' order by table_name, ordinal_position"
        ).fetchall()
    columns: dict[str, list[tuple[str, str]]] = {}
    for table, column, data_type in rows:
        columns.setdefault(table, []).append((column, data_type))
    return columns


@pytest.mark.parametrize("entity", ENTITY_SOURCES)
def test_all_sources_stage_an_entity_alike(staging_columns, entity):
    shapes = {
        source: staging_columns[f"stg_{source}__{entity}"] for source in ENTITY_SOURCES[entity]
    }
    first = next(iter(shapes.values()))
    assert {source: shape for source, shape in shapes.items() if shape != first} == {}


@pytest.mark.parametrize("entity", ENTITY_SOURCES)
def test_every_entity_has_its_provenance(staging_columns, entity):
    for source in ENTITY_SOURCES[entity]:
        columns = {name for name, _ in staging_columns[f"stg_{source}__{entity}"]}
        assert not OWED - columns


@pytest.mark.parametrize("entity", ENTITY_SOURCES)
def test_an_entity_has_one_model_of_all_versions_and_one_of_the_latest(entity):
    folder = DBT_PROJECT / "models" / "intermediate" / "entities"
    assert (folder / f"int_{entity}__unioned.sql").is_file()
    latest = folder / f"int_{entity}__latest.sql"
    assert f"ref('int_{entity}__unioned')" in latest.read_text(encoding="utf-8")


def test_every_source_of_an_entity_has_a_contract():
    contracts = {path.stem for path in (PROJECT_ROOT / "seeds" / "sources").glob("*.yml")}
    named = {source for sources in ENTITY_SOURCES.values() for source in sources}
    assert named <= contracts


def test_no_money_is_staged_in_binary_floats(staging_columns):
    floats = [
        f"{table}.{column}"
        for table, columns in staging_columns.items()
        for column, data_type in columns
        if data_type in {"DOUBLE", "FLOAT", "REAL"}
    ]
    assert not floats
