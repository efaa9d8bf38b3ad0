"""R-V2, T10: whatever is done to the ledger is found, and the first event concerned is named."""

import base64
import json
import random
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from orchestration.core.chain import COLUMNS, Event
from orchestration.core.heads import Head, check_events, read_heads
from orchestration.core.merkle import root_of
from orchestration.ledger.errors import LedgerDamaged
from orchestration.ledger.events import append
from orchestration.ledger.heads import sign_head
from orchestration.ledger.keys import HASHES_FILE, HEADS_FILE, PUBLIC_FILE, KeyUnusable
from orchestration.ledger.reading import read_ledger
from orchestration.ledger.store import open_ledger
from orchestration.ledger.verifier import verify_ledger
from tests.ledger.acting import NOON, draft
from tests.ledger.tampering import ATTACKS, first_difference, rehashed

EVENTS, EVERY, TRIES = 48, 16, 10_000
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def signed(history: list[Event], size: int, key=KEY) -> Head:
    root = root_of([bytes.fromhex(one.hash) for one in history[:size]]).hex()
    head = Head(size, root, history[size - 1].hash, "2026-06-30T12:00:00.000000Z", "engine:x", "k")
    return replace(head, signature=base64.b64encode(key.sign(head.signed_bytes())).decode())


@pytest.fixture(scope="module")
def history(tmp_path_factory) -> list[Event]:
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    with open_ledger(f"sqlite:///{path}") as ledger, ledger.write() as connection:
        return list(append(connection, [draft(number) for number in range(EVENTS)]))


def test_what_is_whole_is_found_whole(history):
    heads = [signed(history, size) for size in range(EVERY, EVENTS + 1, EVERY)]
    checker, findings = check_events(history, heads, b"")
    assert findings == ()
    assert checker.root == heads[-1].root


def test_ten_thousand_tamperings_are_found_and_the_first_bad_event_is_named(history):
    """D8: edited, inserted, reordered, removed, cut off, with hashes computed anew or not."""
    chance = random.Random(20260630)
    heads = [signed(history, size) for size in range(EVERY, EVENTS + 1, EVERY)]
    witness = b"".join(bytes.fromhex(one.hash) for one in history)
    missed, misnamed = [], []
    for number in range(TRIES):
        attack = ATTACKS[number % len(ATTACKS)]
        tampered = attack(history, chance)
        if tampered == history:
            continue  # removed nothing, exchanged equals
        _, findings = check_events(tampered, heads, witness)
        if not findings:
            missed.append((number, attack.__name__))
        elif findings[0].seq != first_difference(history, tampered):
            misnamed.append((number, attack.__name__, findings[0]))
    assert (missed, misnamed) == ([], [])


def test_without_the_hashes_outside_heads_still_find_everything(history):
    """The heads alone bound where a rewritten tail begins."""
    chance = random.Random(7)
    heads = [signed(history, size) for size in range(EVERY, EVENTS + 1, EVERY)]
    for number in range(len(ATTACKS) * 60):
        tampered = ATTACKS[number % len(ATTACKS)](history, chance)
        if tampered == history:
            continue
        _, findings = check_events(tampered, heads)
        assert findings
        real = first_difference(history, tampered)
        assert real - EVERY < findings[0].seq <= max(real, len(tampered)) + 1


def test_a_chain_alone_does_not_see_a_rewritten_tail(history):
    """Why heads are kept outside: measured, not believed."""
    edited = [*history[:40], replace(history[40], reason="other"), *history[41:]]
    assert check_events(rehashed(edited, 40))[1] == ()
    assert check_events(history[:40])[1] == ()


def test_forged_and_contradicting_heads_are_told(history):
    """D9: only the holder of the private key can sign."""
    forger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    good = signed(history, 16)
    other = signed(rehashed(history[1:20], 0), 16)
    lines = [
        json.dumps(one.as_row())
        for one in (
            good,
            signed(history, 32, forger),
            replace(good, size=17),
            replace(good, signature="?"),
            other,
        )
    ]
    heads, problems = read_heads([*lines, "{", "[]", '{"size": true}'], KEY.public_key())
    assert heads == [good, other]
    assert len([one for one in problems if "forged" in one]) == 3
    assert any("two histories of 16 events" in one for one in problems)
    assert len([one for one in problems if "no head" in one]) == 3


