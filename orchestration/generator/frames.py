"""A stream in memory before it is text: columns of whole numbers of one length.

What belongs here: selecting, joining and ordering rows. What does not: meaning.
Only the generator imports this.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestration.generator.draws import Bools, Ints


@dataclass(frozen=True, slots=True)
class Frame:
    """Rows of one stream.

    Attributes:
        columns: Name to values; ids are numbers, codes are positions in their list of names,
            money is minor units, moments are seconds and dates are days since 1970.
    """

    columns: Mapping[str, Ints]

    def __getitem__(self, name: str) -> Ints:
        return self.columns[name]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def rows(self, chosen: Bools | Ints) -> "Frame":
        """Return the chosen rows (a mask or positions)."""
        return Frame({name: values[chosen] for name, values in self.columns.items()})

    def having(self, **changed: Ints | int) -> "Frame":
        """Return the frame with columns replaced or added; a single number fills the column."""
        count = len(self)
        return Frame(
            {**self.columns, **{name: filled(value, count) for name, value in changed.items()}}
        )

    def in_order_of(self, *names: str) -> "Frame":
        """Return the rows sorted by columns, the first named counting most."""
        return self.rows(np.lexsort([self.columns[name] for name in reversed(names)]))


def filled(value: Ints | Bools | int, count: int) -> Ints:
    """Return `value` as a column of `count` rows."""
    if isinstance(value, int):
        return np.full(count, value, dtype=np.int64)
    return value.astype(np.int64, copy=False)


def frame(count: int, **columns: Ints | Bools | int) -> Frame:
    """Build a frame of `count` rows from columns or single numbers."""
    return Frame({name: filled(value, count) for name, value in columns.items()})


def stack(frames: Sequence[Frame]) -> Frame:
    """Return all rows of frames with the same columns, in the order given."""
    names = list(frames[0].columns)
    return Frame({name: np.concatenate([one[name] for one in frames]) for name in names})


def member(values: Ints, wanted: Ints) -> Bools:
    """Return which values are among `wanted` (need not be sorted)."""
    found: NDArray[np.bool_] = np.isin(values, wanted)
    return found


def positions(values: Ints, ordered: Ints) -> Ints:
    """Return where each value stands in `ordered` (ascending, holding every value)."""
    return np.searchsorted(ordered, values).astype(np.int64)
