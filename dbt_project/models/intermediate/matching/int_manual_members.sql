-- Grain: one row per expectation or evidence row that an approved match by hand has put under one group.
-- Trap: a match by hand holds as a whole: when a member has another amount, its order a newer version, or a member is
-- somewhere else by an earlier decision, none of it is here. What it comes to is judged like any other group.

with listed as (
    select
        approval_id,
        tenant,
        leg_code,
        currency_code,
        reason,
        in_force_at,
        {{ unnest_json_list('members_document') }} as member
    from {{ ref('int_decisions_in_force') }}
    where action_code = 'manual_match'
),

listed_members as (
    select
        approval_id,
        tenant,
        leg_code,
        currency_code,
        reason,
        in_force_at,
        {{ json_text('member', 'side_code') }} as side_code,
        {{ json_text('member', 'source_system') }} as source_system,
        {{ json_text('member', 'document_ref') }} as native_id,
        -- Null where the document was in no group: then its name and amount must be enough.
        {{ json_text('member', 'document_line') }} as line_no,
        abs(cast({{ json_text('member', 'amount') }} as decimal(18, 4))) as size_amount,
        cast({{ json_text('member', 'order_version') }} as bigint) as version_no
    from listed
),

orders as (
    select
        recon_key,
        version_no
    from {{ ref('int_orders') }}
),

found_expectations as (
    select
        listed_members.approval_id,
        listed_members.tenant,
        listed_members.reason,
        listed_members.in_force_at,
        'expected' as side_code,
        expectations.leg_code,
        expectations.currency_code,
        expectations.anchor_key as own_anchor_key,
        cast(null as {{ dbt.type_string() }}) as source,
        cast(null as {{ dbt.type_string() }}) as stream,
        expectations.native_id,
        coalesce(expectations.line_key, '') as line_no,
        expectations.expected_amount as member_amount
    from listed_members
    inner join {{ ref('int_expectations') }} as expectations
        on listed_members.leg_code = expectations.leg_code
        and listed_members.tenant = expectations.tenant
        and listed_members.currency_code = expectations.currency_code
        and listed_members.source_system = expectations.source_system
        and listed_members.native_id = expectations.native_id
        and coalesce(listed_members.line_no, expectations.line_key, '') = coalesce(expectations.line_key, '')
        and listed_members.size_amount = abs(expectations.expected_amount)
    left join orders
        on expectations.recon_key = orders.recon_key
    where listed_members.side_code = 'expected'
        and coalesce(orders.version_no, 0) = coalesce(listed_members.version_no, 0)
),

found_evidence as (
    select
        listed_members.approval_id,
        listed_members.tenant,
        listed_members.reason,
        listed_members.in_force_at,
        'actual' as side_code,
        evidence.leg_code,
        evidence.currency_code,
        evidence.anchor_key as own_anchor_key,
        evidence.source,
        evidence.stream,
        evidence.native_id,
        coalesce(evidence.line_no, '') as line_no,
        evidence.actual_amount as member_amount,
        evidence._row_key
    from listed_members
    inner join {{ ref('int_evidence') }} as evidence
        on listed_members.leg_code = evidence.leg_code
        and listed_members.tenant = evidence.tenant
        and listed_members.currency_code = evidence.currency_code
        and listed_members.source_system = evidence.source_system
        and listed_members.native_id = evidence.native_id
        and coalesce(listed_members.line_no, evidence.line_no, '') = coalesce(evidence.line_no, '')
        and listed_members.size_amount = abs(evidence.actual_amount)
    where listed_members.side_code = 'actual'
        and not evidence.is_test
),

found_members as (
    select
        *,
        null as _row_key
    from found_expectations
    union all
    select * from found_evidence
),

listed_counts as (
    select
        approval_id,
        count(*) as listed_count
    from listed_members
    group by approval_id
),

found_sums as (
    select
        approval_id,
        leg_code,
        count(*) as found_count,
        count(distinct case when side_code = 'expected' then own_anchor_key end) as expected_count,
        {{ count_if("side_code = 'actual'") }} as actual_count,
        min(case when side_code = 'expected' then own_anchor_key end) as first_anchor_key,
        {{ money("sum(case when side_code = 'actual' then member_amount else -member_amount end)") }} as variance_amount
    from found_members
    group by approval_id, leg_code
),

-- A document that bears the key of an order goes nowhere without that order: to move it is a key changed by hand.
strays as (
    -- distinct: several documents of one match may be strays
    select distinct moved.approval_id
    from found_members as moved
    left join found_members as places
        on moved.approval_id = places.approval_id
        and moved.own_anchor_key = places.own_anchor_key
        and places.side_code = 'expected'
    where moved.side_code = 'actual'
        and moved.own_anchor_key is not null
        and places.approval_id is null
),

-- Several orders are settled in common only to the cent: a difference would be nobody's.
whole as (
    select found_sums.*
    from found_sums
    inner join listed_counts
        on found_sums.approval_id = listed_counts.approval_id
        and found_sums.found_count = listed_counts.listed_count
    inner join {{ ref('legs') }} as legs
        on found_sums.leg_code = legs.leg_code
    left join strays
        on found_sums.approval_id = strays.approval_id
    where strays.approval_id is null
        and found_sums.expected_count > 0
        and found_sums.actual_count > 0
        and (
            found_sums.expected_count = 1
            or (found_sums.variance_amount = 0 and legs.measure_code = 'amount')
        )
),

ranked as (
    select
        found_members.*,
        whole.expected_count,
        whole.actual_count,
        whole.first_anchor_key,
        row_number() over (
            partition by
                found_members.leg_code,
                found_members.side_code,
                found_members.currency_code,
                coalesce(found_members.source, found_members.own_anchor_key),
                found_members.stream,
                found_members._row_key,
                found_members.native_id,
                found_members.line_no
            order by found_members.in_force_at asc nulls last, found_members.approval_id asc nulls last
        ) as claim_no
    from found_members
    inner join whole
        on found_members.approval_id = whole.approval_id
),

second_claims as (
    -- distinct: several members of one match may be somewhere else already
    select distinct approval_id
    from ranked
    where claim_no > 1
),

final as (
    select
        ---------- keys
        ranked.approval_id,
        ranked.leg_code,
        ranked.side_code,
        ranked.currency_code,
        case
            when ranked.expected_count = 1 then ranked.first_anchor_key
            else 'manual|' || ranked.approval_id
        end as anchor_key,
        ranked.own_anchor_key,
        ranked.tenant,
        ranked.source,
        ranked.stream,
        ranked.native_id,
        ranked.line_no,

        ---------- strings
        ranked.reason,

        ---------- numerics
        ranked.expected_count,
        ranked.actual_count,

        ---------- provenance
        ranked._row_key
    from ranked
    left join second_claims
        on ranked.approval_id = second_claims.approval_id
    where second_claims.approval_id is null
)

select * from final
