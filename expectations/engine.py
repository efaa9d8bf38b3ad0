"""Great Expectations on DuckDB: the execution engine, the datasource, and one session.

What belongs here: how Great Expectations reaches the warehouse. What does not: what is asked
(`plan`, `gx_checks`) and what is done with the answers (`runner`, `results`).
Imported by `runner` alone, and only when there is something to judge: importing Great Expectations
takes seconds.

Why not `add_sql("duckdb:///...")`: Great Expectations fetches results after it has given the
connection back, and DuckDB has dropped them by then. Here one connection is opened and kept.
"""

import os

# Written before the import below, which reads it: no usage statistics leave the machine.
os.environ["GX_ANALYTICS_ENABLED"] = "false"

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, cast

import great_expectations as gx
import sqlalchemy as sa
from duckdb_sqlalchemy import ConnectionWrapper
from great_expectations.core import ExpectationSuite
from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
from great_expectations.data_context import EphemeralDataContext
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.datasource.fluent.interfaces import Batch
from great_expectations.execution_engine import SqlAlchemyExecutionEngine

from expectations.results import Connection

DATASOURCE = "warehouse"
_URL = "duckdb:///:memory:"  # never opened: the connection is handed in
_ENGINES: dict[str, sa.Engine] = {}
_EngineType = type[SqlAlchemyExecutionEngine]  # inside the datasource `type` is its own field

# Counts and the query of the failing rows, but never the rows themselves: Great Expectations cuts
# its lists without saying so, whatever the format.
_RESULT_FORMAT = {
    "result_format": "BASIC",
    "partial_unexpected_count": 0,
    "return_unexpected_index_query": True,
}


class KeptConnectionEngine(SqlAlchemyExecutionEngine):
    """Keeps its one connection until it is closed, so that results outlive the statement."""

    _connection: sa.Connection | None

    @contextmanager
    def get_connection(self) -> Iterator[sa.Connection]:
        """Yield the kept connection; it stays open afterwards."""
        if self._connection is None:
            self._connection = self.engine.connect()
        yield self._connection

    def close(self) -> None:
        """Give the connection back and dispose of the pool; safe to call twice."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self.engine.dispose()


class DuckDBDatasource(SQLDatasource):
    """A datasource over a connection that is already open.

    Defining the class registers `context.data_sources.add_duckdb`.
    """

    type: Literal["duckdb"] = "duckdb"

    @property
    def execution_engine_type(self) -> _EngineType:
        """The engine that keeps its connection."""
        return KeptConnectionEngine

    def get_engine(self) -> sa.Engine:
        """Return the engine over the connection of the open session."""
        return _ENGINES[self.name]

    def get_execution_engine(self) -> SqlAlchemyExecutionEngine:
        """Return the one execution engine of the session."""
        engine: SqlAlchemyExecutionEngine | None = getattr(self, "_execution_engine", None)
        if engine is None:
            engine = KeptConnectionEngine(
                name=self.name, engine=self.get_engine(), create_temp_table=False
            )
            self._execution_engine = engine
        return engine

    def test_connection(self, *_args: object, **_kwargs: object) -> None:
        """Do nothing: the connection is open, and its tables are known."""


class Session:
    """An ephemeral context over one connection of the warehouse."""

    def __init__(self, context: EphemeralDataContext) -> None:
        """Add the datasource to a fresh context."""
        self._datasource = context.data_sources.add_duckdb(
            name=DATASOURCE, connection_string=_URL, create_temp_table=False
        )
        self._batches: dict[str, Batch] = {}

    def validate(
        self, table: str, suite: ExpectationSuite, shown_columns: tuple[str, ...]
    ) -> ExpectationSuiteValidationResult:
        """Judge all rows of a table or view in as few queries as the metrics allow.

        May be called again for the same table with another suite.

        Args:
            table: Relation that the connection sees without a schema.
            suite: What is asked.
            shown_columns: Columns that the query of the failing rows selects.
        """
        if table not in self._batches:
            asset = self._datasource.add_table_asset(name=table, table_name=table)
            self._batches[table] = asset.add_batch_definition_whole_table("all").get_batch()
        return self._batches[table].validate(
            suite,
            result_format={**_RESULT_FORMAT, "unexpected_index_column_names": list(shown_columns)},
        )

    def close(self) -> None:
        """Close the execution engine and, with it, the connection."""
        self._datasource.get_execution_engine().close()


def _in_memory_only() -> DataContextConfig:
    """Return the configuration of a context without a folder for its documentation."""
    return DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
    )


@contextmanager
def open_session(connection: Connection) -> Iterator[Session]:
    """Yield a session over `connection`; close both at the end.

    Nothing is written to disk and nothing is sent: the context lives in memory, without progress
    bars. Not for two sessions at a time in one process.
    """
    _ENGINES[DATASOURCE] = sa.create_engine(
        _URL,
        creator=lambda: ConnectionWrapper(cast("Any", connection)),
        poolclass=sa.StaticPool,
        isolation_level="AUTOCOMMIT",
    )
    level = logging.getLogger("great_expectations").level
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            context = gx.get_context(mode="ephemeral", project_config=_in_memory_only())
            session = Session(context)
            try:
                yield session
            finally:
                session.close()
    finally:
        logging.getLogger("great_expectations").setLevel(level)
        _ENGINES.pop(DATASOURCE).dispose()
        connection.close()
