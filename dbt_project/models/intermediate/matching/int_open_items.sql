-- Grain: one row per (leg_code, side_code, currency_code, item_key): a member that no key has matched.
-- Trap: only where both sides have such members; a damaged or ambiguous reference is never matched by amount.

with candidate_rules as (
    select * from {{ ref('candidate_rules') }}
),

evidence as (
    select * from {{ ref('int_evidence') }}
    where anchor_key is null
        -- A part of a payment of several orders has its keys from the invoice.
        and (leg_code <> 'payment' or line_no is null)
        and not is_test
        and currency_code is not null
),

-- What a decision by hand has put somewhere is open no more.
manual_members as (
    select * from {{ ref('int_manual_members') }}
),

open_evidence as (
    select
        evidence.leg_code,
        evidence.tenant,
        evidence.currency_code,
        {{ evidence_item_key('evidence.source', 'evidence.stream', 'evidence._row_key') }} as item_key,
        evidence.native_id,
        evidence.source_system,
        evidence.stream,
        evidence.order_ref,
        evidence.actual_amount as item_amount,
        cast(evidence.event_at as date) as item_on
    from evidence
    inner join candidate_rules
        on evidence.leg_code = candidate_rules.leg_code
        and cast(evidence.event_at as date) >= candidate_rules.effective_from
        and cast(evidence.event_at as date) < coalesce(candidate_rules.effective_to, {{ end_of_time() }})
        and strpos(candidate_rules.open_ref_statuses, evidence.ref_status) > 0
    left join manual_members
        on evidence.leg_code = manual_members.leg_code
        and evidence.source = manual_members.source
        and evidence.stream = manual_members.stream
        and evidence._row_key = manual_members._row_key
        and manual_members.side_code = 'actual'
    where evidence.actual_amount <> 0
        and manual_members.approval_id is null
),

blocks as (
    -- distinct: a block has many items
    select distinct
        leg_code,
        tenant,
        currency_code
    from open_evidence
),

-- What is expected in these blocks, and what keys have brought to it: one pass, as in int_leg_groups. Where a key has
-- brought only what was taken back (a returned deposit, a refund), what came before it is still looked for.
members as (
    select
        expectations.leg_code,
        expectations.tenant,
        expectations.currency_code,
        expectations.anchor_key,
        expectations.native_id,
        expectations.source_system,
        expectations.expected_amount,
        expectations.business_on,
        0 as incoming_count,
        0 as outgoing_count
    from {{ ref('int_expectations') }} as expectations
    inner join blocks
        on expectations.leg_code = blocks.leg_code
        and expectations.tenant = blocks.tenant
        and expectations.currency_code = blocks.currency_code
    left join manual_members
        on expectations.leg_code = manual_members.leg_code
        and expectations.anchor_key = manual_members.own_anchor_key
        and expectations.currency_code = manual_members.currency_code
        and manual_members.side_code = 'expected'
    where manual_members.approval_id is null
    union all
    select
        evidence.leg_code,
        evidence.tenant,
        evidence.currency_code,
        evidence.anchor_key,
        cast(null as {{ dbt.type_string() }}) as native_id,
        cast(null as {{ dbt.type_string() }}) as source_system,
        {{ money('0') }} as expected_amount,
        cast(null as date) as business_on,
        case when evidence.actual_amount >= 0 then 1 else 0 end as incoming_count,
        case when evidence.actual_amount <= 0 then 1 else 0 end as outgoing_count
    from {{ ref('int_evidence') }} as evidence
    inner join blocks
        on evidence.leg_code = blocks.leg_code
        and evidence.tenant = blocks.tenant
        and evidence.currency_code = blocks.currency_code
    where evidence.anchor_key is not null
),

open_expectations as (
    select
        leg_code,
        tenant,
        currency_code,
        anchor_key as item_key,
        min(native_id) as native_id,
        min(source_system) as source_system,
        {{ money('sum(expected_amount)') }} as item_amount,
        min(business_on) as item_on
    from members
    group by leg_code, tenant, currency_code, anchor_key
    having min(business_on) is not null
        and (
            (sum(expected_amount) > 0 and sum(incoming_count) = 0)
            or (sum(expected_amount) < 0 and sum(outgoing_count) = 0)
        )
),

expected_blocks as (
    -- distinct: a block has many items
    select distinct
        leg_code,
        tenant,
        currency_code
    from open_expectations
),

items as (
    select
        'expected' as side_code,
        leg_code,
        tenant,
        currency_code,
        item_key,
        native_id,
        source_system,
        'orders' as stream,
        '' as order_ref,
        item_amount,
        item_on
    from open_expectations
    union all
    select
        'actual' as side_code,
        open_evidence.leg_code,
        open_evidence.tenant,
        open_evidence.currency_code,
        open_evidence.item_key,
        open_evidence.native_id,
        open_evidence.source_system,
        open_evidence.stream,
        coalesce(open_evidence.order_ref, '') as order_ref,
        open_evidence.item_amount,
        open_evidence.item_on
    from open_evidence
    inner join expected_blocks
        on open_evidence.leg_code = expected_blocks.leg_code
        and open_evidence.tenant = expected_blocks.tenant
        and open_evidence.currency_code = expected_blocks.currency_code
),

item_texts as (
    {%- for leg_code in var('candidate_legs') %}
    select * from {{ ref('int_item_texts__' ~ leg_code) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

final as (
    select
        ---------- keys
        items.leg_code,
        items.side_code,
        items.tenant,
        items.item_key,
        items.native_id,

        ---------- strings
        items.source_system,
        items.stream,
        items.currency_code,
        item_texts.party_code,
        trim(coalesce(item_texts.item_text, '') || ' ' || items.order_ref) as item_text,

        ---------- numerics
        items.item_amount,

        ---------- dates
        items.item_on
    from items
    left join item_texts
        on items.leg_code = item_texts.leg_code
        and items.side_code = item_texts.side_code
        and items.item_key = item_texts.item_key
)

select * from final
