"""Faults A1 to A4: deliveries that repeat, change, grow or are cut short."""

import hashlib
import json
import subprocess
import sys
from decimal import Decimal

import pytest
from landed_rows import ORDER_HEADER, csv_text, declared, order, orders, payment
from loader_harness import assert_refused, touch

# A1


def test_a1_same_file_lying_there_is_known_and_makes_no_new_row(harness):
    harness.land("orders.csv", orders(3))
    harness.load()
    before = harness.rows("select * from raw.files")

    report = harness.load()

    assert harness.rows("select * from raw.files") == before
    assert not report.has_news
    harness.assert_sound()


def test_a1_same_bytes_under_another_name_load_nothing(harness):
    harness.land("orders.csv", orders(3))
    harness.load()
    before = harness.rows("select * from raw.generic__orders order by all")

    outcome = harness.load_rows("orders_again.csv", orders(3))

    assert (outcome.status, outcome.fault_id) == ("duplicate", "A1")
    assert outcome.rows_loaded == 0
    assert harness.rows("select * from raw.generic__orders order by all") == before
    assert not harness.reports[-1].has_news
    harness.assert_sound()


def test_a1_same_bytes_with_a_new_time_load_nothing(harness):
    path = harness.land("orders.csv", orders(3))
    harness.load()
    touch(path, 60)

    harness.load()

    statuses = harness.rows("select status from raw.files order by load_seq")
    assert statuses == [("loaded",), ("duplicate",)]
    assert len(harness.stored()) == 3
    harness.assert_sound()


def test_a1_same_bytes_twice_in_one_landing_load_once(harness):
    harness.land("orders_1.csv", orders(3))
    harness.land("orders_2.csv", orders(3))

    harness.load()

    assert len(harness.stored()) == 3
    assert sorted(o.status for o in harness.outcomes().values()) == ["duplicate", "loaded"]
    harness.assert_sound()


# A2


def test_a2_same_name_with_other_bytes_keeps_both_and_loads_only_the_change(harness):
    harness.load_rows("orders.csv", [order("SO-1"), order("SO-2")])

    outcome = harness.load_rows("orders.csv", [order("SO-1"), order("SO-2", "25.00")])

    assert (outcome.rows_loaded, outcome.rows_duplicate) == (1, 1)
    versions = harness.stored("order_id, total_amount, _row_version")
    assert versions == [
        ("SO-1", Decimal(10), 1),
        ("SO-2", Decimal(10), 1),
        ("SO-2", Decimal(25), 2),
    ]
    kept = harness.rows("select count(distinct file_id) from raw.files")
    assert kept == [(2,)]
    harness.assert_sound()


def test_a2_a_reused_name_is_reported(harness):
    """The spec is open here. A sender who overwrites a delivered file is told apart from one who
    sends a new one only by the name, so the second delivery carries A2 and a sentence, though its
    rows are loaded as new versions."""
    harness.load_rows("orders.csv", [order("SO-1")])

    outcome = harness.load_rows("orders.csv", [order("SO-1", "25.00")])

    assert outcome.status == "loaded"
    assert outcome.fault_id == "A2"
    assert len(outcome.reason.split()) >= 4


def test_a2_both_versions_of_the_bytes_stay_in_the_archive(harness):
    harness.load_rows("orders.csv", [order("SO-1")])
    harness.load_rows("orders.csv", [order("SO-1", "25.00")])

    archived = {path.name[:64] for path in harness.settings.files.iterdir()}

    assert {file_id for (file_id,) in harness.rows("select file_id from raw.files")} <= archived


# A3


def test_a3_names_of_unfinished_files_are_left_for_the_next_run(harness):
    names = ["orders.csv.part", "orders.csv.tmp", ".orders.csv", "orders.part", "orders.tmp"]
    paths = [harness.land(name, orders(3, first=n * 10)) for n, name in enumerate(names)]
    harness.load()
    assert harness.rows("select * from raw.files") == []

    for number, path in enumerate(paths):
        path.rename(path.with_name(f"orders_{number}.csv"))
    harness.load()

    assert [outcome.rows_loaded for outcome in harness.outcomes().values()] == [3] * 5
    harness.assert_sound()


def test_a3_a_file_that_grows_while_the_run_looks_is_not_half_loaded(harness):
    path = harness.land("orders.csv", orders(2))
    harness.land("payments.csv", [payment()])
    line = csv_text([order("SO-X")]).splitlines()[1].replace("SO-X", "SO-G%d")
    script = (
        "import os, sys, time\n"
        "handle = open(sys.argv[1], 'ab', buffering=0)\n"
        "number = 0\n"
        "while os.getppid() != 1 and number < 200_000:\n"
        "    number += 1\n"
        "    handle.write((sys.argv[2] % number + '\\n').encode())\n"
        "    if number == 10: print('writing', flush=True)\n"
        "    time.sleep(0.0001)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path), line], stdout=subprocess.PIPE
    ) as copying:
        copying.stdout.readline()
        harness.load()
        copying.terminate()

    assert harness.stored() == []
    assert harness.outcome("payments.csv").status == "loaded"
    harness.assert_sound()

    complete = path.read_bytes()
    finished = complete[: complete.rfind(b"\n") + 1]
    path.write_bytes(finished)
    harness.load()
    assert len(harness.stored()) == finished.count(b"\n") - 1
    harness.assert_sound()


# A4


