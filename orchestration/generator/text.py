"""Numbers to the text of a delivered file, a whole column at a time.

What belongs here: fixed-width ids, dates, times, and money from whole minor units (never a float).
What does not: which column is written how (`layouts`). Only the generator imports this.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from orchestration.generator.draws import Bools, Ints

Bytes = NDArray[np.uint8]

_THREE_DIGITS: Bytes = np.frombuffer(
    "".join(f"{number:03d}" for number in range(1000)).encode(), np.uint8
).reshape(1000, 3)
_CLOCK: Bytes = np.frombuffer(
    "".join(
        f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        for second in range(86_400)
    ).encode(),
    np.uint8,
).reshape(86_400, 8)
SECONDS_A_DAY = 86_400


def _digits(numbers: Ints, width: int) -> Bytes:
    """Return the decimal digits of non-negative numbers, padded with zeros to `width` (1 to 9)."""
    triples = -(-width // 3)
    out = np.empty((len(numbers), triples * 3), np.uint8)
    rest = numbers
    for place in range(triples - 1, -1, -1):
        rest, triple = np.divmod(rest, 1000)
        out[:, place * 3 : place * 3 + 3] = _THREE_DIGITS[triple]
    return out[:, triples * 3 - width :]


def _column(matrix: Bytes, valid: Bools | None) -> pa.Array:
    """Return the rows of a byte matrix as strings; null where not `valid`."""
    count, width = matrix.shape
    array = pa.Array.from_buffers(
        pa.string(),
        count,
        [
            None,
            pa.py_buffer(np.arange(0, (count + 1) * width, width, dtype=np.int32)),
            pa.py_buffer(np.ascontiguousarray(matrix)),
        ],
    )
    return array if valid is None else pc.if_else(pa.array(valid), array, None)


def ids(prefix: str, numbers: Ints, width: int = 9, sequence: Ints | None = None) -> pa.Array:
    """Return `<prefix>-<number>[-<sequence>]`; null where the number is negative.

    Args:
        prefix: Plain ASCII.
        numbers: Below 10 ** width.
        width: Digits of the number.
        sequence: 0 to 9 each.
    """
    valid = numbers >= 0
    head = np.frombuffer(f"{prefix}-".encode(), np.uint8)
    tail = 0 if sequence is None else 2
    matrix = np.empty((len(numbers), len(head) + width + tail), np.uint8)
    matrix[:, : len(head)] = head
    matrix[:, len(head) : len(head) + width] = _digits(np.where(valid, numbers, 0), width)
    if sequence is not None:
        matrix[:, -2] = ord("-")
        matrix[:, -1] = sequence + ord("0")
    return _column(matrix, None if bool(valid.all()) else valid)


def _date_bytes(days: Ints) -> Bytes:
    """Return YYYY-MM-DD for days since 1970."""
    if not len(days):
        return np.empty((0, 10), np.uint8)
    first, last = int(days.min()), int(days.max())
    table = np.arange(first, last + 1).astype("datetime64[D]").astype("S10")
    return table.view(np.uint8).reshape(-1, 10)[days - first]


def dates(days: Ints, valid: Bools | None = None) -> pa.Array:
    """Return ISO dates of whole days since 1970-01-01."""
    filled = days if valid is None else np.where(valid, days, days.max(initial=0))
    return _column(_date_bytes(filled), valid)


def times(seconds: Ints, valid: Bools | None = None) -> pa.Array:
    """Return ISO 8601 UTC moments (`...Z`) of whole seconds since 1970."""
    filled = seconds if valid is None else np.where(valid, seconds, seconds.max(initial=0))
    days, rest = np.divmod(filled, SECONDS_A_DAY)
    matrix = np.empty((len(filled), 20), np.uint8)
    matrix[:, :10] = _date_bytes(days)
    matrix[:, 10] = ord("T")
    matrix[:, 11:19] = _CLOCK[rest]
    matrix[:, 19] = ord("Z")
    return _column(matrix, valid)


def _scaled(minor: Ints, exponent: int) -> pa.Array:
    """Return minor units of one exponent as decimal text, through DECIMAL: exact."""
    words = np.empty((len(minor), 2), np.int64)
    words[:, 0] = minor
    words[:, 1] = minor >> 63
    decimal = pa.Array.from_buffers(
        pa.decimal128(18, exponent), len(minor), [None, pa.py_buffer(words)]
    )
    return decimal.cast(pa.string())


def money(minor: Ints, exponents: Ints, valid: Bools | None = None) -> pa.Array:
    """Return amounts in major units with as many decimals as their currency has.

    Args:
        minor: Whole minor units, signed.
        exponents: Decimals of each row's currency.
        valid: False where the amount is not stated (null).
    """
    text = _scaled(minor, 2)
    for exponent in (0, 3):
        rows = exponents == exponent
        if rows.any():
            text = pc.replace_with_mask(text, pa.array(rows), _scaled(minor[rows], exponent))
    return text if valid is None else pc.if_else(pa.array(valid), text, None)


def choices(names: Sequence[str | None], positions: Ints) -> pa.Array:
    """Return the name at each position; a None among the names is a null."""
    return pa.array(list(names), pa.string()).take(pa.array(positions))


def whole(numbers: Ints, valid: Bools | None = None) -> pa.Array:
    """Return whole numbers; null where not `valid`."""
    array = pa.array(numbers)
    return array if valid is None else pc.if_else(pa.array(valid), array, None)


def constant(value: str | None, count: int) -> pa.Array:
    """Return one text for every row."""
    return pa.repeat(pa.scalar(value, pa.string()), count)
