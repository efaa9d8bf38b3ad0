"""Persons, accounts, and texts that can be erased."""

from decimal import Decimal

import pytest
from sqlalchemy import select, text

from orchestration.core.chain import Event, hash_of
from orchestration.core.private import salted_hash
from orchestration.ledger.errors import NotAllowed
from orchestration.ledger.events import Actor
from orchestration.ledger.people import (
    PEOPLE,
    Person,
    find_actor,
    link_account,
    sync_accounts,
    take_over,
)
from orchestration.ledger.projections import rebuild
from orchestration.ledger.tables import accounts, events, persons, private_texts
from orchestration.ledger.texts import erase_texts
from tests.ledger.acting import ENGINE, NOON

ANA = Person(
    "P-ANA", "finance", "P-BEN", Decimal("5000.00"), "EUR", "Ana Lopez", "ana@corp.example"
)
BEN = Person("P-BEN", "finance", None, Decimal(50000), "EUR", "Ben Roy", "ben@corp.example")
ADMIN = Actor("P-BEN", "finance", "P-BEN")


def over(ledger, *people) -> int:
    with ledger.write() as connection:
        return take_over(connection, people, actor=ENGINE, at=NOON)


def table_rows(ledger, table) -> list[dict]:
    key = next(iter(table.primary_key.columns))
    with ledger.read() as connection:
        return [dict(row) for row in connection.execute(select(table).order_by(key)).mappings()]


def test_people_are_taken_over_once(ledger):
    assert over(ledger, ANA, BEN) == 2
    assert over(ledger, BEN, ANA) == 0
    assert over(ledger, ANA, Person("P-BEN", "finance", None, Decimal(10), "EUR", BEN.name)) == 1
    limits = {one["person_id"]: one["approval_limit"] for one in table_rows(ledger, persons)}
    assert limits == {"P-ANA": "5000.00", "P-BEN": "10"}


def test_who_is_gone_can_no_longer_act(ledger):
    over(ledger, ANA, BEN)
    assert over(ledger, BEN) == 1
    with ledger.read() as connection, pytest.raises(NotAllowed, match="no longer active"):
        find_actor(connection, "P-ANA")
    assert over(ledger, ANA, BEN) == 1
    with ledger.read() as connection:
        assert find_actor(connection, "P-ANA").role == "finance"


def test_a_second_account_is_the_same_person(ledger):
    """D1: four eyes are counted by person, not by account."""
    over(ledger, ANA, BEN)
    with ledger.write() as connection:
        link_account(connection, "svc-a", "P-ANA", actor=ADMIN, at=NOON, reason="second account")
        link_account(connection, "svc-a", "P-ANA", actor=ADMIN, at=NOON, reason="again")
    with ledger.read() as connection:
        actor = find_actor(connection, "svc-a")
    assert actor == Actor("P-ANA", "finance", "svc-a")
    assert sum(one["person_id"] == "P-ANA" for one in table_rows(ledger, accounts)) == 2


def test_an_account_cannot_pose_as_another_person(ledger):
    over(ledger, ANA, BEN)
    with ledger.write() as connection, pytest.raises(NotAllowed, match="that of the person"):
        link_account(connection, "P-BEN", "P-ANA", actor=ADMIN, at=NOON, reason="mischief")


def test_who_is_unknown_is_told_who_is_known(ledger):
    over(ledger, ANA)
    with ledger.read() as connection, pytest.raises(NotAllowed, match="P-ANA"):
        find_actor(connection, "P-NOBODY")


def test_erasing_leaves_the_chain_whole_and_no_trace_of_the_text(ledger, ledger_url):
    """D12: personal data stands beside the chain, which holds its salted hash alone."""
    over(ledger, ANA, BEN)
    with ledger.write() as connection:
        erased = erase_texts(
            connection, "person", "P-ANA", actor=ADMIN, at=NOON, reason="asked for by the person"
        )
        again = erase_texts(connection, "person", "P-ANA", actor=ADMIN, at=NOON, reason="again")
    assert (erased, again) == (1, 0)
    found = [Event(**row) for row in table_rows(ledger, events)]
    assert all(hash_of(one) == one.hash for one in found)
    assert not any("Ana Lopez" in repr(one) or "ana@corp" in repr(one) for one in found)
    left = {one["about_id"]: one["text"] for one in table_rows(ledger, private_texts)}
    assert left["P-ANA"] is None
    assert "Ben Roy" in left["P-BEN"]
    assert over(ledger, ANA, BEN) == 0, "the next extract brings nothing back"


def test_the_chain_proves_a_text_that_was_not_erased(ledger):
    over(ledger, ANA)
    (kept,) = table_rows(ledger, private_texts)
    (event,) = table_rows(ledger, events)
    assert salted_hash(kept["salt"], kept["text"]) in event["payload"]
    assert salted_hash("", kept["text"]) not in event["payload"]


def test_projections_made_anew_are_the_same(ledger):
    over(ledger, ANA, BEN)
    over(ledger, BEN)
    with ledger.write() as connection:
        link_account(connection, "svc-b", "P-BEN", actor=ADMIN, at=NOON, reason="second account")
    before = [table_rows(ledger, table) for table in (persons, accounts)]
    with ledger.write() as connection:
        connection.execute(text("update persons set role = 'control'"))
        rebuild(connection, PEOPLE)
    assert [table_rows(ledger, table) for table in (persons, accounts)] == before


def test_second_accounts_follow_the_operating_model_and_those_linked_by_hand_stay(ledger):
    with ledger.write() as connection:
        take_over(connection, (ANA, BEN), actor=ADMIN, at=NOON)
        link_account(connection, "by-hand", "P-ANA", actor=ADMIN, at=NOON, reason="second account")
        wanted = {"ana-token": "P-ANA", "of-nobody": "P-GONE", "P-BEN": "P-ANA"}
        done = [sync_accounts(connection, wanted, actor=ADMIN, at=NOON) for _ in range(2)]
        assert done == [1, 0]
        assert find_actor(connection, "ana-token").actor_id == "P-ANA"
        assert find_actor(connection, "P-BEN").actor_id == "P-BEN"
        assert [sync_accounts(connection, {}, actor=ADMIN, at=NOON) for _ in range(2)] == [1, 0]
        with pytest.raises(NotAllowed):
            find_actor(connection, "ana-token")
        assert find_actor(connection, "by-hand").actor_id == "P-ANA"
