-- Grain: one row per batch that has lines and a header: what it held back and what of it was never released.
-- Trap: what a batch holds back is released by the next one of its provider and currency; a later one makes up for what
-- the next left out, the oldest first. What the first batch releases was held back before the data begins.

with batches as (
    select
        *,
        lead(released_amount) over (
            partition by tenant, source, source_system, provider, currency_code
            order by closed_at nulls last, payout_on nulls last, batch_id nulls last
        ) as next_released_amount,
        lag(reserved_amount) over (
            partition by tenant, source, source_system, provider, currency_code
            order by closed_at nulls last, payout_on nulls last, batch_id nulls last
        ) as earlier_reserved_amount
    from {{ ref('int_settlement_batches__computed') }}
    where line_count > 0
        and has_header
),

missed as (
    select
        *,
        {{ money('greatest(reserved_amount - coalesce(next_released_amount, reserved_amount), 0)') }} as missed_amount,
        {{ money('greatest(released_amount - coalesce(earlier_reserved_amount, released_amount), 0)') }} as late_amount
    from batches
),

missed_so_far as (
    select
        *,
        {{ money("""
            sum(missed_amount) over (
                partition by tenant, source, source_system, provider, currency_code
                order by closed_at nulls last, payout_on nulls last, batch_id nulls last
                rows between unbounded preceding and current row
            )
        """) }} as missed_so_far_amount
    from missed
),

made_up_for as (
    select
        *,
        {{ money("""
            sum(case when missed_so_far_amount > 0 then late_amount else 0 end) over (
                partition by tenant, source, source_system, provider, currency_code
            )
        """) }} as late_in_all_amount
    from missed_so_far
),

final as (
    select
        ---------- keys
        batch_key,

        ---------- numerics
        reserved_amount,
        next_released_amount,
        {{ money('least(missed_amount, greatest(missed_so_far_amount - late_in_all_amount, 0))') }} as unreleased_amount
    from made_up_for
)

select * from final
