"""What a source promises about its extracts: streams, formats, keys, columns, completeness.

What belongs here: the models of a source contract, and which stream a file name belongs to.
What does not: rules across a contract's parts (`core.contract_rules`), reading YAML
(`connectors.contracts`), and applying a contract to a file (`warehouse.loader`).
Anyone may import this; it imports nobody.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

FILE_EXTENSIONS = ("csv", "tsv", "jsonl", "json", "parquet")

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
OneByte = Annotated[str, StringConstraints(pattern=r"^[\x09\x20-\x7e]$")]


class ColumnType(StrEnum):
    """The types a contract can name; each has one raw column type."""

    ID = "id"
    STRING = "string"
    AMOUNT = "amount"
    RATE = "rate"
    QUANTITY = "quantity"
    RATIO = "ratio"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    CURRENCY = "currency"
    PERIOD = "period"


RAW_TYPES: Mapping[ColumnType, str] = {
    ColumnType.ID: "varchar",
    ColumnType.STRING: "varchar",
    ColumnType.AMOUNT: "decimal(18,4)",
    ColumnType.RATE: "decimal(28,12)",
    ColumnType.QUANTITY: "decimal(18,6)",
    ColumnType.RATIO: "decimal(9,6)",
    ColumnType.INTEGER: "bigint",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.DATE: "date",
    ColumnType.TIMESTAMP: "timestamp",
    ColumnType.CURRENCY: "varchar",
    ColumnType.PERIOD: "varchar",
}


class _Model(BaseModel):
    """Frozen, and a misspelt setting is a problem, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ColumnContract(_Model):
    """One column of a stream.

    Attributes:
        type: How its text is read.
        header: Its name in the file where that differs from ours; for JSON a dotted path.
        required: The column must be in the header.
        nullable: A row may leave it empty; by default exactly the columns not required.
        allowed: The only values, compared as text; empty means any.
        since: First business date on which the column is promised.
        until: First business date on which it is no longer promised.
        timezone: Zone of timestamps without offset; without it they are rejected.
        unit: Amounts in major units (`12.50`) or minor units (`1250`).
        currency_column: The column with the currency of this amount.
        currency: The constant currency of this amount.
        scale: Digits after the point that an amount may have: those of its currency, or a number.
        times: Of a rate: the column with the quantity that it is the price of; what both come to is
            an amount and must fit one.
        default: Value of an empty cell or an absent column.
    """

    type: ColumnType
    header: str | None = Field(default=None, min_length=1, max_length=200)
    required: bool = False
    nullable: bool | None = None
    allowed: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    timezone: str | None = None
    unit: Literal["major", "minor"] = "major"
    currency_column: Identifier | None = None
    currency: CurrencyCode | None = None
    scale: Literal["currency"] | Annotated[int, Field(ge=0, le=4)] = "currency"
    times: Identifier | None = None
    default: str | None = None

    @property
    def may_be_null(self) -> bool:
        """Whether a stored row may hold no value here."""
        return (not self.required) if self.nullable is None else self.nullable

    def is_required_on(self, day: date) -> bool:
        """Whether the header of a file of this business date must have the column."""
        begun = self.since is None or day >= self.since
        ended = self.until is not None and day >= self.until
        return self.required and begun and not ended


class FileFormat(_Model):
    """How the bytes of a stream's files become rows; nothing of it is guessed from a file.

    Attributes:
        type: The format, or `by_extension` to go by the file's name.
        delimiter: One byte between cells; by default comma, and tab for tsv.
        quote: The quote character; null when the format has none.
        escape: The character before a quote inside quotes; by default the quote itself.
        decimal_separator: `.` or `,`; there are no thousands separators.
        encoding: Of the text; a UTF-8 byte order mark is accepted.
        skip_rows: Lines before the header.
        records_path: Dotted path to the list of records inside a JSON document.
        max_line_bytes: Longest line or record.
        max_columns: Most cells a header may have.
        max_rows: Most rows a file may have.
        final_newline: `required` takes a last line without line end for a cut-off file;
            `complete_row` only when that line lacks cells (for a full snapshot like `required`);
            `optional` never.
    """

    type: Literal["by_extension", "csv", "tsv", "json", "jsonl", "parquet"] = "by_extension"
    delimiter: OneByte | None = None
    quote: OneByte | None = '"'
    escape: OneByte | None = None
    decimal_separator: Literal[".", ","] = "."
    encoding: Literal["utf-8", "utf-16", "latin-1", "cp1252"] = "utf-8"
    skip_rows: int = Field(default=0, ge=0, le=1000)
    records_path: str | None = Field(default=None, pattern=r"^[^.\s]+(\.[^.\s]+)*$")
    max_line_bytes: int = Field(default=2_000_000, ge=100, le=32_000_000)
    max_columns: int = Field(default=512, ge=1, le=5000)
    max_rows: int = Field(default=100_000_000, ge=1)
    final_newline: Literal["required", "complete_row", "optional"] = "required"


