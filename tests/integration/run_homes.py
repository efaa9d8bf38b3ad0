"""Homes in which the samples were reconciled once, and the command line as people call it.

What belongs here: making such a home, copying it, calling `meshline`. What does not: a test.
Only tests import this.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.settings import PROJECT_ROOT

SAMPLES = PROJECT_ROOT / "seeds" / "samples"
# Some deadlines of the samples are still to come then.
AS_OF = "2026-06-10T00:00:00+00:00"


@dataclass(frozen=True, slots=True)
class Said:
    """What a command printed, and how it ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """Standard output as the one JSON document that it has to be."""
        return json.loads(self.stdout)


def meshline(*arguments: str | Path, program: Sequence[str] = ("-m", "orchestration.cli")) -> Said:
    """Call the command line in a process of its own."""
    done = subprocess.run(
        [sys.executable, *program, *map(str, arguments)],
        cwd=PROJECT_ROOT,
        env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def reconcile_samples(home: Path, *options: str) -> Said:
    """Run the samples in a home, at the moment that all these tests share."""
    return meshline("run", "--landing", SAMPLES, "--as-of", AS_OF, "--home", home, *options)


def copy_home(home: Path, folder: Path) -> Path:
    """Return a copy of a home that a test may do anything to."""
    return Path(shutil.copytree(home, folder / "home", symlinks=True))