def test_a4_truncated_file_is_refused_whole(harness):
    """A cut inside a row is told by the cells that the last line lacks. A cut inside its last cell
    cannot be told from a file whose writer ends no last line: only a contract that demands the
    line end, a manifest or a declared count tells that."""
    whole = csv_text([order("SO-1", "200.00"), order("SO-2", "350.00")], ORDER_HEADER).encode()
    first_row = whole.index(b"\n") + 1
    for cut in range(first_row, len(whole)):
        harness.land(f"orders_{cut:04}.csv", whole[:cut])

    harness.load()

    commas = whole[: whole.index(b"\n")].count(b",")
    ends = {
        cut
        for cut in range(first_row, len(whole))
        if whole[:cut].rpartition(b"\n")[2].count(b",") == commas or whole[cut - 1 : cut] == b"\n"
    }
    for cut in range(first_row, len(whole)):
        outcome = harness.outcome(f"orders_{cut:04}.csv")
        if cut == first_row:
            assert (outcome.status, outcome.fault_id) == ("refused", "A8")
        elif cut not in ends:
            assert (outcome.status, outcome.fault_id) == ("refused", "A4"), (cut, outcome)
            assert outcome.rows_loaded == 0
    assert ("SO-1", Decimal(200)) in harness.stored("order_id, total_amount")
    harness.assert_sound()


def test_a4_a_contract_can_demand_the_last_line_end(harness):
    harness.change_stream("orders", format={"final_newline": "required"})

    outcome = harness.load_rows("orders.csv", csv_text([order("SO-1"), order("SO-2")]).rstrip())

    assert (outcome.status, outcome.fault_id) == ("refused", "A4")


def test_a4_a_last_line_without_line_end_is_read_when_it_has_all_its_cells(harness):
    outcome = harness.load_rows("orders.csv", csv_text([order("SO-1"), order("SO-2")]).rstrip())

    assert (outcome.status, outcome.rows_loaded) == ("loaded", 2)


def test_a4_cut_inside_the_header_is_refused(harness):
    whole = csv_text([order("SO-1")], ORDER_HEADER).encode()
    for cut in (5, 8, 20, whole.index(b"\n")):
        name = f"orders_{cut}.csv"
        harness.load_rows(name, whole[:cut])
        harness.clear_landing()
        assert_refused(harness, name, "A4", "A8", "A10")


def test_a4_a_manifest_refuses_a_file_cut_at_any_byte(harness):
    """A cut at the end of a row parses fine; row count and control amount tell."""
    whole = csv_text([order(f"SO-{n}", "200.00") for n in (1, 2, 3)], ORDER_HEADER).encode()
    cuts = range(whole.index(b"\n") + 1, len(whole))
    for cut in cuts:
        harness.land(f"orders_{cut}.csv", whole[:cut])
        harness.land_manifest(f"orders_{cut}.csv", rows=3, control_amount="600.00")

    harness.load()

    for cut in cuts:
        outcome = harness.outcome(f"orders_{cut}.csv")
        assert outcome.status == "refused", (cut, outcome)
        assert outcome.fault_id in ("A4", "A8"), (cut, outcome)
    assert harness.stored() == []
    harness.assert_sound()


@pytest.mark.parametrize(
    "manifest",
    [
        {"rows": 3},
        {"control_amount": "400.01"},
        {"size": 1},
        {"sha256": "0" * 64},
        {"rows": "2"},
        {"rows": -2},
        {"rows": True},
        {"control_amount": "NaN"},
        {"rows": 2, "rowz": 2},
        ["rows", 2],
    ],
)
def test_a4_a_manifest_that_does_not_hold_refuses_the_file(harness, manifest):
    harness.land("orders.csv", [order("SO-1", "200.00"), order("SO-2", "200.00")])
    harness.land("orders.csv.manifest.json", json.dumps(manifest))

    harness.load()

    assert_refused(harness, "orders.csv", "A4")


def test_a4_a_manifest_that_holds_loads_the_file(harness):
    path = harness.land("orders.csv", [order("SO-1", "200.00"), order("SO-2", "1.005")])
    harness.land_manifest(
        "orders.csv",
        rows=2,
        control_amount="201.005",
        size=path.stat().st_size,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )

    harness.load()

    outcome = harness.outcome("orders.csv")
    assert (outcome.rows_loaded, outcome.rows_rejected) == (1, 1), outcome
    assert harness.rows("select declared_rows from raw.files") == [(2,)]
    harness.assert_sound()


def test_a4_a_corrected_manifest_lets_the_file_in(harness):
    harness.land("orders.csv", orders(2))
    harness.land_manifest("orders.csv", rows=3)
    harness.load()
    assert_refused(harness, "orders.csv", "A4")

    harness.land_manifest("orders.csv", rows=2)
    harness.load()

    assert harness.outcome("orders.csv").rows_loaded == 2
    harness.assert_sound()


def test_a4_a_stream_with_declared_counts_loads_when_they_hold(harness):
    harness.change_stream("orders", completeness={"rule": "declared"})
    harness.land("completeness.csv", declared([("2026-02-01", 2, "400.00")]))
    harness.land("orders_2026-02-01.csv", [order("SO-1", "200.00"), order("SO-2", "200.00")])

    harness.load()

    outcome = harness.outcome("orders_2026-02-01.csv")
    assert (outcome.rows_loaded, outcome.fault_id) == (2, None)
    harness.assert_sound()