class AmountRule(_Model):
    """The amount that is summed when a stream is accounted for, with its currency."""

    column: Identifier
    currency_column: Identifier | None = None
    currency: CurrencyCode | None = None


class Delivery(_Model):
    """How successive files of a stream relate.

    Attributes:
        mode: `delta` adds and changes; `full_snapshot` is everything alive, so what is absent has
            been deleted; `overlap` is a delta that repeats rows around its watermark.
        sequence: Pattern with one group of digits that finds the file's number in its name; a
            file is held while a number before it is missing.
    """

    mode: Literal["delta", "full_snapshot", "overlap"] = "delta"
    sequence: str | None = None

    @model_validator(mode="after")
    def _sequence_is_a_pattern(self) -> Self:
        if self.sequence is not None:
            try:
                groups = re.compile(self.sequence).groups
            except re.error as error:
                msg = f"sequence is not a regular expression: {error}"
                raise ValueError(msg) from error
            if groups != 1:
                msg = f"sequence needs exactly one group of digits, it has {groups}"
                raise ValueError(msg)
        return self


class Completeness(_Model):
    """What proves that a file is whole: nothing, its manifest, or declared counts."""

    rule: Literal["none", "manifest", "declared"] = "none"


class StreamContract(_Model):
    """One stream of a source: a family of files with one grain.

    Attributes:
        name: The stream.
        source: The source it belongs to.
        entity: The entity that its rows describe.
        files: Name patterns; by default `<stream>*` with every extension, packed or not.
        format: How files are read.
        key: Columns that identify a row's subject.
        columns: Columns by name, in the order of the raw table.
        amount: What is summed in accounting.
        updated_at: Column with the source's time of change.
        deleted: Boolean column that marks a deleted row.
        business_on: Date or timestamp column with a row's business date.
        delivery: How files relate to each other.
        completeness: What proves a file whole.
        extra_columns: `window` accepts a column that is not listed here for the compatibility
            window only; `allowed` accepts it for good.
    """

    name: Identifier
    source: Identifier
    entity: Identifier
    files: tuple[str, ...] = ()
    format: FileFormat = FileFormat()
    key: tuple[Identifier, ...] = Field(min_length=1)
    columns: dict[Identifier, ColumnContract] = Field(min_length=1)
    amount: AmountRule | None = None
    updated_at: Identifier | None = None
    deleted: Identifier | None = None
    business_on: Identifier | None = None
    delivery: Delivery = Delivery()
    completeness: Completeness = Completeness()
    extra_columns: Literal["window", "allowed"] = "window"

    @property
    def table(self) -> str:
        """Name of the stream's table in schema `raw`."""
        return f"{self.source}__{self.name}"

    @property
    def patterns(self) -> tuple[str, ...]:
        """Patterns of file names, the default ones where the contract names none."""
        if self.files:
            return self.files
        plain = [f"{self.name}*.{extension}" for extension in FILE_EXTENSIONS]
        return tuple(plain + [f"{pattern}.gz" for pattern in plain])

    def content_hash(self) -> str:
        """Return a digest of everything the contract says; equal contracts have equal digests."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


class SourceContract(_Model):
    """One source system: its streams and how long unknown columns are tolerated.

    Attributes:
        source: Name of the folder under landing.
        version: Raised with every change that a reader of the data should know.
        description: For people.
        compatibility_window_days: Whole days from its first sight that a new column is accepted.
        streams: By name.
    """

    source: Identifier
    version: int = Field(ge=1)
    description: str = Field(min_length=1)
    compatibility_window_days: int = Field(default=7, ge=0, le=366)
    streams: dict[Identifier, StreamContract] = Field(min_length=1)

    def stream_of(self, file_name: str) -> StreamContract | None:
        """Return the stream that a file belongs to by its name; the longest stream name wins."""
        found = [
            stream
            for stream in self.streams.values()
            if any(fnmatchcase(file_name, pattern) for pattern in stream.patterns)
        ]
        return max(found, key=lambda stream: len(stream.name), default=None)
