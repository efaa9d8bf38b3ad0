"""The publication in PostgreSQL: complete, swapped at once, and never in the way (R-V5)."""

import json
import threading
import time
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import psycopg
import pytest

from orchestration.serving.address import VARIABLE
from orchestration.serving.errors import ServingFailed
from orchestration.serving.postgres import serve_published
from orchestration.settings import load_settings
from orchestration.warehouse.durable import replace_json
from orchestration.warehouse.publisher import POINTER
from tests.integration.run_homes import copy_home, meshline, reconcile_samples
from tests.ledger import postgres
from tests.ledger.conftest import postgres_url  # noqa: F401, a fixture

SECRET = "s3cret"
AS_OF = datetime(2026, 6, 10, tzinfo=UTC)
TABLES = ("fct_a", "fct_b", "fct_c")


@pytest.fixture
def database(request, monkeypatch, postgres_url) -> str:  # noqa: F811
    """An empty database that the settings name."""
    url = postgres.fresh_database(postgres_url, f"bi_{abs(hash(request.node.nodeid))}")
    monkeypatch.setenv(VARIABLE, url)
    return url


@pytest.fixture
def home(tmp_path):
    """The settings of a home in which nothing is published yet."""
    return load_settings(home=tmp_path / "home")


def publish_numbered(settings, run_no: int, rows: int = 2_000, **tables: str) -> None:
    """A publication whose every row says its run; `tables` are further ones, as queries."""
    settings.serving.mkdir(parents=True, exist_ok=True)
    path = settings.serving / f"run_{run_no}.duckdb"
    rows_of_run = f"select {run_no} as run_no, 'rk_' || i as recon_key from range({rows}) as r(i)"
    made = dict.fromkeys(TABLES, rows_of_run)
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        for name, query in (made | tables).items():
            connection.execute(f"create table marts.{name} as {query}")
        counts = {
            name: connection.execute(f"select count(*) from marts.{name}").fetchone()[0]
            for name in made | tables
        }
    pointer = {"file": path.name, "run_no": run_no, "run_id": f"run_{run_no}", "tables": counts}
    replace_json(settings.serving / POINTER, pointer | {"as_of": AS_OF.isoformat()})


def rows_of(url: str, query: str) -> list[tuple]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def test_every_value_arrives_as_what_it_is(home, database):
    publish_numbered(
        home, 1,
        odd="""select * from (values
            (1, '', 12.3400::decimal(18, 4), timestamp '2026-01-02 03:04:05.678901', true,
             date '2026-02-28', [1, 2], 170141183460469231731687303715884105727::hugeint),
            (2, null, null, null, null, null, null, null),
            (3, E'a"b,\\n\\\\.' || chr(0) || 'é', -0.0001::decimal(18, 4),
             timestamp '1999-12-31', false, date '1900-01-01', [], -1::hugeint)
        ) as t(id, words, amount, moment, is_it, on_day, list, big)""",
    )  # fmt: skip
    served = serve_published(home)
    assert served.row_count == 3 * 2_000 + 3
    found = rows_of(database, "select * from marts.odd order by id")
    assert found[0] == (
        1, "", Decimal("12.3400"), datetime.fromisoformat("2026-01-02T03:04:05.678901"), True,
        date(2026, 2, 28), [1, 2], Decimal(2**127 - 1),
    )  # fmt: skip
    assert found[1] == (2, *[None] * 7)
    assert found[2][1] == 'a"b,\n\\.\ufffdé'
    assert found[2][2] == Decimal("-0.0001")
    kinds = rows_of(
        database,
        "select numeric_precision, numeric_scale from information_schema.columns "
        "where table_schema = 'marts' and column_name = 'amount'",
    )
    assert kinds == [(18, 4)]
    assert rows_of(database, "select run_no, run_id, as_of from marts.publication") == [
        (1, "run_1", AS_OF)
    ]


