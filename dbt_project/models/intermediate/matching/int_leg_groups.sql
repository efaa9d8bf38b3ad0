-- Grain: one row per (leg_code, anchor_key, currency_code): everything expected and reported under one key.
-- Trap: this sums members before they are compared, so no join can double a member.

{{ config(materialized='view') }}

with expectations as (
    select * from {{ ref('int_anchored_expectations') }}
),

evidence as (
    select * from {{ ref('int_anchored_evidence') }}
    where anchor_key is not null
        and not is_test
),

-- One list of members and one pass over it: no join between the sides at all.
members as (
    select
        leg_code,
        anchor_key,
        currency_code,
        recon_key,
        tenant,
        source,
        1 as expectation_count,
        0 as evidence_count,
        expected_amount,
        {{ money('0') }} as actual_amount,
        coalesce(ceiling_amount, expected_amount) as ceiling_amount,
        explained_amount,
        explained_class,
        rounding_count,
        expected_quantity,
        {{ quantity('0') }} as actual_quantity,
        {{ money('0') }} as received_amount,
        {{ money('0') }} as returned_amount,
        cast(0 as bigint) as instalment_count,
        business_on,
        due_at,
        seller_id,
        case when decided_by_id is null then 0 else 1 end as decided_count,
        cast(null as timestamp) as event_at,
        cast(null as timestamp) as known_at
    from expectations
    union all
    select
        leg_code,
        anchor_key,
        currency_code,
        recon_key,
        tenant,
        source,
        0 as expectation_count,
        1 as evidence_count,
        {{ money('0') }} as expected_amount,
        actual_amount,
        {{ money('0') }} as ceiling_amount,
        cast(null as decimal(18, 4)) as explained_amount,
        cast(null as {{ dbt.type_string() }}) as explained_class,
        cast(0 as bigint) as rounding_count,
        {{ quantity('0') }} as expected_quantity,
        actual_quantity,
        case when actual_amount > 0 then actual_amount else {{ money('0') }} end as received_amount,
        case when actual_amount < 0 then -actual_amount else {{ money('0') }} end as returned_amount,
        instalment_count,
        cast(null as date) as business_on,
        cast(null as timestamp) as due_at,
        seller_id,
        case when decided_by_id is null then 0 else 1 end as decided_count,
        event_at,
        known_at
    from evidence
),

final as (
    select
        ---------- keys
        leg_code,
        anchor_key,
        currency_code,
        -- A group of several orders belongs to none of them.
        case when min(recon_key) = max(recon_key) then min(recon_key) end as recon_key,
        min(tenant) as tenant,
        min(case when expectation_count = 1 then source end) as order_source,
        min(source) as any_source,
        min(seller_id) as seller_id,

        ---------- strings
        max(explained_class) as explained_class,

        ---------- numerics
        cast(sum(expectation_count) as bigint) as expectation_count,
        cast(sum(evidence_count) as bigint) as evidence_count,
        {{ money('sum(expected_amount)') }} as expected_amount,
        {{ money('sum(actual_amount)') }} as actual_amount,
        {{ money('sum(ceiling_amount)') }} as ceiling_amount,
        {{ money('sum(explained_amount)') }} as explained_amount,
        cast(sum(rounding_count) as bigint) as rounding_count,
        {{ quantity('sum(expected_quantity)') }} as expected_quantity,
        {{ quantity('sum(actual_quantity)') }} as actual_quantity,
        {{ money('sum(received_amount)') }} as received_amount,
        {{ money('sum(returned_amount)') }} as returned_amount,
        max(instalment_count) as instalment_count,

        ---------- booleans
        max(decided_count) > 0 as has_decided_value,

        ---------- dates
        min(business_on) as business_on,

        ---------- timestamps
        min(due_at) as due_at,
        max(event_at) as last_event_at,
        max(known_at) as last_known_at
    from members
    group by leg_code, anchor_key, currency_code
)

select * from final
