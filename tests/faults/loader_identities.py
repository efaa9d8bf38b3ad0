"""Identities that must hold after any load, as questions to the warehouse.

What belongs here: what a file's counts, reasons and amounts must add up to, computed from the
tables and not by the product. What does not: faults and loading (`loader_harness`).
Each takes `ask`, which runs a query, and returns the rows that break the identity.
"""

from collections.abc import Callable, Mapping

from orchestration.core.contracts import SourceContract

Ask = Callable[[str], list[tuple]]
Contracts = Mapping[str, SourceContract]


def count_breaches(ask: Ask, contracts: Contracts) -> list[tuple]:
    """Return files whose counts do not add up, or differ from the rows that are there."""
    return ask(
        f"""
        with stored as ({stored_rows(contracts)}),
        counted as (
            select load_seq, count(*) as row_count from stored group by load_seq
        ),
        rejected as (
            select load_seq, count(*) as row_count from raw.rejected_rows group by load_seq
        ),
        duplicate as (
            select load_seq, sum(row_count) as row_count from raw.duplicate_rows group by load_seq
        )
        select
            'file counts differ', files.file_name, files.status, files.rows_read,
            files.rows_loaded, counted.row_count, files.rows_duplicate, duplicate.row_count,
            files.rows_rejected, rejected.row_count
        from raw.files as files
        left join counted on files.load_seq = counted.load_seq
        left join rejected on files.load_seq = rejected.load_seq
        left join duplicate on files.load_seq = duplicate.load_seq
        where files.rows_read
            is distinct from files.rows_loaded + files.rows_duplicate + files.rows_rejected
            or files.rows_loaded is distinct from coalesce(counted.row_count, 0)
            or files.rows_rejected is distinct from coalesce(rejected.row_count, 0)
            or files.rows_duplicate is distinct from coalesce(duplicate.row_count, 0)
            or (files.status in ('refused', 'received') and files.rows_loaded <> 0)
        order by files.load_seq
        """
    )


def unexplained(ask: Ask) -> list[tuple]:
    """Return files and rows that were not loaded and lack a fault id or a sentence why."""
    return ask(
        """
        with explained as (
            select 'file' as what, file_name, status, fault_id, reason, null as line
            from raw.files where status not in ('loaded', 'superseded')
            union all
            select 'row', file_name, 'rejected', fault_id, reason, line from raw.rejected_rows
        )
        select 'no reason', * from explained
        where fault_id is null
            or not regexp_full_match(fault_id, '[A-D][0-9]+')
            or reason is null
            or length(regexp_replace(trim(reason), '\\S+', '', 'g')) < 3
            or (what = 'row' and line is null)
        """
    )


def stored_rows(contracts: Contracts) -> str:
    """Return SQL: one row per stored row of any contract stream, with currency and amount."""
    parts = []
    for source, contract in contracts.items():
        for name, stream in contract.streams.items():
            amount, currency = "null", "''"
            if stream.amount is not None:
                amount = stream.amount.column
                column = getattr(stream.amount, "currency_column", None)
                currency = column or f"'{stream.amount.currency}'"
            parts.append(
                f"select _load_seq as load_seq, cast({amount} as decimal(38, 4)) as amount, "
                f"coalesce({currency}, '') as currency_code "
                f"from raw.{source}__{name} where _line is not null"
            )
    return " union all ".join(parts)


def conservation_breaches(ask: Ask, contracts: Contracts) -> list[tuple]:
    """Return (file, currency) where read is not stored plus duplicate plus rejected, to the cent.

    The amounts of `raw.accounting` are the loader's own reading of the text; this side sums what
    the other tables hold.
    """
    return ask(
        f"""
        with stored as ({stored_rows(contracts)}),
        accounted as (
            select load_seq, currency_code, 1 as row_count, amount from stored
            union all
            select load_seq, coalesce(currency_code, ''), row_count, amount
            from raw.duplicate_rows
            union all
            select load_seq, coalesce(currency_code, ''), 1, amount from raw.rejected_rows
        ),
        accounted_sums as (
            select load_seq, currency_code, sum(row_count) as row_count,
                coalesce(sum(amount), 0) as amount
            from accounted group by load_seq, currency_code
        ),
        read_sums as (
            select load_seq, coalesce(currency_code, '') as currency_code,
                sum(row_count) as row_count, coalesce(sum(amount), 0) as amount
            from raw.accounting group by load_seq, coalesce(currency_code, '')
        )
        select
            'not conserved', coalesce(read_sums.load_seq, accounted_sums.load_seq),
            coalesce(read_sums.currency_code, accounted_sums.currency_code),
            read_sums.row_count, accounted_sums.row_count,
            read_sums.amount, accounted_sums.amount
        from read_sums
        full outer join accounted_sums
            on read_sums.load_seq = accounted_sums.load_seq
            and read_sums.currency_code = accounted_sums.currency_code
        where read_sums.row_count is distinct from accounted_sums.row_count
            or read_sums.amount is distinct from accounted_sums.amount
        order by 2, 3
        """
    )
