-- Grain: one row per expectation or evidence row one of whose values was replaced by an approved decision.
-- Trap: the document keeps what it states; only what its leg compares is replaced, and only while the document states
-- the very value that was looked at and its order has the version that was looked at.

with decisions as (
    select * from {{ ref('int_decisions_in_force') }}
    where action_code = 'value_override'
),

orders as (
    select
        recon_key,
        version_no
    from {{ ref('int_orders') }}
),

decisions_of_versions as (
    select decisions.*
    from decisions
    inner join orders
        on decisions.recon_key = orders.recon_key
        and decisions.version_no = orders.version_no
),

-- In a match of several orders no value is replaced: it was approved to the cent as it is.
shared_members as (
    select * from {{ ref('int_manual_members') }}
    where expected_count > 1
),

values_found as (
    select
        decisions.approval_id,
        decisions.in_force_at,
        'expected' as side_code,
        expectations.leg_code,
        expectations.currency_code,
        expectations.anchor_key,
        cast(null as {{ dbt.type_string() }}) as source,
        cast(null as {{ dbt.type_string() }}) as stream,
        expectations.native_id,
        coalesce(expectations.line_key, '') as line_no,
        decisions.value_code,
        decisions.stated_value,
        decisions.decided_value,
        decisions.reason,
        null as _row_key
    from decisions_of_versions as decisions
    inner join {{ ref('int_expectations') }} as expectations
        on decisions.leg_code = expectations.leg_code
        and decisions.recon_key = expectations.recon_key
        and decisions.currency_code = expectations.currency_code
        and decisions.source_system = expectations.source_system
        and decisions.document_ref = expectations.native_id
        and coalesce(decisions.document_line, '') = coalesce(expectations.line_key, '')
    left join shared_members
        on expectations.leg_code = shared_members.leg_code
        and expectations.anchor_key = shared_members.own_anchor_key
        and expectations.currency_code = shared_members.currency_code
        and shared_members.side_code = 'expected'
    where decisions.side_code = 'expected'
        and shared_members.approval_id is null
        and decisions.stated_value = case
            when decisions.value_code = 'amount' then cast(expectations.expected_amount as decimal(24, 6))
            when decisions.value_code = 'quantity' then expectations.expected_quantity
        end
    union all
    select
        decisions.approval_id,
        decisions.in_force_at,
        'actual' as side_code,
        evidence.leg_code,
        evidence.currency_code,
        evidence.anchor_key,
        evidence.source,
        evidence.stream,
        evidence.native_id,
        coalesce(evidence.line_no, '') as line_no,
        decisions.value_code,
        decisions.stated_value,
        decisions.decided_value,
        decisions.reason,
        evidence._row_key
    from decisions_of_versions as decisions
    inner join {{ ref('int_evidence') }} as evidence
        on decisions.leg_code = evidence.leg_code
        and decisions.recon_key = evidence.recon_key
        and decisions.currency_code = evidence.currency_code
        and decisions.source_system = evidence.source_system
        and decisions.document_ref = evidence.native_id
        and coalesce(decisions.document_line, '') = coalesce(evidence.line_no, '')
    left join shared_members
        on evidence.leg_code = shared_members.leg_code
        and evidence.source = shared_members.source
        and evidence.stream = shared_members.stream
        and evidence._row_key = shared_members._row_key
        and shared_members.side_code = 'actual'
    where decisions.side_code = 'actual'
        and evidence.anchor_key is not null
        and not evidence.is_test
        and shared_members.approval_id is null
        and decisions.stated_value = case
            when decisions.value_code = 'amount' then cast(evidence.actual_amount as decimal(24, 6))
            when decisions.value_code = 'quantity' then evidence.actual_quantity
        end
),

-- One document was approved: where two bear its name and value, it cannot be said which, and neither is touched.
ranked as (
    select
        *,
        count(*) over (partition by approval_id) as document_count,
        row_number() over (
            partition by leg_code, side_code, currency_code, anchor_key, source, stream, _row_key, native_id, line_no
            order by in_force_at desc nulls last, approval_id desc nulls last
        ) as recency
    from values_found
),

final as (
    select
        ---------- keys
        approval_id,
        leg_code,
        side_code,
        currency_code,
        anchor_key,
        'mt_' || {{ dbt.hash(joined_parts(['leg_code', 'anchor_key', 'currency_code'])) }} as match_id,
        source,
        stream,
        native_id,
        line_no,

        ---------- strings
        value_code,
        native_id || ' counts with '
        || case
            when value_code = 'amount' then {{ amount_text('decided_value') }} || ' ' || currency_code
            else {{ quantity_text('decided_value') }}
        end || ' instead of '
        || case
            when value_code = 'amount' then {{ amount_text('stated_value') }}
            else {{ quantity_text('stated_value') }}
        end || ' (' || approval_id || '): ' || reason as value_note,

        ---------- numerics
        stated_value,
        decided_value,

        ---------- provenance
        _row_key
    from ranked
    where document_count = 1
        and recency = 1
)

select * from final
