-- Grain: one row per document whose reconciliation key was changed by hand and not approved.
-- Trap: an approval holds for this document and this order: moved on to a third one, it is told again. What the change
-- makes of the two orders' legs is told there.

with rekeyed as (
    select * from {{ ref('int_rekeyed_documents') }}
),

approved as (
    -- distinct: the same change may have been approved twice
    select distinct
        tenant,
        recon_key,
        document_ref
    from {{ ref('int_decisions_in_force') }}
    where action_code = 'key_override'
),

evidence_summed as (
    select
        evidence.source,
        evidence.stream,
        evidence._row_key,
        min(evidence.currency_code) as currency_code,
        {{ money('sum(evidence.actual_amount)') }} as document_amount
    from {{ ref('int_evidence') }} as evidence
    inner join rekeyed
        on evidence.source = rekeyed.source
        and evidence.stream = rekeyed.stream
        and evidence._row_key = rekeyed._row_key
    where evidence.leg_code <> 'payout'
    group by evidence.source, evidence.stream, evidence._row_key
),

final as (
    select
        ---------- keys
        'KEY_MISMATCH_OVERRIDE' as exception_code,
        '' as leg_code,
        rekeyed.tenant,
        rekeyed.recon_key,
        '' as line_key,
        rekeyed.source || '.' || rekeyed.stream || ' ' || rekeyed.native_id as fact_key,
        rekeyed.native_id as native_ref,
        rekeyed.source_system,
        cast(null as {{ dbt.type_string() }}) as match_id,

        ---------- strings
        coalesce(evidence_summed.currency_code, '') as currency_code,
        rekeyed.source || '.' || rekeyed.stream || ' ' || rekeyed.native_id || ' named order ' || rekeyed.first_order_ref
        || ' and names ' || rekeyed.order_ref
        || ' since: held until somebody else has approved the new key, or the old one stands again.' as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        coalesce({{ money('abs(evidence_summed.document_amount)') }}, {{ money('0') }}) as leak_amount,
        cast(null as decimal(18, 4)) as expected_value_amount,
        evidence_summed.document_amount as actual_value_amount,

        ---------- timestamps
        rekeyed.rekeyed_at as opened_at
    from rekeyed
    left join approved
        on rekeyed.tenant = approved.tenant
        and rekeyed.recon_key = approved.recon_key
        and rekeyed.native_id = approved.document_ref
    left join evidence_summed
        on rekeyed.source = evidence_summed.source
        and rekeyed.stream = evidence_summed.stream
        and rekeyed._row_key = evidence_summed._row_key
    where approved.document_ref is null
)

select * from final
