"""Values that people open in a spreadsheet.

What belongs here: making a cell harmless, and back. What does not: writing files. Anyone may
import this.
"""

from typing import Any

# The apostrophe itself is escaped too, so that what was written can be read back exactly.
_RUN_AS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


def safe_cell(value: Any) -> Any:
    """Return a text that no spreadsheet takes for a formula; a number stays one."""
    if isinstance(value, str) and value.startswith(_RUN_AS_FORMULA):
        return "'" + value
    return value


def plain_cell(text: str) -> str:
    """Return the text that `safe_cell` was given."""
    return text.removeprefix("'")
