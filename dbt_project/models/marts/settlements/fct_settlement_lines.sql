-- Grain: one row per (match_id, source_system, batch_id, line_no): a line of a settlement batch, as it was matched.
-- Trap: payment_amount is that of the whole match, and repeats on each of its lines: sum allocated_amount.

with match_members as (
    select
        match_id,
        side,
        source_system,
        stream,
        native_id,
        line_no,
        recon_key,
        currency_code,
        allocated_amount
    from {{ ref('fct_match_members') }}
    where leg_code = 'settlement'
),

matches as (
    select
        match_id,
        tenant,
        status_code,
        residual_class,
        explanation,
        residual_amount
    from {{ ref('fct_matches') }}
    where leg_code = 'settlement'
),

payments_summed_to_matches as (
    select
        match_id,
        min(native_id) as payment_id,
        count(*) as payment_count,
        {{ money('sum(allocated_amount)') }} as payment_amount
    from match_members
    where side = 'expected'
    group by match_id
),

final as (
    select
        ---------- keys
        match_members.native_id as batch_id,
        match_members.recon_key,
        match_members.match_id,
        matches.tenant,
        match_members.source_system,
        match_members.line_no,
        payments_summed_to_matches.payment_id,

        ---------- strings
        match_members.currency_code,
        matches.status_code,
        matches.residual_class,
        matches.explanation,

        ---------- numerics
        match_members.allocated_amount,
        matches.residual_amount,
        coalesce(payments_summed_to_matches.payment_count, 0) as payment_count,
        payments_summed_to_matches.payment_amount
    from match_members
    inner join matches
        on match_members.match_id = matches.match_id
    left join payments_summed_to_matches
        on match_members.match_id = payments_summed_to_matches.match_id
    where match_members.side = 'actual'
        and match_members.stream = 'settlement_lines'
)

select * from final
