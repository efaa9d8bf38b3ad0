"""The ledger against who would change it, forge its proofs, or have to erase from it.

What is shown at length in `tests/ledger` is shown here once each, under the fault's id: B11, B13,
D8, D9, D12.
"""

import contextlib
import json
import shutil
import sqlite3
import time
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.core.merkle import inclusion_proof, root_of, verify_consistency, verify_inclusion
from orchestration.ledger.errors import LedgerBusy, LedgerDamaged
from orchestration.ledger.events import Actor, Draft, append
from orchestration.ledger.heads import sign_head
from orchestration.ledger.people import Person, take_over
from orchestration.ledger.store import Ledger, open_ledger
from orchestration.ledger.texts import erase_texts
from orchestration.ledger.verifier import verify_ledger

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
ENGINE = Actor.engine("run_1")


@pytest.fixture
def place(tmp_path):
    """Where one ledger and its heads lie."""
    return tmp_path


def url_of(place) -> str:
    return f"sqlite:///{place / 'ledger.db'}"


def add(ledger: Ledger, count: int) -> None:
    drafts = [
        Draft(NOON + timedelta(seconds=number), ENGINE, "x", "ticket", f"t{number}", "found")
        for number in range(count)
    ]
    with ledger.write() as connection:
        append(connection, drafts)


def sign(ledger: Ledger, place) -> None:
    sign_head(ledger, place / "heads", place / "key", at=NOON, signed_by="engine:run_1")


def verify(place):
    return verify_ledger(url_of(place), place / "heads")


def test_b11_a_held_ledger_is_waited_for_and_then_said_to_be_busy(place):
    with (
        open_ledger(url_of(place)) as holder,
        open_ledger(url_of(place), busy_seconds=0.2) as waiting,
        holder.write() as connection,
    ):
        append(connection, [Draft(NOON, ENGINE, "x", "ticket", "t")])
        begun = time.monotonic()
        with pytest.raises(LedgerBusy, match="Try again in a moment") as told, waiting.write():
            pass
        assert time.monotonic() - begun < 10
        assert told.value.exit_code == 75


def test_b13_an_old_backup_is_told_by_its_gap_and_never_signed(place):
    with open_ledger(url_of(place)) as ledger:
        add(ledger, 20)
        sign(ledger, place)
    with contextlib.closing(sqlite3.connect(place / "ledger.db")) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    shutil.copy(place / "ledger.db", place / "backup.db")
    with open_ledger(url_of(place)) as ledger:
        add(ledger, 15)
        sign(ledger, place)
    for name in ("ledger.db-wal", "ledger.db-shm"):
        (place / name).unlink(missing_ok=True)
    shutil.copy(place / "backup.db", place / "ledger.db")
    verdict = verify(place)
    assert verdict.first_bad == 21
    assert "35 events were signed" in verdict.findings[0].what
    with open_ledger(url_of(place)) as ledger, pytest.raises(LedgerDamaged, match="old backup"):
        sign(ledger, place)


def test_d8_each_way_to_change_the_record_is_found_and_named(place):
    attacks = {
        "update events set reason = 'other' where seq = 4": 4,
        "delete from events where seq = 6": 6,
        "delete from events where seq > 8": 9,
        "update events set seq = 99 where seq = 2": 2,
    }
    for number, (attack, first) in enumerate(attacks.items()):
        home = place / str(number)
        home.mkdir()
        with open_ledger(url_of(home)) as ledger:
            add(ledger, 12)
            sign(ledger, home)
        with contextlib.closing(sqlite3.connect(home / "ledger.db")) as connection:
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(attack)
            for name in ("events_no_update", "events_no_delete", "events_in_order"):
                connection.execute(f"drop trigger {name}")
            connection.execute(attack)
            connection.commit()
        assert verify(home).first_bad == first


def test_d9_a_forged_proof_is_rejected():
    leaves = [bytes([number]) for number in range(13)]
    root = root_of(leaves)
    proof = inclusion_proof(leaves, 5)
    assert verify_inclusion(leaves[5], 5, 13, proof, root)
    assert not verify_inclusion(b"forged", 5, 13, proof, root)
    assert not verify_inclusion(leaves[5], 6, 13, proof, root)
    assert not verify_inclusion(leaves[5], 5, 13, (bytes(32), *proof[1:]), root)
    assert not verify_consistency(5, root_of(leaves[1:6]), 13, root, proof)


def test_d9_a_forged_head_is_rejected(place):
    with open_ledger(url_of(place)) as ledger:
        add(ledger, 5)
        sign(ledger, place)
    path = place / "heads" / "heads.jsonl"
    head = json.loads(path.read_text())
    path.write_text(json.dumps({**head, "size": 4}) + "\n")
    assert any("forged" in problem for problem in verify(place).problems)


def test_d12_erasing_a_person_leaves_the_chain_whole_and_no_trace(place):
    person = Person("per-1", "sales", name="Una Vesper", email="una@corp.test")
    with open_ledger(url_of(place)) as ledger:
        with ledger.write() as connection:
            take_over(connection, [person], actor=ENGINE, at=NOON)
        sign(ledger, place)
        with ledger.write() as connection:
            erase_texts(connection, "person", "per-1", actor=ENGINE, at=NOON, reason="asked to")
        sign(ledger, place)
    assert verify(place).is_whole
    with contextlib.closing(sqlite3.connect(place / "ledger.db")) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    left = b"".join(path.read_bytes() for path in place.glob("ledger.db*"))
    assert b"Una Vesper" not in left
    assert b"corp.test" not in left
