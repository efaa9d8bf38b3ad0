"""Answers from the pinned publication, cut to what the viewer may see.

What belongs here: the one way from a page to the marts. What does not: the queries themselves
(beside their pages and panels), and the limits (`console.access.scope`).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from console.access.scope import ScopedQuery, scope_query, with_past
from console.access.viewer import Viewer
from console.cache import Cache
from orchestration.warehouse.reader import Published
from orchestration.warehouse.snapshots import (
    columns_of,
    stream_answer,
    text_columns,
    write_answer,
)

Row = Mapping[str, Any]
_NAMED = re.compile(r"\$([a-z_]+)")


@dataclass(frozen=True, slots=True)
class Data:
    """One publication as one viewer sees it.

    Attributes:
        published: Pinned for the request.
        viewer: Whose limits hold.
        cache: Results by (file, query, values), shared by all viewers: the limits are in the query.
    """

    published: Published
    viewer: Viewer
    cache: Cache

    @property
    def columns(self) -> Mapping[str, Mapping[str, str]]:
        """Table -> column -> type; of what has a history also as it was known at a moment."""
        key = ("columns", self.published.path)
        found: Mapping[str, Mapping[str, str]] = self.cache.get(
            key, lambda: with_past(columns_of(self.published))
        )
        return found

    def has(self, *tables: str) -> bool:
        """Whether this publication has all of these marts."""
        return set(tables) <= set(self.columns)

    def rows(self, sql: str, **values: Any) -> tuple[dict[str, Any], ...]:
        """Return the rows of a query; those that others asked for before come from memory."""
        query = self.scoped(sql, values)
        key = (self.published.path, query.sql, _frozen(query.values))
        result: tuple[dict[str, Any], ...] = self.cache.get(
            key, lambda: self.published.rows(query.sql, query.values), lambda rows: len(rows) + 1
        )
        return result

    def one(self, sql: str, **values: Any) -> dict[str, Any] | None:
        """Return the first row; None without one."""
        rows = self.rows(sql, **values)
        return rows[0] if rows else None

    def value(self, sql: str, **values: Any) -> Any:
        """Return the first column of the first row; None without one."""
        row = self.one(sql, **values)
        return next(iter(row.values())) if row else None

    def scoped(self, sql: str, values: Mapping[str, Any]) -> ScopedQuery:
        """The query with the viewer's limits in it, and only the values that it names."""
        query = scope_query(sql, self.viewer, self.columns)
        named = set(_NAMED.findall(query.sql))
        everything = {**values, **query.values}
        return ScopedQuery(
            query.sql, {name: everything[name] for name in everything if name in named}
        )

    def write(
        self, sql: str, values: Mapping[str, Any], target: Path, form: Literal["csv", "parquet"]
    ) -> None:
        """Write the answer to a file, whatever its size."""
        query = self.scoped(sql, values)
        write_answer(self.published, query.sql, query.values, target, form)

    def texts(self, sql: str, values: Mapping[str, Any]) -> tuple[str, ...]:
        """The names of the text columns of a query."""
        query = self.scoped(f"select * from ({sql}) limit 0", values)
        return text_columns(self.published, query.sql, query.values)

    def stream(self, sql: str, values: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
        """Yield column names and then rows, few at a time."""
        query = self.scoped(sql, values)
        return stream_answer(self.published, query.sql, query.values)


def _frozen(values: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(
        (name, tuple(value) if isinstance(value, list) else value)
        for name, value in sorted(values.items())
    )
