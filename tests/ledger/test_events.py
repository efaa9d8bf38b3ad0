"""R-V2: the chain of events, in both databases."""

import contextlib
import multiprocessing
import time
from datetime import datetime, timedelta

import pytest
from sqlalchemy import exc, select, text

from orchestration.core.chain import GENESIS, Event, NotCanonical, hash_of
from orchestration.core.errors import ReconError, UsageRefused
from orchestration.ledger.errors import LedgerBusy, LedgerNotOurs
from orchestration.ledger.events import Actor, Draft, append
from orchestration.ledger.migrations import revisions
from orchestration.ledger.store import open_ledger
from orchestration.ledger.tables import events, metadata
from tests.ledger.acting import ANA, ENGINE, NOON, draft

PROCESSES, EACH = 8, 500


def stored(ledger) -> list[Event]:
    with ledger.read() as connection:
        rows = connection.execute(select(events).order_by(events.c.seq)).mappings()
        return [Event(**row) for row in rows]


def assert_unbroken(found: list[Event]) -> None:
    before = GENESIS
    for seq, event in enumerate(found, start=1):
        assert (event.seq, event.prev_hash, event.hash) == (seq, before, hash_of(event))
        before = event.hash


def test_events_are_stored_as_they_are_returned_and_chained(ledger):
    with ledger.write() as connection:
        first = append(connection, [draft(1), draft(2)])
        second = append(connection, [draft(3, ANA)])
    assert stored(ledger) == [*first, *second]
    assert_unbroken(stored(ledger))
    assert first[0].at == "2026-06-30T12:00:01.000000Z"
    assert first[0].payload == '{"amount":"12.50","number":1}'


def test_order_is_that_of_appending_when_the_clock_is_set_back(ledger):
    with ledger.write() as connection:
        append(connection, [draft(500), draft(1), draft(300)])
    assert [one.subject_id for one in stored(ledger)] == ["ex_000500", "ex_000001", "ex_000300"]
    assert_unbroken(stored(ledger))


def test_nothing_of_a_transaction_that_breaks_off_is_kept(ledger):
    with contextlib.suppress(ZeroDivisionError), ledger.write() as connection:
        append(connection, [draft(1)])
        raise ZeroDivisionError
    assert stored(ledger) == []


def _append_singly(url: str, number: int) -> None:
    with open_ledger(url, busy_seconds=120) as ledger:
        for each in range(EACH):
            with ledger.write() as connection:
                append(connection, [draft(number * EACH + each)])


def test_eight_processes_make_one_unbroken_chain(ledger_url):
    """Regression: two writers that number from the same last event fork the chain."""
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(target=_append_singly, args=(ledger_url, number))
        for number in range(PROCESSES)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(240)
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES
    with open_ledger(ledger_url) as ledger:
        found = stored(ledger)
    assert len(found) == len({one.subject_id for one in found}) == PROCESSES * EACH
    assert_unbroken(found)


def test_a_hundred_thousand_events_are_appended_in_seconds(ledger):
    drafts = [draft(number) for number in range(100_000)]
    begun = time.process_time()
    with ledger.write() as connection:
        append(connection, drafts)
    assert time.process_time() - begun < 30
    with ledger.read() as connection:
        assert connection.execute(text("select count(*), max(seq) from events")).one() == (
            100_000,
            100_000,
        )


@pytest.mark.parametrize(
    "statement",
    [
        "update events set reason = 'other' where seq = 2",
        "update events set hash = hash",
        "delete from events where seq = 3",
        "delete from events",
    ],
)
def test_the_database_refuses_to_change_or_delete_events(ledger, statement):
    """D8: naive SQL is stopped by triggers."""
    with ledger.write() as connection:
        append(connection, [draft(number) for number in range(3)])
    before = stored(ledger)
    with pytest.raises(exc.DBAPIError, match="append-only"), ledger.write() as connection:
        connection.execute(text(statement))
    assert stored(ledger) == before


def test_postgresql_refuses_to_truncate(postgres_url, request):
    """D8: truncating fires no row trigger, so it has one of its own."""
    from tests.ledger.postgres import fresh_database

    with open_ledger(fresh_database(postgres_url, "truncated")) as ledger:
        with ledger.write() as connection:
            append(connection, [draft(1)])
        with pytest.raises(exc.DBAPIError, match="append-only"), ledger.write() as connection:
            connection.execute(text("truncate events"))
        assert len(stored(ledger)) == 1


def test_an_event_cannot_be_put_beside_the_chain(ledger):
    with ledger.write() as connection:
        one = append(connection, [draft(1), draft(2)])[1]
    row = {name: getattr(one, name) for name in Event.__dataclass_fields__}
    for change in ({"seq": 9}, {"seq": 3, "prev_hash": GENESIS}):
        with pytest.raises(exc.DBAPIError, match="must follow"), ledger.write() as connection:
            connection.execute(events.insert(), {**row, **change})
    assert len(stored(ledger)) == 2


