"""Tables of a publication as PostgreSQL has them: names of types, and how values are written.

What belongs here: pure text. What does not: a connection to either side. Only
`orchestration.serving` imports this.
"""

import re

# DuckDB -> PostgreSQL; whatever is not named here is written as JSON.
_TYPES = {
    "VARCHAR": "text",
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "UTINYINT": "smallint",
    "USMALLINT": "integer",
    "UINTEGER": "bigint",
    "UBIGINT": "numeric(20, 0)",
    "HUGEINT": "numeric(39, 0)",
    "UHUGEINT": "numeric(39, 0)",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "INTERVAL": "interval",
    "UUID": "uuid",
}
_DECIMAL = re.compile(r"DECIMAL\(\d+,\s?\d+\)")
_JSON = "jsonb"


def type_there(type_here: str) -> str:
    """The type of PostgreSQL that holds every value of a type of DuckDB."""
    if _DECIMAL.fullmatch(type_here):
        return type_here.replace("DECIMAL", "numeric")
    if type_here.startswith("ENUM"):
        return "text"
    return _TYPES.get(type_here, _JSON)


def written(name: str, type_here: str) -> str:
    """The expression that writes a column of DuckDB as PostgreSQL reads it.

    PostgreSQL keeps no character of code 0 in a text, so it is shown as what cannot be shown.
    """
    column = '"' + name.replace('"', '""') + '"'
    there = type_there(type_here)
    if there == "text":
        return f"replace(cast({column} as varchar), chr(0), chr(65533))"
    return f"to_json({column})" if there == _JSON else column
