"""A built warehouse in which data is broken on purpose and the guards of the project are asked.

What belongs here: breaking, rebuilding and asking, each on one open connection. What does not:
which break a guard must find (`test_guards_bite.py`).
"""

import duckdb

from tests.dbt.project import DbtHome


class Warehouse:
    """The warehouse of a home that dbt has built; whoever breaks it undoes that.

    Args:
        home: Has the compiled SQL of the last build.
        connection: Open for writing.
    """

    def __init__(self, home: DbtHome, connection: duckdb.DuckDBPyConnection) -> None:
        self.home = home
        self.connection = connection
        manifest = home.manifest()
        self.nodes = {
            node["name"]: node
            for node in manifest["nodes"].values()
            if node["resource_type"] in {"model", "test"}
        }

    def run(self, sql: str) -> list[tuple]:
        return self.connection.execute(sql).fetchall()

    def one(self, sql: str) -> tuple:
        row = self.connection.execute(sql).fetchone()
        assert row is not None, f"the samples hold no case for this: {sql}"
        return row

    def culprits(self, guard: str) -> list[str]:
        """The rows that a guard returns, as text."""
        sql = self.home.compiled(self.nodes[guard])
        return [" ".join(str(value) for value in row) for row in self.run(sql)]

    def rebuild(self, *models: str) -> None:
        """Build tables anew from what stands in the warehouse now."""
        for name in models:
            node = self.nodes[name]
            self.run(
                f"create or replace table {node['schema']}.{name} as {self.home.compiled(node)}"
            )

    def store(self, table: str) -> None:
        """Turn a view into a table of the same rows, so that single ones can be changed."""
        schema, name = table.split(".")
        views = self.run(f"select view_name from duckdb_views() where schema_name = '{schema}'")
        if (name,) not in views:
            return
        self.run(f"create table {schema}.kept as from {table}")
        self.run(f"drop view {table}")
        self.run(f"alter table {schema}.kept rename to {name}")

    def double(self, table: str, where: str = "true") -> None:
        """Put one row of a table into it a second time."""
        self.store(table)
        self.run(f"insert into {table} select * from {table} where {where} order by all limit 1")