def test_sqlite_refuses_to_replace_an_event(tmp_path):
    """Regression: `insert or replace` deletes without the trigger on delete."""
    with open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as ledger:
        with ledger.write() as connection:
            append(connection, [draft(1)])
        with pytest.raises(exc.DBAPIError), ledger.write() as connection:
            connection.exec_driver_sql(
                "insert or replace into events select seq, at, actor_id, actor_role, "
                "principal_id, action, subject_type, subject_id, recon_key, 'other', payload, "
                "prev_hash, hash from events"
            )
        assert stored(ledger)[0].reason == "A difference was found."


def test_a_held_ledger_is_waited_for_and_then_said_to_be_busy(ledger, ledger_url):
    """B11: the wait is bounded, and its end is a sentence with exit code 75."""
    with open_ledger(ledger_url, busy_seconds=0.3) as other, ledger.write() as connection:
        append(connection, [draft(1)])
        begun = time.monotonic()
        with pytest.raises(LedgerBusy, match="nothing was written") as caught, other.write():
            pass
        assert 0.2 < time.monotonic() - begun < 10
        assert caught.value.exit_code == 75
        with other.read() as reading:  # readers wait for nobody
            assert reading.execute(text("select count(*) from events")).scalar() == 0
    assert len(stored(ledger)) == 1


@pytest.mark.parametrize("value", [1.5, float("nan"), 2**53, b"x", {1: 2}, NOON, {"a": {"b": 0.1}}])
def test_what_has_no_canonical_form_is_refused(ledger, value):
    one = Draft(NOON, ENGINE, "x", "ticket", "t", payload={"value": value})
    with pytest.raises(NotCanonical, match="payload"), ledger.write() as connection:
        append(connection, [draft(1), one])
    assert stored(ledger) == []


@pytest.mark.parametrize("hostile", ["a\0b", "half \ud800 a character"])
def test_texts_that_no_database_keeps_are_refused(ledger, hostile):
    with pytest.raises(UsageRefused), ledger.write() as connection:
        append(connection, [draft(1, reason=hostile)])
    assert stored(ledger) == []


def test_a_moment_without_offset_is_refused(ledger):
    naive = Draft(datetime(2026, 1, 1), ENGINE, "x", "ticket", "t")  # noqa: DTZ001
    with pytest.raises(ReconError, match="offset"), ledger.write() as connection:
        append(connection, [naive])


def test_person_and_service_are_both_on_record(ledger):
    """D10: a service that acts for a person does not hide behind the person."""
    spoken = Actor("P-ANA", "finance", "service:console")
    with ledger.write() as connection:
        (event,) = append(connection, [draft(1, spoken)])
    assert (event.actor_id, event.principal_id) == ("P-ANA", "service:console")
    assert hash_of(event) == event.hash


def test_a_reason_holds_neither_address_nor_card(ledger):
    """D11: what can never be erased is never kept."""
    said = "ask ana.lopez@example.com about 4111 1111 1111 1111, order 4111111111111112"
    with ledger.write() as connection:
        (event,) = append(connection, [draft(1, reason=said)])
    assert event.reason == "ask [e-mail] about [card], order 4111111111111112"


def test_opening_again_changes_nothing_and_needs_no_alembic(ledger, ledger_url, monkeypatch):
    monkeypatch.setattr("orchestration.ledger.store.FOLDER", "nowhere")
    with open_ledger(ledger_url) as again, again.read() as connection:
        assert (
            connection.execute(text("select version_num from alembic_version")).scalar()
            == (revisions()[-1])
        )


def test_revisions_make_the_tables_that_the_code_knows(ledger):
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    with ledger.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_revisions_are_one_line():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from orchestration.ledger.migrations import FOLDER

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    script = ScriptDirectory.from_config(config)
    walked = [one.revision for one in script.walk_revisions()]
    assert tuple(reversed(walked)) == revisions()
    assert script.get_heads() == [revisions()[-1]]


def test_a_ledger_of_a_newer_version_is_left_alone(ledger, ledger_url):
    with ledger.write() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(LedgerNotOurs, match="newer version"):
        open_ledger(ledger_url)


@pytest.mark.parametrize(
    "url",
    ["mysql://root@localhost/x", "nonsense", "postgresql://user:" + "secret@host", "sqlite://"],
)
def test_an_url_that_names_no_ledger_is_refused_without_telling_its_password(url):
    with pytest.raises(UsageRefused, match="MESHLINE_LEDGER_URL") as caught:
        open_ledger(url)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_ledger_is_left_alone(tmp_path):
    path = tmp_path / "ledger.db"
    path.write_bytes(b"something else entirely, and longer than a page header" * 100)
    before = path.read_bytes()
    with pytest.raises(ReconError, match="not a ledger"):
        open_ledger(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_the_file_is_its_owners_alone(tmp_path):
    path = tmp_path / "ledger.db"
    with open_ledger(f"sqlite:///{path}"):
        assert path.stat().st_mode & 0o077 == 0


def test_moments_are_those_of_the_caller(ledger):
    with ledger.write() as connection:
        (event,) = append(
            connection, [Draft(NOON - timedelta(days=9000), ENGINE, "x", "ticket", "t")]
        )
    assert event.at.startswith("2001-11-08T12:00:00")
