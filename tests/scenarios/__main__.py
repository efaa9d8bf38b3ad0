"""Prints what each scenario comes to: `python -m tests.scenarios [--keep FOLDER] [ID ...]`.

An id also names its variants: E31 runs E31a, E31b and so on.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.scenarios.judging import differences
from tests.scenarios.reading import cases
from tests.scenarios.running import run_waves


def main() -> int:
    """Run the named scenarios, or all, and print their differences."""
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios", description=__doc__)
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--keep", type=Path, help="an empty folder for the home and the landing")
    arguments = parser.parse_args()
    chosen = [
        case
        for case in cases()
        if not arguments.ids or {case.case_id, case.catalogue_id} & set(arguments.ids)
    ]
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        published = run_waves(chosen, folder)
    out = sys.stdout
    good = 0
    for case in chosen:
        found = [
            f"wave {wave}: {difference}" if wave > 1 else difference
            for wave, expected in case.expectations
            for difference in differences(published[wave], case.tenant, expected)
        ]
        good += not found
        verdict = "as expected" if not found else "differs"
        out.write(f"{case.case_id:6} {verdict}\n")
        out.writelines(f"       - {difference}\n" for difference in found)
    for row in published[1].rows("exceptions", "*"):
        out.write(f"all tenants: {row['exception_code']}: {row['explanation']}\n")
    out.write(f"{good} of {len(chosen)} as expected\n")
    return 0 if good == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