class Reader(threading.Thread):
    """Somebody who reads all the time; keeps every error and every mixture."""

    ONE = "select " + ", ".join(
        f"(select min(run_no) || '-' || max(run_no) || '-' || count(*) from marts.{name})"
        for name in TABLES
    )

    def __init__(self, url: str, *, in_transactions: bool) -> None:
        super().__init__(daemon=True)
        self.url, self.in_transactions = url, in_transactions
        self.stop, self.reads = threading.Event(), 0
        self.mixtures: list[object] = []
        self.errors: list[str] = []
        self.seen: set[str] = set()

    def run(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            # A longer wait for a lock is an error; how busy the machine is does not count.
            connection.execute("set lock_timeout = '500ms'")
            while not self.stop.is_set():
                try:
                    parts = self._read(connection)
                except psycopg.Error as error:
                    self.errors.append(str(error))
                    continue
                self.reads += 1
                self.seen |= parts
                if len(parts) != 1:
                    self.mixtures.append(parts)

    def _read(self, connection) -> set[str]:
        if not self.in_transactions:
            return set(connection.execute(self.ONE).fetchone())
        with connection.transaction():
            first = connection.execute(self.ONE).fetchone()
            time.sleep(0.01)
            return {*first, *connection.execute(self.ONE).fetchone()}


def test_readers_wait_for_less_than_half_a_second_and_see_one_run(home, database):
    publish_numbered(home, 1)
    serve_published(home)
    readers = [Reader(database, in_transactions=flag) for flag in (False, False, True)]
    for reader in readers:
        reader.start()
    for run_no in range(2, 8):
        publish_numbered(home, run_no)
        serve_published(home)
    for reader in readers:
        reader.stop.set()
        reader.join(timeout=20)
    assert [reader.errors for reader in readers] == [[], [], []]
    assert [reader.mixtures for reader in readers] == [[], [], []]
    assert all(reader.reads > 20 for reader in readers)
    assert set.union(*(reader.seen for reader in readers)) >= {"1-1-2000", "7-7-2000"}


def test_rights_and_views_of_others_are_kept(home, database):
    publish_numbered(home, 1)
    serve_published(home)
    with psycopg.connect(database, autocommit=True) as admin:
        for role in ("sales_bi", "finance_bi"):
            admin.execute(f"drop role if exists {role}")
            admin.execute(f"create role {role} login")
            admin.execute(f"grant usage on schema marts to {role}")
        admin.execute("grant select (run_no) on marts.fct_a to sales_bi")
        admin.execute("grant select on all tables in schema marts to finance_bi")
        admin.execute("create schema own")
        admin.execute("create view own.v with (security_barrier) as select run_no from marts.fct_b")
        admin.execute("grant usage on schema own to sales_bi")
        admin.execute("grant select on own.v to sales_bi")
    publish_numbered(home, 2, fct_new="select 1 as one")
    serve_published(home)
    for role, query, answer in (
        ("finance_bi", "select max(run_no) from marts.fct_c", 2),
        ("finance_bi", "select one from marts.fct_new", 1),
        ("sales_bi", "select max(run_no) from marts.fct_a", 2),
        ("sales_bi", "select max(run_no) from own.v", 2),
    ):
        assert rows_of(as_role(database, role), query) == [(answer,)]
    for query in ("select * from marts.fct_a", "select * from marts.fct_new"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            rows_of(as_role(database, "sales_bi"), query)
    assert rows_of(database, "select reloptions from pg_class where relname = 'v'") == [
        (["security_barrier=true"],)
    ]


def as_role(url: str, role: str) -> str:
    return url.replace("meshline@", f"{role}@", 1)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("create table marts.mine (a int)", "mine"),
        ("create materialized view own.m as select * from marts.fct_a", "own.m"),
        ("alter table marts.fct_b enable row level security", "fct_b"),
        ("create function marts.f() returns int language sql as 'select 1'", "f"),
        ("create view own.w as select recon_key from marts.odd", "own"),
    ],
)
def test_what_a_swap_would_destroy_is_named_and_nothing_changes(home, database, statement, named):
    publish_numbered(home, 1, odd="select 'a' as recon_key")
    serve_published(home)
    with psycopg.connect(database, autocommit=True) as admin:
        admin.execute("create schema own")
        admin.execute(statement)
    publish_numbered(home, 2)
    with pytest.raises(ServingFailed, match=named):
        serve_published(home)
    assert rows_of(database, "select run_no from marts.publication") == [(1,)]


def test_a_reader_that_never_lets_go_is_named_and_others_go_on(home, database):
    publish_numbered(home, 1)
    serve_published(home)
    publish_numbered(home, 2)
    with psycopg.connect(database, application_name="slow report") as slow:
        slow.execute("select 1 from marts.fct_a limit 1")
        with pytest.raises(ServingFailed, match="slow report"):
            serve_published(home, patience_seconds=0.5)
        assert rows_of(database, "select run_no from marts.publication") == [(1,)]
    assert serve_published(home).is_new
    assert not serve_published(home).is_new
    assert serve_published(home, again=True).is_new


def test_an_address_that_cannot_be_used_is_told_without_its_password(monkeypatch, first_run):
    for wrong in (
        f"postgresql//meshline:{SECRET}@nowhere",
        f"postgresql://meshline:{SECRET}@127.0.0.1:1/none",
        f"postgresql://meshline:{SECRET}@127.0.0.1:1/none?bad=1",
    ):
        monkeypatch.setenv(VARIABLE, wrong)
        said = meshline("publish", "postgres", "--home", first_run[0])
        assert said.exit_code in {1, 2}
        assert SECRET not in said.stderr + said.stdout
        assert VARIABLE in said.stderr
        assert "Traceback" not in said.stderr


def test_a_run_serves_and_tells_when_it_could_not(first_run, tmp_path, monkeypatch, database):
    """A run whose server is away publishes all the same; the next one brings the server up."""
    home = copy_home(first_run[0], tmp_path)
    secret = tmp_path / "address"
    secret.write_text(f"postgresql://meshline:{SECRET}@127.0.0.1:1/none\n")
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv(f"{VARIABLE}_FILE", str(secret))
    said = reconcile_samples(home, "--full-refresh", "--json")
    assert said.exit_code == 0, said.stderr
    assert said.document["status"] == "published"
    assert "meshline publish postgres" in said.document["unserved"]
    assert SECRET not in said.stdout + said.stderr
    assert not any(SECRET in path.read_text("utf-8", "replace") for path in home.rglob("*.log"))
    secret.write_text(database)
    again = reconcile_samples(home, "--json")
    assert again.document["status"] == "unchanged"
    assert again.document["unserved"] == ""
    pointer = json.loads((home / "serving" / POINTER).read_text())
    with psycopg.connect(database) as connection:
        for table, count in pointer["tables"].items():
            found = connection.execute(f"select count(*) from marts.{table}").fetchone()[0]
            assert (table, found) == (table, count)
