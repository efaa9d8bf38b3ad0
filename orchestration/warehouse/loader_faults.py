"""How the loader says no: a refused file, a held file, and what each fault id stands for.

What belongs here: the exceptions inside the loader and the catalogue of fault ids with one line
each. What does not: the sentence about one particular file or row. The loader imports this.
"""

from collections.abc import Mapping

FAULTS: Mapping[str, str] = {
    "A1": "the same bytes were delivered before",
    "A2": "a known name came with other bytes",
    "A3": "the file is still being written",
    "A4": "the file is cut off or does not match its manifest",
    "A5": "the manifest is missing",
    "A6": "the file came late",
    "A7": "a number is missing in the sequence of files",
    "A8": "the file has no rows",
    "A9": "a row does not have the shape that the contract states",
    "A10": "the columns do not match the contract",
    "A11": "a header carries text that is no plain column name",
    "A12": "a file name that cannot be used as a name",
    "A13": "not a regular file inside the landing folder",
    "A14": "the packed file is unsafe to unpack",
    "A15": "the file, a row or its number of columns is too large",
    "A16": "the text is not in the encoding that the contract states",
    "A17": "a number is not written as the contract states",
    "A18": "an amount has more decimals than its currency, or no known currency",
    "A19": "a sum is too large",
    "A20": "text that a spreadsheet would run",
    "A21": "a date or time is missing its zone, does not exist or is not plausible",
    "A22": "a key cannot be told from another or is blank",
    "A23": "one key has two contents in one file",
    "A24": "a row is gone from the source",
    "A25": "a row changed without its time of change moving",
}


class Refused(Exception):
    """The file is refused whole.

    Attributes:
        fault_id: Why, by the catalogue.
        reason: One sentence: what happened and what to do.
        changes: Columns that explain a refusal for drift, as (name, change).
    """

    def __init__(
        self, fault_id: str, reason: str, changes: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(reason)
        self.fault_id = fault_id
        self.reason = reason
        self.changes = changes


class Held(Exception):
    """The file is left where it is for a later run; fault id and reason as for `Refused`."""

    def __init__(self, fault_id: str, reason: str) -> None:
        super().__init__(reason)
        self.fault_id = fault_id
        self.reason = reason
