"""What a well-formed source contract can still get wrong across its parts.

What belongs here: pure checks that need more than one field. What does not: the models themselves
(`core.contracts`) and anything that needs a file or a time zone database (`connectors.contracts`).
Anyone may import this.
"""

from collections.abc import Iterator

from orchestration.core.contracts import (
    ColumnContract,
    ColumnType,
    SourceContract,
    StreamContract,
)

Problem = tuple[tuple[str, ...], str]


def contract_problems(contract: SourceContract) -> Iterator[Problem]:
    """Yield what a well-formed contract gets wrong across its parts, as (path, sentence)."""
    for name, stream in contract.streams.items():
        at = ("streams", name)
        for where, sentence in _stream_problems(stream):
            yield (*at, *where), sentence


def _stream_problems(stream: StreamContract) -> Iterator[Problem]:
    yield from _reference_problems(stream)
    yield from _pattern_problems(stream)
    for name, column in stream.columns.items():
        for sentence in _column_problems(stream, name, column):
            yield ("columns", name), sentence
    headers = [column.header or name for name, column in stream.columns.items()]
    for header in sorted({header for header in headers if headers.count(header) > 1}):
        yield ("columns",), f"two columns read the same header {header!r}; give each its own"


def _pattern_problems(stream: StreamContract) -> Iterator[Problem]:
    for pattern in stream.files:
        if "/" in pattern or pattern.startswith((".", "*")):
            yield (
                ("files",),
                f"pattern {pattern!r} must be a plain file name pattern that does not begin "
                "with '.' or '*'; files lie directly in the source's folder",
            )


def _reference_problems(stream: StreamContract) -> Iterator[Problem]:
    wanted: list[tuple[str, str | None, tuple[ColumnType, ...]]] = [
        ("updated_at", stream.updated_at, (ColumnType.TIMESTAMP,)),
        ("deleted", stream.deleted, (ColumnType.BOOLEAN,)),
        ("business_on", stream.business_on, (ColumnType.DATE, ColumnType.TIMESTAMP)),
    ]
    wanted += [("key", part, tuple(ColumnType)) for part in stream.key]
    if stream.amount is not None:
        wanted.append(("amount", stream.amount.column, (ColumnType.AMOUNT,)))
        wanted.append(("amount", stream.amount.currency_column, (ColumnType.CURRENCY,)))
    for setting, target, types in wanted:
        if target is None:
            continue
        column = stream.columns.get(target)
        if column is None:
            yield (setting,), f"names column {target!r}, which the stream does not have"
        elif column.type not in types:
            names = " or ".join(types)
            yield (setting,), f"column {target!r} is of type {column.type}, it must be {names}"
    for part in stream.key:
        column = stream.columns.get(part)
        if column is not None and column.may_be_null and column.default is None:
            yield ("key",), f"key column {part!r} may be empty; make it required or give a default"
    if len(set(stream.key)) != len(stream.key):
        yield ("key",), "names a column twice"


def _times_problems(stream: StreamContract, column: ColumnContract) -> Iterator[str]:
    if column.times is None:
        return
    quantity = stream.columns.get(column.times)
    if column.type is not ColumnType.RATE:
        yield "times belongs to rates only"
    elif quantity is None or quantity.type is not ColumnType.QUANTITY:
        yield f"times {column.times!r} is not a quantity column here"


def _column_problems(stream: StreamContract, name: str, column: ColumnContract) -> Iterator[str]:
    if column.currency_column is not None:
        target = stream.columns.get(column.currency_column)
        if target is None or target.type is not ColumnType.CURRENCY:
            yield f"currency_column {column.currency_column!r} is not a currency column here"
    if column.type is ColumnType.AMOUNT:
        known = column.currency_column is not None or column.currency is not None
        if column.scale == "currency" and not known:
            yield "an amount needs currency_column, currency, or a scale of its own"
        if column.currency_column is not None and column.currency is not None:
            yield "an amount has either currency_column or currency, not both"
        if column.unit == "minor" and not known:
            yield "an amount in minor units needs currency_column or currency"
    elif column.currency_column or column.currency or column.scale != "currency":
        yield "currency_column, currency and scale belong to amounts only"
    elif column.unit != "major":
        yield "unit belongs to amounts only"
    yield from _times_problems(stream, column)
    if column.timezone is not None and column.type is not ColumnType.TIMESTAMP:
        yield "timezone belongs to timestamps only"
    if column.since and column.until and column.since >= column.until:
        yield "since must be before until"
    if column.default is not None and column.allowed and column.default not in column.allowed:
        yield f"default {column.default!r} is not among the allowed values"
    if name.startswith("_"):
        yield "names with a leading underscore are ours"
