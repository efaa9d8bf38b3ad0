"""The definitions of an empty home, assembled once: parsing the SQL project takes seconds."""

from pathlib import Path

import dagster as dg
import pytest

from orchestration.definitions import build_definitions
from orchestration.settings import Settings, load_settings


@pytest.fixture(scope="session")
def settings(tmp_path_factory) -> Settings:
    return load_settings(home=tmp_path_factory.mktemp("definitions") / "home")


@pytest.fixture(scope="session")
def definitions(settings) -> dg.Definitions:
    return build_definitions(settings)


@pytest.fixture(scope="session")
def manifest(settings, definitions) -> Path:
    return settings.dbt_state / "target" / "manifest.json"
