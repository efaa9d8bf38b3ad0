-- Grain: one row per payment or invoice that its source deleted and that is all its order lacks.
-- Trap: the class of the group that is open again is not told as well (int_restated_groups).

with deleted_documents as (
    select * from {{ ref('int_deleted_documents') }}
),

final as (
    select
        ---------- keys
        'ING_SOURCE_DELETED' as exception_code,
        leg_code,
        tenant,
        recon_key,
        '' as line_key,
        source || '.' || stream || ' ' || native_id as fact_key,
        native_id as native_ref,
        source_system,
        cast(null as {{ dbt.type_string() }}) as match_id,

        ---------- strings
        currency_code,
        source || '.' || stream || ' ' || native_id || ' of ' || {{ amount_text('amount') }} || ' ' || currency_code
        || ' was deleted at its source after it had been read: what it was matched with is open again.' as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        {{ money('abs(amount)') }} as leak_amount,
        amount as expected_value_amount,
        {{ money('0') }} as actual_value_amount,

        ---------- timestamps
        deleted_at as opened_at
    from deleted_documents
)

select * from final
