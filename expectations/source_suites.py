"""The suites of the source gate: one for each stream that brought rows, and one for its files.

What belongs here: what follows from a contract and from the plausibility policy.
What does not: rules that only people know of a stream (those are `handwritten`), and what the
loader has refused already (types, nulls, keys, doubled rows): that is not judged twice, row by row.
Imported by `runner`.
"""

from datetime import UTC, datetime, timedelta

from expectations.handwritten import rules_for
from expectations.plan import (
    AllowedValues,
    Check,
    ColumnTypes,
    RowNames,
    RowRule,
    Severity,
    Suite,
)
from expectations.policy import SourcePolicy
from orchestration.core.contracts import ColumnType, StreamContract
from orchestration.warehouse.connection import literal, quoted
from orchestration.warehouse.loader_tables import raw_columns

# Part of most keys and mostly at their default: shown to people only where they say something.
_SCOPE_COLUMNS = ("tenant", "system", "instance")


def stream_suite(
    stream: StreamContract,
    policy: SourcePolicy,
    *,
    after_load_seq: int,
    as_of: datetime,
    row_count: int,
) -> Suite:
    """Return what is asked of the rows that a stream has brought since `after_load_seq`.

    Rows that say that their subject is gone are not judged: they say nothing else.

    Args:
        stream: Its contract.
        policy: What is plausible.
        after_load_seq: The last delivery that was judged before.
        as_of: The run's moment, aware UTC; events much later speak for a wrong clock.
        row_count: New rows of the stream.
    """
    return Suite(
        name=f"{stream.source}.{stream.name}",
        rows_sql=(
            f"select * from raw.{quoted(stream.table)}"
            f" where _load_seq > {int(after_load_seq)} and not coalesce(_is_deleted, false)"
        ),
        rows_label=f"rows of deliveries after {int(after_load_seq)}",
        row_count=row_count,
        names=RowNames(
            key=tuple(_key_part(stream, column) for column in stream.key),
            source=literal(stream.source),
            stream=literal(stream.name),
            load_seq="_load_seq",
            line="_line",
            columns=("_load_seq", "_line", *stream.key),
        ),
        checks=(
            ColumnTypes(raw_columns(stream)),
            _key_is_complete(stream),
            *_allowed_values(stream),
            *_plausible_times(stream, policy, as_of),
            *rules_for(stream),
        ),
    )


def files_suite(policy: SourcePolicy, *, after_load_seq: int, row_count: int) -> Suite:
    """Return what is asked of the deliveries themselves: their size against the earlier ones.

    Args:
        policy: What is plausible.
        after_load_seq: The last delivery that was judged before.
        row_count: Deliveries loaded since.
    """
    after = int(after_load_seq)
    return Suite(
        name="raw.files",
        rows_sql=f"""
            with earlier as (
                select
                    source,
                    stream,
                    count(*) as earlier_count,
                    quantile_disc(rows_read, 0.5) as usual_rows
                from raw.files
                where load_seq <= {after} and status = 'loaded'
                group by source, stream
            )

            select files.*, earlier.earlier_count, earlier.usual_rows
            from raw.files
            left join earlier
                on files.source = earlier.source
                and files.stream = earlier.stream
            where files.load_seq > {after} and files.status = 'loaded'
        """,
        rows_label=f"deliveries after {after}",
        row_count=row_count,
        names=RowNames(
            key=("file_name",),
            source="source",
            stream="stream",
            load_seq="load_seq",
            columns=("load_seq", "source", "stream", "file_name"),
        ),
        checks=_delivery_rules(policy),
    )


def _key_part(stream: StreamContract, column: str) -> str:
    """SQL text expression of a key column; null for a scope that is the usual one."""
    text = f"cast({quoted(column)} as varchar)"
    usual = stream.columns[column].default
    if column in _SCOPE_COLUMNS and usual is not None:
        return f"nullif({text}, {literal(usual)})"
    return text


def _key_is_complete(stream: StreamContract) -> RowRule:
    return RowRule(
        name="key_is_complete",
        columns=stream.key,
        condition=" and ".join(f"{quoted(column)} is not null" for column in stream.key),
        reason="A part of the key is missing, so the row cannot be told from others: load it anew.",
        expected=literal("a value in each of " + ", ".join(stream.key)),
        severity=Severity.CRITICAL,
    )


def _allowed_values(stream: StreamContract) -> list[Check]:
    return [
        AllowedValues(name, column.allowed)
        for name, column in stream.columns.items()
        if column.allowed
    ]


def _plausible_times(stream: StreamContract, policy: SourcePolicy, as_of: datetime) -> list[Check]:
    """One rule for all times of the stream, and one for the events that cannot lie ahead."""
    types = {name: column.type for name, column in stream.columns.items()}
    times = tuple(
        name for name, kind in types.items() if kind in (ColumnType.DATE, ColumnType.TIMESTAMP)
    )
    events = tuple(
        name
        for name, kind in types.items()
        if kind is ColumnType.TIMESTAMP and name.endswith("_at")
    )
    checks: list[Check] = []
    if times:
        checks.append(_times_in_window(times, policy))
    if events:
        checks.append(_events_not_ahead(events, policy, as_of))
    return checks


def _times_in_window(times: tuple[str, ...], policy: SourcePolicy) -> RowRule:
    first, last = policy.earliest_on.isoformat(), policy.latest_on.isoformat()
    after_last = (policy.latest_on + timedelta(days=1)).isoformat()
    return RowRule(
        name="times_are_plausible",
        columns=times,
        condition=" and ".join(
            f"coalesce({quoted(name)} >= date '{first}' and {quoted(name)} < date '{after_last}',"
            " true)"
            for name in times
        ),
        reason="A date lies outside any business: ask the source which one it meant.",
        expected=literal(f"between {first} and {last}"),
    )


def _events_not_ahead(events: tuple[str, ...], policy: SourcePolicy, as_of: datetime) -> RowRule:
    limit = as_of.astimezone(UTC).replace(tzinfo=None) + timedelta(hours=policy.future_hours)
    moment = limit.isoformat(sep=" ", timespec="microseconds")
    return RowRule(
        name="events_are_not_ahead",
        columns=events,
        condition=" and ".join(
            f"coalesce({quoted(name)} <= timestamp '{moment}', true)" for name in events
        ),
        reason="An event lies after the moment of the run: check clock and zone of the source.",
        expected=literal(f"not after {moment} UTC"),
        # Data, no alarm: a replay with an earlier moment sees such rows rightfully.
        severity=Severity.INFO,
    )


def _delivery_rules(policy: SourcePolicy) -> tuple[Check, ...]:
    volume = policy.volume
    return (
        RowRule(
            name="size_is_usual",
            columns=("rows_read", "usual_rows", "earlier_count"),
            condition=(
                f"earlier_count < {volume.least_deliveries} or ("
                f"rows_read * 1000 >= usual_rows * {volume.least_per_mille} and "
                f"rows_read * 1000 <= usual_rows * {volume.most_per_mille})"
            ),
            reason="The delivery is much smaller or larger than usual: ask the source if it is "
            "whole.",
            expected="'about ' || usual_rows || ' rows'",
            actual="rows_read",
        ),
        RowRule(
            name="few_rows_are_rejected",
            columns=("rows_read", "rows_rejected"),
            condition=f"rows_rejected * 1000 <= rows_read * {volume.most_rejected_per_mille}",
            reason="Many rows of the delivery were rejected: see raw.rejected_rows and ask the "
            "source to resend.",
            expected=f"'at most {volume.most_rejected_per_mille} in 1000 rejected'",
            actual="rows_rejected || ' of ' || rows_read",
        ),
    )
