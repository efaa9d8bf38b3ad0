"""A publication that another version wrote is told in words, not by the words of the database."""

from datetime import UTC, datetime

import duckdb
import pytest

from orchestration.warehouse.reader import NothingPublished, OtherVersion, Published


@pytest.fixture
def published(tmp_path):
    connection = duckdb.connect(str(tmp_path / "run_1.duckdb"))
    connection.execute("create schema marts")
    connection.execute("create table marts.fct_orders as select 1 as recon_key")
    yield Published(
        tmp_path, 1, "run_1", datetime(2026, 6, 1, tzinfo=UTC), {"fct_orders": 1}, connection
    )
    connection.close()


@pytest.mark.parametrize(
    "sql", ["select newer_column from marts.fct_orders", "select * from marts.fct_of_tomorrow"]
)
def test_what_it_lacks_is_named_with_the_command_that_mends_it(published, sql):
    with pytest.raises(OtherVersion, match="Run `meshline run`") as told:
        published.rows(sql)
    assert "newer_column" in str(told.value) or "fct_of_tomorrow" in str(told.value)
    assert isinstance(told.value, NothingPublished)
    assert published.rows("select recon_key from marts.fct_orders") == ({"recon_key": 1},)
