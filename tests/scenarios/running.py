"""Runs Meshline over all scenarios together: one warehouse run for each wave.

What belongs here: making the two runs and reading what they published. What does not: judging it.
Only tests import this.
"""

from collections.abc import Sequence
from pathlib import Path

from tests.integration.run_homes import meshline
from tests.scenarios.judging import Publication, read_publication
from tests.scenarios.landing import land
from tests.scenarios.reading import Case

# Everything in the extracts is older than this by more than any window, unless a note says so.
AS_OF = ("2026-11-20T00:00:00+00:00", "2026-11-21T00:00:00+00:00")


def run_waves(cases: Sequence[Case], folder: Path) -> dict[int, Publication]:
    """Return what was published after each wave; a second wave runs only where a case has one."""
    published = {}
    for wave, as_of in enumerate(AS_OF, start=1):
        landing = folder / f"landing_{wave}"
        if land(cases, wave, landing) == 0:
            break
        said = meshline(
            "run", "--home", folder / "home", "--landing", landing, "--as-of", as_of, "--json"
        )
        if said.exit_code != 0:
            raise AssertionError(f"wave {wave} ended with {said.exit_code}:\n{said.stderr}")
        published[wave] = read_publication(folder / "home")
    return published
