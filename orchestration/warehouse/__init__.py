"""The one door to DuckDB: loader, writer, reader, publisher. Imports core and settings only."""
