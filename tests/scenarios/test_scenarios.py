"""R-S3, R-S4, R-C2: tiny extracts go through the real pipeline, each case under its own tenant."""

import pytest

from tests.scenarios.judging import differences
from tests.scenarios.reading import Case, cases

SCENARIOS = [pytest.param(case, id=case.case_id) for case in cases()]


@pytest.mark.parametrize("case", SCENARIOS)
def test_what_comes_out_is_what_a_person_would_say(case: Case, published):
    found = [
        f"wave {wave}: {difference}"
        for wave, expected in case.expectations
        for difference in differences(published[wave], case.tenant, expected)
    ]
    assert not found, "\n".join(found)


def test_no_extract_was_refused(published):
    """A row that contradicts itself is told, and read; nothing else concerns all tenants."""
    told = {row["exception_code"] for row in published[1].rows("exceptions", "*")}
    assert told <= {"ING_ROW_SUSPECT"}
