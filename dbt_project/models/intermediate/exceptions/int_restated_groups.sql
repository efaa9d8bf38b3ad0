-- Grain: one row per match group of which a restated or a deleted document is all that is wrong: match_id.
-- Trap: an invoice that is compared line by line is restated as a whole: its groups are asked together. The header of a
-- settlement is told by its footing.

with restated_rows as (
    select * from {{ ref('int_restated_rows') }}
    where leg_code <> 'settlement_batch'
),

match_groups as (
    select
        match_id,
        leg_code,
        anchor_key,
        recon_key,
        currency_code,
        variance_amount
    from {{ ref('int_match_groups') }}
    where status_code = 'exception'
),

rows_summed_to_groups as (
    select
        leg_code,
        anchor_key,
        currency_code,
        {{ money('sum(change_amount)') }} as change_amount
    from restated_rows
    where anchor_key is not null
    group by leg_code, anchor_key, currency_code
),

rows_summed_to_orders as (
    select
        leg_code,
        recon_key,
        currency_code,
        {{ money('sum(change_amount)') }} as change_amount
    from restated_rows
    where anchor_key is null
        and recon_key is not null
    group by leg_code, recon_key, currency_code
),

groups_summed_to_orders as (
    select
        match_groups.leg_code,
        match_groups.recon_key,
        match_groups.currency_code
    from match_groups
    inner join rows_summed_to_orders
        on match_groups.leg_code = rows_summed_to_orders.leg_code
        and match_groups.recon_key = rows_summed_to_orders.recon_key
        and match_groups.currency_code = rows_summed_to_orders.currency_code
    group by
        match_groups.leg_code, match_groups.recon_key, match_groups.currency_code, rows_summed_to_orders.change_amount
    having sum(match_groups.variance_amount) = rows_summed_to_orders.change_amount
),

-- distinct: several documents of one order may be deleted
deleted_documents as (
    select distinct
        leg_code,
        recon_key,
        currency_code
    from {{ ref('int_deleted_documents') }}
),

told as (
    select
        match_groups.match_id,
        match_groups.variance_amount
    from match_groups
    inner join rows_summed_to_groups
        on match_groups.leg_code = rows_summed_to_groups.leg_code
        and match_groups.anchor_key = rows_summed_to_groups.anchor_key
        and match_groups.currency_code = rows_summed_to_groups.currency_code
        and match_groups.variance_amount = rows_summed_to_groups.change_amount
    where match_groups.variance_amount <> 0
    union all
    select
        match_groups.match_id,
        match_groups.variance_amount
    from match_groups
    inner join groups_summed_to_orders
        on match_groups.leg_code = groups_summed_to_orders.leg_code
        and match_groups.recon_key = groups_summed_to_orders.recon_key
        and match_groups.currency_code = groups_summed_to_orders.currency_code
    left join rows_summed_to_groups
        on match_groups.leg_code = rows_summed_to_groups.leg_code
        and match_groups.anchor_key = rows_summed_to_groups.anchor_key
        and match_groups.currency_code = rows_summed_to_groups.currency_code
    where rows_summed_to_groups.anchor_key is null
    union all
    select
        match_groups.match_id,
        match_groups.variance_amount
    from match_groups
    inner join deleted_documents
        on match_groups.leg_code = deleted_documents.leg_code
        and match_groups.recon_key = deleted_documents.recon_key
        and match_groups.currency_code = deleted_documents.currency_code
),

-- distinct: a group may lack a document that was deleted and hold one that was restated
final as (
    select distinct
        match_id,
        variance_amount
    from told
)

select * from final
