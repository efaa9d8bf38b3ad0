"""What a person sees of an error that nobody expected: one line, and where the rest is.

What belongs here: writing the details to a file. What does not: expected errors, which carry their
own words. Only the command line may import this.
"""

import traceback
from datetime import UTC, datetime

from orchestration.settings import Settings


def describe_defect(error: BaseException, settings: Settings) -> str:
    """Write the details of an error to the home's log and return one sentence about it.

    Writing may fail as well (a full disk is a common cause of such errors): then the sentence
    stands alone.
    """
    kind = type(error).__name__
    first_line = (str(error).strip().splitlines() or ["no message"])[0]
    path = settings.home / "logs" / "errors.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"--- {datetime.now(UTC).isoformat()}\n")
            log.write("".join(traceback.format_exception(error)))
    except OSError as unwritten:
        return f"{kind}: {first_line}. The details could not be written to {path}: {unwritten}"
    return f"{kind}: {first_line}. This should not happen; the details are in {path}"
