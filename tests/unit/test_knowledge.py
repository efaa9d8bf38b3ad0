"""R-B5: `<mart>_as_known(moment)` gives each key as it was known, whatever came and went since."""

import duckdb
import pytest

from orchestration.warehouse.knowledge import create_macros

LINES = """
create schema marts;
create table marts.run_fingerprints as
    select * from (values (timestamp '2026-06-01'), (timestamp '2026-06-02'), (timestamp '2026-06-03')) as t (as_of);
create table marts.fct_order_lines as
    select * from (values ('rk1', 1, 'l1', 30), ('rk1', 1, 'new', 5), ('rk1', 1, 'same', 7), ('rk1', 1, 'back', 9))
    as t (recon_key, version_no, line_key, quantity);
create table marts.fct_order_lines_history as
    select * from (values
        ('rk1', 1, 'l1', 10, 2, timestamp '2026-06-02', false, false),
        ('rk1', 1, 'l1', 20, 3, timestamp '2026-06-03', false, false),
        ('rk1', 1, 'new', null, 3, timestamp '2026-06-03', false, true),
        ('rk1', 1, 'gone', 1, 2, timestamp '2026-06-02', true, false),
        ('rk1', 1, 'back', 8, 2, timestamp '2026-06-02', true, false),
        ('rk1', 1, 'back', null, 3, timestamp '2026-06-03', false, true)
    ) as t (recon_key, version_no, line_key, quantity, history_run_no, known_to, is_gone, is_absent);
"""  # noqa: E501


@pytest.fixture(scope="module")
def publication():
    with duckdb.connect() as connection:
        connection.execute(LINES)
        create_macros(connection, "memory")
        yield connection


@pytest.mark.parametrize(
    ("moment", "known"),
    [
        ("2026-05-31 00:00", {}),
        ("2026-06-01 00:00", {"l1": 10, "same": 7, "gone": 1, "back": 8}),
        ("2026-06-01 23:59", {"l1": 10, "same": 7, "gone": 1, "back": 8}),
        ("2026-06-02 00:00", {"l1": 20, "same": 7}),
        ("2026-06-03 00:00", {"l1": 30, "new": 5, "same": 7, "back": 9}),
        ("2027-01-01 00:00", {"l1": 30, "new": 5, "same": 7, "back": 9}),
    ],
)
def test_each_key_is_as_it_was_known(publication, moment, known):
    rows = publication.execute(
        "select line_key, quantity from marts.fct_order_lines_as_known(cast($at as timestamp))",
        {"at": moment},
    ).fetchall()
    assert dict(rows) == known
