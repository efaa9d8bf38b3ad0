-- Grain: one row per (tenant, source_system, batch_id, currency_code): a batch that a payment provider paid out.
-- Trap: order_count is of this batch: an order that several batches pay is counted with each of them.

with match_members as (
    select
        match_id,
        leg_code,
        side,
        source_system,
        stream,
        native_id,
        line_no,
        currency_code,
        allocated_amount
    from {{ ref('fct_match_members') }}
    where leg_code in ('settlement_batch', 'bank')
),

matches as (
    select
        match_id,
        tenant,
        status_code
    from {{ ref('fct_matches') }}
    where leg_code in ('settlement_batch', 'bank')
        -- What is only suggested pays nothing yet.
        and match_kind <> 'suggested'
),

lines_summed_to_batches as (
    select
        tenant,
        source_system,
        batch_id,
        count(*) as line_count,
        count(distinct recon_key) as order_count
    from {{ ref('fct_settlement_lines') }}
    group by tenant, source_system, batch_id
),

-- What the provider states; its lines must come to it.
stated as (
    select
        matches.tenant,
        match_members.source_system,
        match_members.native_id as batch_id,
        match_members.currency_code,
        min(match_members.match_id) as match_id,
        {{ money('sum(match_members.allocated_amount)') }} as stated_amount
    from match_members
    inner join matches
        on match_members.match_id = matches.match_id
    where match_members.leg_code = 'settlement_batch'
        and match_members.stream = 'settlement_batches'
    group by matches.tenant, match_members.source_system, match_members.native_id, match_members.currency_code
),

bank_lines_summed_to_matches as (
    select
        match_id,
        min(native_id) as bank_line_id,
        count(*) as bank_line_count,
        {{ money('sum(allocated_amount)') }} as bank_amount
    from match_members
    where leg_code = 'bank'
        and side = 'actual'
    group by match_id
),

-- What of it the bank reports.
paid as (
    select
        matches.tenant,
        match_members.source_system,
        match_members.native_id as batch_id,
        match_members.currency_code,
        min(match_members.match_id) as bank_match_id,
        min(bank_lines_summed_to_matches.bank_line_id) as bank_line_id,
        cast(sum(bank_lines_summed_to_matches.bank_line_count) as bigint) as bank_line_count,
        {{ money('sum(bank_lines_summed_to_matches.bank_amount)') }} as bank_amount
    from match_members
    inner join matches
        on match_members.match_id = matches.match_id
    inner join bank_lines_summed_to_matches
        on match_members.match_id = bank_lines_summed_to_matches.match_id
    where match_members.leg_code = 'bank'
        and match_members.side = 'expected'
    group by matches.tenant, match_members.source_system, match_members.native_id, match_members.currency_code
),

final as (
    select
        ---------- keys
        stated.batch_id,
        stated.tenant,
        stated.source_system,
        stated.match_id,
        paid.bank_match_id,
        paid.bank_line_id,

        ---------- strings
        stated.currency_code,
        footing.status_code as lines_code,
        coalesce(bank.status_code, 'open') as bank_code,

        ---------- numerics
        stated.stated_amount,
        paid.bank_amount,
        coalesce(lines_summed_to_batches.line_count, 0) as line_count,
        coalesce(lines_summed_to_batches.order_count, 0) as order_count,
        coalesce(paid.bank_line_count, 0) as bank_line_count
    from stated
    inner join matches as footing
        on stated.match_id = footing.match_id
    left join paid
        on stated.tenant = paid.tenant
        and stated.source_system = paid.source_system
        and stated.batch_id = paid.batch_id
        and stated.currency_code = paid.currency_code
    left join matches as bank
        on paid.bank_match_id = bank.match_id
    left join lines_summed_to_batches
        on stated.tenant = lines_summed_to_batches.tenant
        and stated.source_system = lines_summed_to_batches.source_system
        and stated.batch_id = lines_summed_to_batches.batch_id
)

select * from final
