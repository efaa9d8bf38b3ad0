-- Grain: one row per member of a match group: an expectation or a piece of evidence.
-- Trap: allocated_amount of the two sides of a group need not be equal: the residual is on fct_matches. Members of a
-- suggested match (fct_matches.match_kind) are allocated to nothing yet, and may stand in several suggestions.

with match_groups as (
    select
        match_id,
        leg_code,
        anchor_key,
        currency_code,
        recon_key
    from {{ ref('int_match_groups') }}
    where (evidence_count > 0 or is_assigned)
        and not {{ is_synthetic('tenant') }}
),

expectations as (
    select * from {{ ref('int_anchored_expectations') }}
),

evidence as (
    select * from {{ ref('int_anchored_evidence') }}
    where anchor_key is not null
        and not is_test
),

expected_members as (
    select
        match_groups.match_id,
        match_groups.leg_code,
        'expected' as side,
        expectations.source_system,
        'orders' as stream,
        expectations.native_id,
        expectations.line_key as line_no,
        expectations.recon_key,
        expectations.currency_code,
        expectations.expected_amount as allocated_amount,
        expectations.expected_quantity as allocated_quantity,
        expectations.stated_amount,
        expectations.stated_quantity,
        expectations.decided_by_id
    from expectations
    inner join match_groups
        on expectations.leg_code = match_groups.leg_code
        and expectations.anchor_key = match_groups.anchor_key
        and expectations.currency_code = match_groups.currency_code
),

actual_members as (
    select
        match_groups.match_id,
        match_groups.leg_code,
        'actual' as side,
        evidence.source_system,
        evidence.stream,
        evidence.native_id,
        evidence.line_no,
        -- Evidence that names no order has that of its match, so that what belongs to an order lies beside it.
        coalesce(evidence.recon_key, match_groups.recon_key) as recon_key,
        evidence.currency_code,
        evidence.actual_amount as allocated_amount,
        evidence.actual_quantity as allocated_quantity,
        evidence.stated_amount,
        evidence.stated_quantity,
        evidence.decided_by_id
    from evidence
    inner join match_groups
        on evidence.leg_code = match_groups.leg_code
        and evidence.anchor_key = match_groups.anchor_key
        and evidence.currency_code = match_groups.currency_code
),

suggested_members as (
    select
        match_id,
        leg_code,
        side_code as side,
        source_system,
        stream,
        native_id,
        cast(null as {{ dbt.type_string() }}) as line_no,
        recon_key,
        currency_code,
        item_amount as allocated_amount,
        {{ quantity('0') }} as allocated_quantity,
        item_amount as stated_amount,
        {{ quantity('0') }} as stated_quantity,
        cast(null as {{ dbt.type_string() }}) as decided_by_id
    from {{ ref('int_suggested_groups') }}
    where not {{ is_synthetic('tenant') }}
),

final as (
    select * from expected_members
    union all
    select * from actual_members
    union all
    select * from suggested_members
)

select * from final
