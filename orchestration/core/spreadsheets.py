"""Values that people open in a spreadsheet.

What belongs here: making a cell harmless. What does not: writing files. Anyone may import this.
"""

_RUN_AS_FORMULA = frozenset("=+-@\t\r\n")


def safe_cell(value: object) -> str:
    """Return a value as a cell; text that a spreadsheet would run as a formula is shown instead.

    Numbers stay numbers: a negative amount is no formula.
    """
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text[:1] in _RUN_AS_FORMULA else text
