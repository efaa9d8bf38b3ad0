"""Every fault of the catalogue has a test: documentation, tests and product share one list."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from catalogue import FAULTS

TEST_NAME = re.compile(r"test_([a-d])(\d+)_[a-z]")


def functions_by_fault(folder: Path) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Yield (fault id, function) of every test of the folder that names a fault."""
    for path in sorted(folder.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = TEST_NAME.match(node.name) if isinstance(node, ast.FunctionDef) else None
            if named:
                yield f"{named[1].upper()}{int(named[2])}", node


def asserts_something(function: ast.FunctionDef) -> bool:
    """Tell whether a test contains an assertion, a `pytest.raises` or a call that asserts."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        called = node.func if isinstance(node, ast.Call) else None
        name = getattr(called, "attr", getattr(called, "id", ""))
        if name == "raises" or name.startswith("assert_"):
            return True
    return False


def test_every_fault_of_the_catalogue_has_a_test():
    tested = {fault_id for fault_id, _ in functions_by_fault(Path(__file__).parent)}

    missing = [
        f"{fault.fault_id}: {fault.title}" for fault in FAULTS if fault.fault_id not in tested
    ]

    assert not missing, f"no test named test_<id>_... in {Path(__file__).parent}: {missing}"


def test_no_test_names_a_fault_that_the_catalogue_lacks():
    known = {fault.fault_id for fault in FAULTS}

    unknown = [
        test.name
        for fault_id, test in functions_by_fault(Path(__file__).parent)
        if fault_id not in known
    ]

    assert not unknown, f"add these faults to catalogue.py or rename the tests: {unknown}"


def test_every_test_of_a_fault_asserts_something():
    silent = [
        test.name
        for _, test in functions_by_fault(Path(__file__).parent)
        if not asserts_something(test)
    ]

    assert not silent, f"these tests can never fail: {silent}"


def test_ids_are_unique_and_titles_are_sentences():
    ids = [fault.fault_id for fault in FAULTS]

    assert len(ids) == len(set(ids))
    assert all(len(fault.title.split()) >= 4 for fault in FAULTS)


def test_the_meta_test_bites_when_a_fault_has_no_test(tmp_path):
    (tmp_path / "test_one.py").write_text("def test_a1_once():\n    assert True\n")

    tested = {fault_id for fault_id, _ in functions_by_fault(tmp_path)}

    assert tested == {"A1"}
