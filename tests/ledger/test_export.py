"""R-V2, D13: exports of the ledger, and their proof."""

import csv
import json
import tracemalloc

import pyarrow.parquet as pq
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from orchestration.core.errors import UsageRefused
from orchestration.core.spreadsheets import plain_cell, safe_cell
from orchestration.ledger.events import append
from orchestration.ledger.export import (
    FORMATS,
    check_export,
    choose,
    export_events,
    period_of,
)
from orchestration.ledger.heads import sign_head
from orchestration.ledger.keys import PUBLIC_FILE, last_head, read_public_key
from orchestration.ledger.reading import read_ledger
from orchestration.ledger.store import open_ledger
from tests.ledger.acting import ANA, NOON, draft

HOSTILE = ("=HYPERLINK(1)", "+1", "-1", "@x", "\tx", "\rx", "'x", 'a"b,c\r\nd', "line\nbreak")
EVENTS = 57


@pytest.fixture
def signed(ledger, ledger_url, tmp_path):
    """A signed ledger of hostile texts: its URL, the head, and the public key."""
    with ledger.write() as connection:
        append(
            connection,
            [
                draft(
                    number,
                    **({"actor": ANA} if number % 3 == 0 else {}),
                    reason=HOSTILE[number % len(HOSTILE)],
                )
                for number in range(EVENTS)
            ],
        )
    folder = tmp_path / "heads"
    sign_head(ledger, folder, tmp_path / "key", at=NOON, signed_by="engine:run_1")
    return ledger_url, last_head(folder), read_public_key(folder / PUBLIC_FILE)


def exported(signed, path, chosen):
    url, head, _ = signed
    with read_ledger(url) as reader:
        return export_events(reader, head, path, chosen)


QUESTIONS = [
    (choose(None, None), EVENTS),
    (choose("role", "finance"), 19),
    (choose("order", "SO-1", ["rk_1"]), 8),
    (choose("period", "2026-06"), EVENTS),
    (choose("period", "2026-07-01..2026-08"), 0),
]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(("chosen", "count"), QUESTIONS)
def test_an_export_is_checked_without_the_ledger(signed, tmp_path, suffix, chosen, count):
    done = exported(signed, tmp_path / f"out{suffix}", chosen)
    assert (done.count, done.size) == (count, EVENTS)
    assert check_export(done.path, signed[2]) == (count, ())


def test_a_proof_of_everything_is_the_head_alone(signed, tmp_path):
    done = exported(signed, tmp_path / "out.csv", choose(None, None))
    assert len(done.proof.read_text().splitlines()) == 1


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_whatever_is_changed_in_an_export_is_found(signed, tmp_path, suffix):
    """D9: a line changed, left out, doubled or moved; a proof that was cut; another key."""
    done = exported(signed, tmp_path / f"out{suffix}", choose("order", "x", ["rk_1", "rk_4"]))
    proof_text = done.proof.read_text()
    rows = done.path.read_bytes()
    ends = b"\r\n" if suffix == ".csv" else b"\n"
    first, second = rows.split(ends)[1:3]
    for changed in (
        rows.replace(b"12.50", b"99.50", 1),
        rows.replace(first + ends, b"", 1),
        rows.replace(first + ends, first + ends + first + ends, 1),
        rows.replace(first + ends + second, second + ends + first, 1),
    ):
        assert changed != rows
        done.path.write_bytes(changed)
        assert check_export(done.path, signed[2])[1]
    done.path.write_bytes(rows)
    done.proof.write_text("\n".join(proof_text.splitlines()[:-1]) + "\n")
    assert check_export(done.path, signed[2])[1]
    done.proof.write_text(proof_text)
    other = Ed25519PrivateKey.generate().public_key()
    assert any("forged" in one for one in check_export(done.path, other)[1])
    assert check_export(done.path, signed[2])[1] == ()


def test_no_cell_of_a_spreadsheet_is_a_formula_and_numbers_stay_numbers(signed, tmp_path):
    """A20: what begins like a formula is a text; what is a number is one."""
    done = exported(signed, tmp_path / "out.csv", choose(None, None))
    with done.path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert not [row for row in rows if row["reason"].startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert [int(row["seq"]) for row in rows] == list(range(1, EVENTS + 1))
    assert {plain_cell(row["reason"]) for row in rows} == set(HOSTILE)
    assert safe_cell(-12.5) == -12.5
    parquet = exported(signed, tmp_path / "out.parquet", choose(None, None)).path
    assert str(pq.read_schema(parquet).field("seq").type) == "int64"
    lines = exported(signed, tmp_path / "out.jsonl", choose(None, None)).path
    assert {json.loads(one)["reason"] for one in lines.read_text().splitlines()} == set(HOSTILE)


def test_a_ledger_that_is_not_what_was_signed_gives_no_export(signed, tmp_path, ledger):
    from sqlalchemy import text

    from tests.ledger.test_tampering import unguarded

    with ledger.write() as connection:
        for statement in (*unguarded(ledger), "delete from events where seq = 9"):
            connection.execute(text(statement))
    with pytest.raises(UsageRefused, match="audit verify"):
        exported(signed, tmp_path / "out.csv", choose(None, None))
    assert not list(tmp_path.glob("*out.csv*"))


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2026-02", "2026-02-01", "2026-03-01"),
        ("2025-12", "2025-12-01", "2026-01-01"),
        ("2026-06-30", "2026-06-30", "2026-07-01"),
        ("2026-01-15..2026-02", "2026-01-15", "2026-03-01"),
    ],
)
def test_periods_are_days_and_months(text, first, after):
    assert period_of(text) == (first, after)


@pytest.mark.parametrize(
    "text", ["2026", "june", "2026-13", "2026-02-30", "2026-06..2026-05", ".."]
)
def test_what_is_no_period_is_refused(text):
    with pytest.raises(UsageRefused):
        period_of(text)


@pytest.mark.parametrize(("by", "value"), [("colour", "x"), ("role", None), ("order", "")])
def test_questions_that_make_no_sense_are_refused(by, value):
    with pytest.raises(UsageRefused):
        choose(by, value)


def test_memory_does_not_grow_with_the_ledger(tmp_path):
    """Streaming: twenty times the events, the same memory."""
    peaks = []
    for size in (4_000, 80_000):
        url = f"sqlite:///{tmp_path / str(size)}/ledger.db"
        with open_ledger(url) as ledger:
            with ledger.write() as connection:
                append(connection, [draft(number) for number in range(size)])
            folder = tmp_path / str(size)
            head = sign_head(ledger, folder, folder / "key", at=NOON, signed_by="engine:x")
        tracemalloc.start()
        with read_ledger(url) as reader:
            export_events(reader, head, tmp_path / "out.csv", choose("role", "nobody"))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 3 * peaks[0]
