"""The publication in PostgreSQL, for tools that need a server.

What belongs here: copying what is published into a schema and swapping it in. What does not: the
publication itself (`orchestration.warehouse.publisher`), which never waits for this.
"""
