"""Issue 5.1 and 5.6: a ledger that was changed is told to control by the clock, and once."""

import sqlite3

import pytest

from orchestration.ledger.heads import sign_head
from tests.ledger.alert_bed import messages, no_addresses, open_bed, raised, swept
from tests.ledger.tending import exception, staffed, tell


@pytest.fixture
def bed(tmp_path, monkeypatch):
    """A signed ledger with a ticket, in which nobody hears anything: no channel has an address."""
    no_addresses(monkeypatch)
    desk, clock = open_bed(tmp_path)
    staffed(desk.ledger)
    tell(desk.ledger, [exception(1)])
    settings = desk.settings
    sign_head(desk.ledger, settings.heads, settings.signing_key, at=clock.at, signed_by="test")
    yield desk, clock
    desk.ledger.close()


def test_what_the_periodic_check_finds_is_one_control_alert_however_often_it_is_made(bed):
    desk, clock = bed
    swept(desk)
    assert not raised(desk.ledger)["audit_chain_broken"]
    with sqlite3.connect(desk.settings.home / "ledger.db") as database:
        names = database.execute(
            "select name from sqlite_master where type = 'trigger' and tbl_name = 'events'"
        ).fetchall()
        for (name,) in names:
            database.execute(f'drop trigger "{name}"')
        database.execute("update events set reason = 'nothing to see' where seq = 2")
    swept(desk)
    assert not raised(desk.ledger)["audit_chain_broken"], "the check is not due yet"
    for _ in range(3):
        clock.pass_by(hours=25)
        found = swept(desk)
        assert "event 2 is the first" in found.problems[0]
    assert raised(desk.ledger)["audit_chain_broken"] == 1


def test_a_check_that_is_due_is_made_once_by_whoever_comes_first(bed):
    desk, clock = bed
    assert desk.is_check_due()
    swept(desk)
    assert not desk.is_check_due()
    clock.pass_by(hours=23, minutes=59)
    assert not desk.is_check_due()
    clock.pass_by(minutes=1)
    assert desk.is_check_due()
    assert not [one for one in messages(desk.ledger) if "ledger" in one["subject"]]
