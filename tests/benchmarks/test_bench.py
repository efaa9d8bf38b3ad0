"""The benchmark's own parts: what it measures, and what it writes."""

import sys
from collections import Counter

import duckdb

from tests.benchmarks.bench import (
    CONSOLE_MARKERS,
    MARKERS,
    Line,
    table,
    write_between_markers,
)
from tests.benchmarks.console_large import enlarge
from tests.benchmarks.console_load import PAGES, measure
from tests.benchmarks.found import compare
from tests.benchmarks.measure import Measure, run, size_mb

TRUTH = """order_id,exception_code,leg_code,amount,currency,note,stream,native_ref
ORD-1,PAY_SHORT,payment,1.00,USD,,orders,ORD-1
ORD-2,FUL_MISSING,fulfilment,1.00,USD,,orders,ORD-2
,KEY_MISSING,payment,1.00,USD,,payments,PAY-1
,KEY_MISSING,payment,1.00,USD,,payments,PAY-2
"""


def test_memory_of_children_counts(tmp_path):
    child = "import time; block = bytearray(80 * 1024**2); time.sleep(0.6)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    measure = run([sys.executable, "-c", parent], tmp_path)
    assert measure.exit_code == 0
    assert measure.peak_mb >= 80
    assert measure.seconds >= 0.6


def test_a_failing_command_keeps_its_message(tmp_path):
    measure = run([sys.executable, "-c", "import sys; sys.exit('no landing')"], tmp_path)
    assert measure.exit_code == 1
    assert measure.errors == "no landing\n"


def test_links_do_not_count_as_size(tmp_path):
    (tmp_path / "run_1.duckdb").write_bytes(bytes(3 * 1024**2))
    (tmp_path / "current.duckdb").symlink_to("run_1.duckdb")
    assert size_mb(tmp_path) == 3


def test_the_table_compares_with_its_first_line():
    def line(name, seconds):
        return Line(name, Measure(seconds, 100, 0, "", ""), 5, "10 rows")

    rows = table([line("baseline", 10.0), line("full run", 25.0)]).splitlines()
    assert rows[-1] == "| full run | 25.0 s | 2.50 x | 100 MiB | 5 MiB | 10 rows |"


def test_a_page_keeps_what_stands_outside_the_markers(tmp_path):
    page = tmp_path / "benchmarks.md"
    page.write_text(f"# Benchmarks\n\nbefore\n{MARKERS[0]}\nold\n{MARKERS[1]}\nafter\n")
    write_between_markers(page, "new")
    assert page.read_text() == f"# Benchmarks\n\nbefore\n{MARKERS[0]}\nnew\n{MARKERS[1]}\nafter\n"


def test_a_page_without_markers_gets_them(tmp_path):
    page = tmp_path / "docs" / "benchmarks.md"
    write_between_markers(page, "new")
    write_between_markers(page, "newer")
    assert page.read_text().count(MARKERS[0]) == 1
    assert "newer" in page.read_text()


def test_two_parts_of_a_page_are_measured_apart(tmp_path):
    page = tmp_path / "benchmarks.md"
    write_between_markers(page, "run")
    write_between_markers(page, "console", CONSOLE_MARKERS)
    write_between_markers(page, "run again")
    text = page.read_text()
    assert "run again" in text
    assert f"{CONSOLE_MARKERS[0]}\nconsole\n{CONSOLE_MARKERS[1]}" in text


def test_the_console_is_measured_over_a_multiplied_publication(first_run, tmp_path):
    """A few orders: what is proved is that the measuring works, as `make bench` has it."""
    counts = enlarge(first_run[0], tmp_path / "large", 1_000)
    load = measure(tmp_path / "large", people=2, seconds=2)
    assert counts["fct_orders"] >= 1_000
    assert load.errors == ()
    assert load.per_second > 0
    assert {page.path for page in load.pages} == {*PAGES, "/orders/one", "/exceptions/one"}
    assert all(page.first_ms > 0 for page in load.pages)
    assert "| /overview |" in load.report()


def test_found_exceptions_are_held_against_the_truth(tmp_path):
    (tmp_path / "truth.csv").write_text(TRUTH)
    (tmp_path / "serving").mkdir()
    with duckdb.connect(str(tmp_path / "serving" / "current.duckdb")) as connection:
        connection.execute("create schema marts")
        connection.execute(
            "create table marts.fct_orders as "
            "select * from (values ('k1', 'ORD-1'), ('k3', 'ORD-3')) as o(recon_key, order_id)"
        )
        connection.execute(
            "create table marts.fct_exceptions as select * from (values "
            "('PAY_SHORT', 'k1', 'ORD-1'), ('PAY_SHORT', 'k1', 'ORD-1'), "
            "('PAY_OVER', 'k3', 'ORD-3'), ('KEY_MISSING', null, 'PAY-1')) "
            "as e(exception_code, recon_key, native_ref)"
        )
    found = compare(tmp_path, tmp_path / "truth.csv")
    assert found.expected == 4
    assert found.missed == Counter({"FUL_MISSING": 1, "KEY_MISSING": 1})
    assert found.false == Counter({"PAY_OVER": 1})
    assert found.sentence() == (
        "4 exceptions expected; missed: FUL_MISSING 1, KEY_MISSING 1; false: PAY_OVER 1."
    )
