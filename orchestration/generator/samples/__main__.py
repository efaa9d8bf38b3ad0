"""Write the samples, or check that they are what the stories say.

What belongs here: the command line of the samples. What does not: their contents.
Nobody imports this.
"""

import argparse
import sys
from pathlib import Path

from orchestration.generator.samples import tell_samples
from orchestration.generator.samples.book import differences, write_files

FOLDER = Path(__file__).resolve().parents[3] / "seeds" / "samples" / "generic"


def main() -> int:
    """Return 0 when the files are as the stories say, else 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="write the files anew")
    action.add_argument("--check", action="store_true", help="say which files differ")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the files lie")
    wanted = parser.parse_args()
    book = tell_samples()
    if wanted.write:
        write_files(book, wanted.folder)
        return 0
    found = differences(book, wanted.folder)
    for line in found:
        sys.stderr.write(line + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
