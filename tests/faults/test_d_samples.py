"""R-C4: what was decided by hand is sampled every month, and anybody can draw again (D7)."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from approval_desk import NOON, Desk, ledger_url, waiver
from sqlalchemy import select, update

from orchestration.ledger.events import Actor
from orchestration.ledger.samples import draw_due, read_samples
from orchestration.ledger.store import open_ledger
from orchestration.ledger.tables import approvals, events

ENGINE = Actor.engine("run_9")
NEXT_MONTH = NOON + timedelta(days=31)


@pytest.fixture
def desk(tmp_path) -> Iterator[Desk]:
    """People at a ledger of their own."""
    with open_ledger(ledger_url(tmp_path)) as ledger:
        yield Desk(ledger)


def in_force(desk: Desk, who: str, number: int) -> str:
    asked = desk.ask(who=who, decision=waiver("1", n=f"{who}/{number}"))
    signer = "per-joko" if who == "per-ines" else "per-ines"
    desk.sign(asked.approval_id, signer)
    desk.use(asked.approval_id)
    return asked.approval_id


def test_rc4_a_month_is_drawn_once_it_is_over_and_once(desk):
    ids = {in_force(desk, "per-ines", number) for number in range(30)}
    with desk.ledger.write() as connection:
        assert draw_due(connection, desk.model, ENGINE, NOON) == ()
        assert draw_due(connection, desk.model, ENGINE, NEXT_MONTH) == ("2026-07",)
        assert draw_due(connection, desk.model, ENGINE, NEXT_MONTH) == ()
        (sample,) = read_samples(connection, desk.model, None)
        seeds = dict(connection.execute(select(events.c.seq, events.c.hash)).all())
    assert sample.is_repeatable
    assert sample.decision_count == 30
    assert {one["approval_id"] for one in sample.drawn} <= ids
    assert len(sample.drawn) == 2, "five of a hundred, rounded up"
    assert seeds[sample.seed_seq] == sample.seed


def test_rc4_everybody_who_decided_is_drawn_at_least_once(desk):
    by_person = {
        who: {in_force(desk, who, number) for number in range(10)}
        for who in ("per-ines", "per-joko")
    }
    with desk.ledger.write() as connection:
        draw_due(connection, desk.model, ENGINE, NEXT_MONTH)
        (sample,) = read_samples(connection, desk.model, "2026-07")
    drawn = {one["approval_id"] for one in sample.drawn}
    assert all(drawn & of_person for of_person in by_person.values())


def test_rc4_a_decision_that_was_hidden_afterwards_shows_in_the_draw(desk):
    hidden = in_force(desk, "per-ines", 1)
    in_force(desk, "per-ines", 2)
    with desk.ledger.write() as connection:
        draw_due(connection, desk.model, ENGINE, NEXT_MONTH)
        connection.execute(
            update(approvals).where(approvals.c.approval_id == hidden).values(in_force_at=None)
        )
        (sample,) = read_samples(connection, desk.model, None)
    assert not sample.is_repeatable


def test_rc4_who_looked_at_a_drawn_decision_is_shown_with_it(desk):
    in_force(desk, "per-ines", 1)
    with desk.ledger.write() as connection:
        draw_due(connection, desk.model, ENGINE, NEXT_MONTH)
        (before,) = read_samples(connection, desk.model, None)
    (drawn,) = before.drawn
    assert drawn["reviewed_by"] == ""
    desk.review(drawn["approval_id"], "per-bram")
    with desk.ledger.read() as connection:
        (after,) = read_samples(connection, desk.model, None)
    assert after.drawn[0]["reviewed_by"] == "per-bram"