# ---------------------------------------------------------------- on real files


@pytest.fixture
def places(tmp_path):
    return {"folder": tmp_path / "outside", "key_file": tmp_path / "keys" / "ledger.key"}


def sign(ledger, places, day: int = 0) -> Head | None:
    moment = NOON.replace(day=day + 1)
    return sign_head(ledger, **places, at=moment, signed_by="engine:run_1")


def filled(ledger, places, batches: int = 3, each: int = 20) -> None:
    for batch in range(batches):
        with ledger.write() as connection:
            append(connection, [draft(batch * each + number) for number in range(each)])
        sign(ledger, places, batch)


def unguarded(ledger):
    """What the owner of the database can do."""
    if ledger.engine.dialect.name == "sqlite":
        return ["drop trigger events_no_update", "drop trigger events_no_delete",
                "drop trigger events_in_order"]  # fmt: skip
    return ["alter table events disable trigger all"]


SQL_ATTACKS = [
    ("update events set reason = 'other' where seq = 7", 7),
    ("update events set payload = payload || ' ' where seq = 33", 33),
    ("update events set actor_id = 'P-EVE' where seq = 60", 60),
    ("update events set hash = prev_hash where seq = 12", 12),
    ("delete from events where seq = 5", 5),
    ("delete from events where seq between 20 and 29", 20),
    ("delete from events where seq > 44", 45),
    ("delete from events", 1),
    ("update events set seq = 1000 where seq = 9", 9),
    ("update events set recon_key = null where seq = 3", 3),
]


@pytest.mark.parametrize(("attack", "seq"), SQL_ATTACKS)
def test_dropping_the_triggers_does_not_help(ledger, ledger_url, places, attack, seq):
    """D8: on real databases, by their owner."""
    filled(ledger, places)
    assert verify_ledger(ledger_url, places["folder"]).is_whole
    with ledger.write() as connection:
        for statement in (*unguarded(ledger), attack):
            connection.execute(text(statement))
    verdict = verify_ledger(ledger_url, places["folder"])
    assert (verdict.is_whole, verdict.first_bad) == (False, seq)


def rewrite(ledger, start: int) -> None:
    """Rewrite the tail from a place on, with all hashes computed anew."""
    with ledger.write() as connection:
        rows = connection.execute(text("select * from events order by seq")).mappings()
        history = [Event(**{name: row[name] for name in COLUMNS}) for row in rows]
        edited = [*history[:start], replace(history[start], reason="x"), *history[start + 1 :]]
        for statement in (*unguarded(ledger), f"delete from events where seq > {start}"):
            connection.execute(text(statement))
        for event in rehashed(edited, start)[start:]:
            values = {name: getattr(event, name) for name in COLUMNS}
            columns = ", ".join(COLUMNS)
            bound = ", ".join(f":{name}" for name in COLUMNS)
            connection.execute(text(f"insert into events ({columns}) values ({bound})"), values)


def test_a_tail_rewritten_with_new_hashes_is_found(ledger, ledger_url, places):
    filled(ledger, places)
    rewrite(ledger, 41)
    verdict = verify_ledger(ledger_url, places["folder"])
    assert verdict.first_bad == 42
    with pytest.raises(LedgerDamaged, match="another event 60"):
        sign(ledger, places, 5)


def test_a_rewritten_tail_is_found_by_heads_that_were_published(ledger, ledger_url, places):
    """The second place outside: an attacker who holds the folder of heads holds not this one."""
    filled(ledger, places)
    lines = (places["folder"] / HEADS_FILE).read_text().splitlines()
    published = [json.loads(one) for one in lines]
    rewrite(ledger, 41)
    (places["folder"] / HASHES_FILE).unlink()
    (places["folder"] / HEADS_FILE).write_text("\n".join(lines[:2]) + "\n")
    assert verify_ledger(ledger_url, places["folder"]).is_whole
    verdict = verify_ledger(ledger_url, places["folder"], published=published)
    assert verdict.first_bad == 41
    assert any("lacks heads that were published" in one for one in verdict.problems)


