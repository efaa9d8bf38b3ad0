"""The fast test of a cell and the reasons for its rejection decide alike, for any text at all."""

import contextlib
from datetime import date

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.core.contracts import ColumnContract, ColumnType, StreamContract
from orchestration.core.errors import ReconError
from orchestration.warehouse.loader_check import Rows, build_checked
from orchestration.warehouse.loader_faults import Refused
from orchestration.warehouse.loader_plan import Plan
from orchestration.warehouse.loader_reasons import build_rejected
from orchestration.warehouse.loader_types import Cell

COLUMNS = {
    "row_id": ColumnContract(type=ColumnType.ID, required=True),
    "ref": ColumnContract(type=ColumnType.ID),
    "words": ColumnContract(type=ColumnType.STRING),
    "kind": ColumnContract(type=ColumnType.STRING, required=True, allowed=("a", "b|c", "d.e")),
    "currency": ColumnContract(type=ColumnType.CURRENCY),
    "amount": ColumnContract(type=ColumnType.AMOUNT, currency_column="currency"),
    "minor": ColumnContract(type=ColumnType.AMOUNT, currency_column="currency", unit="minor"),
    "fee": ColumnContract(type=ColumnType.AMOUNT, currency="JPY"),
    "tax": ColumnContract(type=ColumnType.AMOUNT, scale=4),
    "rate": ColumnContract(type=ColumnType.RATE),
    "quantity": ColumnContract(type=ColumnType.QUANTITY),
    "share": ColumnContract(type=ColumnType.RATIO),
    "count": ColumnContract(type=ColumnType.INTEGER),
    "flag": ColumnContract(type=ColumnType.BOOLEAN),
    "day": ColumnContract(type=ColumnType.DATE),
    "at": ColumnContract(type=ColumnType.TIMESTAMP),
    "at_local": ColumnContract(type=ColumnType.TIMESTAMP, timezone="America/Sao_Paulo"),
    "month": ColumnContract(type=ColumnType.PERIOD),
}
STREAM = StreamContract(
    name="things", source="made", entity="things", key=("row_id",), columns=COLUMNS
)
EXPONENTS = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3, "CLF": 4}

NUMBERS = st.from_regex(r"[-+]?[0-9]{0,20}([.,][0-9]{0,13})?(e[0-9])?", fullmatch=True)
TIMES = st.from_regex(
    r"(0001|1989|1990|2018|2024|2100|2101|9999)-(0[0-9]|1[0-3])-([0-3][0-9])"
    r"([T ]([0-2][0-9]):[0-6][0-9](:[0-6][0-9](\.[0-9]{1,7})?)?"
    r"(Z|[+-](0[0-9]|1[0-6]):?[0-9]{2})?)?",
    fullmatch=True,
)
WORDS = st.text(max_size=6) | st.sampled_from(
    ["a", "b|c", "d.e", "true", "False", " ", "\t", "\x1f"]
)
CODES = st.sampled_from(["EUR", "USD", "JPY", "KWD", "CLF", "eur", "XXX", "EURO"])
TEXTS = st.none() | (NUMBERS | TIMES | WORDS | CODES).map(lambda text: text or None)


def plan() -> Plan:
    return Plan(
        stream=STREAM,
        cells=tuple(
            Cell(name, column, f"c{at}", optional=column.may_be_null)
            for at, (name, column) in enumerate(COLUMNS.items())
        ),
        extras=(),
        order=tuple(COLUMNS),
        exponents=EXPONENTS,
        day=date(2026, 1, 1),
        width=len(COLUMNS),
        separator=".",
        delimiter=",",
    )


@given(rows=st.lists(st.tuples(*[TEXTS] * len(COLUMNS)), min_size=1, max_size=30))
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_unsound_has_a_reason_and_nothing_else_has(rows):
    good = ("id", None, None, "a", *[None] * (len(COLUMNS) - 4))
    singles = [(*good[:at], row[at], *good[at + 1 :]) for row in rows for at in range(len(COLUMNS))]
    for clean in (False, True):
        usable = [row for row in [*rows, *singles] if not (clean and _has_control(row))]
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            names = ", ".join(f"c{at} varchar" for at in range(len(COLUMNS)))
            connection.execute(f"create temp table stage (line bigint, {names})")
            if usable:
                marks = ", ".join("?" * (len(COLUMNS) + 1))
                connection.executemany(
                    f"insert into stage values ({marks})",
                    [(number, *row) for number, row in enumerate(usable)],
                )
            build_checked(connection, plan(), Rows("temp.main.stage", "stage.line", 0, clean))
            connection.execute("create temp table verdict as select _row, _ok from checked")
            connection.execute("update checked_rows set _ok = false")
            # Sound rows have no reason, and a column may be found to be drifted: both are told
            # after the reasons are there, which is all that is compared here.
            with contextlib.suppress(ReconError, Refused):
                build_rejected(connection, plan(), "stage.line")
            judged = connection.execute("select count(*) from rejected").fetchall()
            assert judged == [(len(usable),)]
            differing = connection.execute(
                "select stage.*, verdict._ok, rejected.faults from verdict "
                "inner join rejected on rejected._row = verdict._row "
                "inner join stage on stage.rowid = verdict._row "
                "where verdict._ok <> (len(rejected.faults) = 0)"
            ).fetchall()
            assert differing == []


def _has_control(row: tuple) -> bool:
    return any(char in text for text in row if text for char in map(chr, (*range(32), 127)))
