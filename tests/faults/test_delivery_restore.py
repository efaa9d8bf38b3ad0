"""B13 for deliveries: the receiver knows more than a ledger that was put back or begins anew."""

import shutil
from collections import Counter
from decimal import Decimal

import pytest
from delivery_bed import NO_KEY, artifact, assert_chain_holds, bed_in, http_target, policy
from receiver import start_receiver

from orchestration.connectors.targets.adoption import adopt_holdings
from orchestration.connectors.targets.holdings import compare_holdings


@pytest.fixture
def restored(tmp_path, receiver):
    """A ledger from before ten deliveries, beside a receiver from after them."""
    backup = tmp_path / "backup"
    (tmp_path / "first").mkdir()
    with bed_in(tmp_path / "first") as bed:
        bed.put([artifact(number) for number in range(10)])
    shutil.copytree(tmp_path / "first", backup)
    with bed_in(tmp_path / "first") as bed, http_target(receiver.address) as target:
        bed.once(target)
        assert bed.states() == Counter({"done": 10})
    with bed_in(backup) as bed:
        yield bed


def test_b13_a_ledger_from_an_old_backup_sends_nothing_twice(restored, receiver):
    before = receiver.documents()
    with http_target(receiver.address) as target:
        done = restored.once(target)
    assert done.answers == Counter({"already_existed_same": 10})
    assert receiver.documents() == before
    assert_chain_holds(restored.ledger)


def test_b13_without_a_key_what_is_there_is_taken_over_first(restored, tmp_path):
    with start_receiver(enforces_key=False) as receiver:
        row = policy(idempotency=NO_KEY)
        (tmp_path / "before").mkdir()
        with bed_in(tmp_path / "before") as bed, http_target(receiver.address, row) as target:
            bed.put([artifact(number) for number in range(10)])
            bed.once(target)
        with http_target(receiver.address, row) as target:
            adopted = adopt_holdings(
                restored.ledger, restored.clock, target, restored.worker, tmp_path / "scratch"
            )
            restored.once(target)
        assert adopted == 10
        assert len(receiver.documents()) == 10
    assert restored.states() == Counter({"swept": 10})
    assert_chain_holds(restored.ledger)


def test_b13_a_document_under_another_version_is_known_by_its_contents(tmp_path, receiver):
    """Landed all at once, the final invoice is version 1 where it was version 2 before."""
    final = artifact(1, total=Decimal("306.00"))
    for name in ("first", "anew"):
        (tmp_path / name).mkdir()
    with bed_in(tmp_path / "first") as bed, http_target(receiver.address) as target:
        bed.put([artifact(1, total=Decimal("183.60"))])
        bed.once(target)
        bed.put([artifact(1, version=2, total=Decimal("306.00"))])
        bed.once(target)
    with bed_in(tmp_path / "anew") as bed, http_target(receiver.address) as target:
        bed.put([final])
        scratch = tmp_path / "scratch"
        assert adopt_holdings(bed.ledger, bed.clock, target, bed.worker, scratch) == 1
        bed.dial.pass_(60)
        compared = compare_holdings(bed.ledger, bed.clock, target, bed.worker, scratch)
        assert (compared.missing, compared.duplicated, compared.different) == (0, 0, 0)
        assert bed.row()["state"] == "swept"
    assert [one["amount"] for one in receiver.documents()] == ["183.60", "306.00"]


def test_b13_without_taking_over_it_is_parked_and_never_doubled(tmp_path, receiver):
    (tmp_path / "anew").mkdir()
    with bed_in(tmp_path) as bed, http_target(receiver.address) as target:
        bed.put([artifact(1, total=Decimal("183.60"))])
        bed.once(target)
    with bed_in(tmp_path / "anew") as bed, http_target(receiver.address) as target:
        bed.put([artifact(1, total=Decimal("306.00"))])
        bed.once(target)
        assert bed.row()["state"] == "parked"
    assert len(receiver.documents()) == 1