def test_a_ledger_restored_from_an_old_backup_is_told_with_its_gap(ledger, ledger_url, places):
    """B13: what was there since is named, and nothing is signed on top of it."""
    filled(ledger, places)
    with ledger.write() as connection:
        for statement in (*unguarded(ledger), "delete from events where seq > 40"):
            connection.execute(text(statement))
    verdict = verify_ledger(ledger_url, places["folder"])
    assert verdict.first_bad == 41
    assert "60 events were signed" in verdict.findings[-1].what
    with pytest.raises(LedgerDamaged, match="restored from an old backup"):
        sign(ledger, places, 5)
    with ledger.write() as connection:  # it goes on, and is still found
        append(connection, [draft(number, reason="later") for number in range(30)])
    assert verify_ledger(ledger_url, places["folder"]).first_bad == 41


def test_signing_goes_on_where_it_was(ledger, ledger_url, places):
    filled(ledger, places, batches=2)
    assert sign(ledger, places, 7) == sign(ledger, places, 8), "nothing new is signed once"
    hashes = places["folder"] / HASHES_FILE
    hashes.write_bytes(hashes.read_bytes()[:-40])  # killed while it was written
    with ledger.write() as connection:
        append(connection, [draft(90)])
        connection.execute(text("delete from tree_state"))
    head = sign(ledger, places, 9)
    verdict = verify_ledger(ledger_url, places["folder"])
    assert (verdict.is_whole, verdict.size, verdict.root) == (True, 41, head.root)
    assert len(hashes.read_bytes()) == 41 * 32


def test_keys_are_their_owners_alone(ledger, places):
    filled(ledger, places, batches=1)
    key = places["key_file"]
    assert key.stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE" not in (places["folder"] / PUBLIC_FILE).read_bytes()
    with ledger.write() as connection:
        append(connection, [draft(99)])
    key.chmod(0o644)
    with pytest.raises(KeyUnusable, match="chmod 600"):
        sign(ledger, places)
    key.unlink()
    with pytest.raises(KeyUnusable, match="another private key"):
        sign(ledger, places)


def test_a_public_key_of_ones_own_shows_heads_that_were_all_forged(
    ledger, ledger_url, places, tmp_path
):
    """D9: who exchanges key and heads together is caught by a copy of the key."""
    filled(ledger, places)
    trusted = tmp_path / "trusted.pub"
    trusted.write_bytes((places["folder"] / PUBLIC_FILE).read_bytes())
    rewrite(ledger, 10)
    with ledger.write() as connection:
        connection.execute(text("delete from tree_state"))
    for path in (*places["folder"].iterdir(), places["key_file"]):
        path.unlink()
    sign(ledger, places)
    assert verify_ledger(ledger_url, places["folder"]).is_whole
    verdict = verify_ledger(ledger_url, places["folder"], public_key=trusted)
    assert any("forged" in one for one in verdict.problems)


def test_a_ledger_without_heads_is_not_called_whole(ledger, ledger_url, places):
    with ledger.write() as connection:
        append(connection, [draft(1)])
    verdict = verify_ledger(ledger_url, places["folder"])
    assert not verdict.is_whole
    assert "no signed head" in verdict.problems[0]


def test_an_empty_ledger_is_whole(ledger, ledger_url, places):
    assert sign(ledger, places) is None
    assert verify_ledger(ledger_url, places["folder"]).is_whole


def test_bytes_changed_in_the_file_are_found(tmp_path, places):
    """No page of SQLite has a checksum; the chain has."""
    path = tmp_path / "ledger.db"
    url = f"sqlite:///{path}"
    with open_ledger(url) as ledger:
        filled(ledger, places)
        with ledger.engine.connect() as connection:
            connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
    content = path.read_bytes()
    place = content.index(b"A difference was found.", len(content) // 4)
    path.write_bytes(content[:place] + b"\xff" + content[place + 1 :])
    verdict = verify_ledger(url, places["folder"])
    assert verdict.first_bad is not None


def test_the_reading_door_cannot_write(ledger, ledger_url):
    with ledger.write() as connection:
        append(connection, [draft(1)])
    with read_ledger(ledger_url) as reader, pytest.raises(Exception, match=r"readonly|read-only"):
        reader.connection.execute("delete from events")


def test_reading_needs_no_heavy_library():
    import subprocess
    import sys

    said = subprocess.run(
        [sys.executable, "-c",
         "import sys, orchestration.ledger.verifier; "
         "print([one for one in ('sqlalchemy', 'alembic', 'duckdb') if one in sys.modules])"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert said.stdout.strip() == "[]"
