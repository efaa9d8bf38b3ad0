"""Great Expectations on DuckDB: engine, suites, gates. Knows nothing of Dagster."""
