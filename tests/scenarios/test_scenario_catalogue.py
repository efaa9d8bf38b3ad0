"""No case of the catalogue is skipped in silence: it is shown, or it says why it cannot be yet."""

from tests.scenarios.many import MANY
from tests.scenarios.reading import EXPECTED, HERE, SECOND, cases, read_list

CATALOGUE = {row["id"]: row["family"] for row in read_list("catalogue.csv")}
MISSING = {row["id"]: row["reason"] for row in read_list("missing.csv")}


def test_each_case_of_the_catalogue_is_shown_or_says_why_not():
    shown = {case.catalogue_id for case in cases()}
    assert sorted(set(CATALOGUE) - shown - set(MISSING)) == []


def test_a_case_that_says_why_not_is_in_the_catalogue_and_not_shown():
    shown = {case.catalogue_id for case in cases()}
    assert sorted(set(MISSING) - set(CATALOGUE)) == []
    assert sorted(set(MISSING) & shown) == []
    assert all(MISSING.values())


def test_each_case_has_its_folder_and_each_folder_its_case():
    folders = {path.parent.name for path in HERE.glob(f"*/{EXPECTED}")}
    assert folders == {case.case_id for case in cases()}
    assert {path.name for path in HERE.iterdir() if path.is_dir()} - {"__pycache__"} == folders


def test_each_case_has_a_name_of_its_own_and_a_family():
    listed = cases()
    assert len({case.case_id for case in listed}) == len(listed)
    for case in listed:
        assert case.case_id.startswith(case.catalogue_id)
        assert CATALOGUE.get(case.catalogue_id, case.family) == case.family


def test_each_case_lands_something_and_expects_something():
    for case in cases():
        assert case.extracts(1) or case.case_id in MANY, case.case_id
        assert case.expectations, case.case_id
        assert bool(case.extracts(2)) == (case.folder / SECOND / EXPECTED).exists(), case.case_id
