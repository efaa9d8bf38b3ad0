-- Grain: one row per document of evidence whose amount or quantity came again and differs.
-- Trap: where the change is all that is wrong with its group, the group's own class is not told as well
-- (int_restated_groups).

with restated_documents as (
    select * from {{ ref('int_restated_documents') }}
),

final as (
    select
        ---------- keys
        'ING_RESTATED' as exception_code,
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
        source || '.' || stream || ' ' || native_id || ' came again with '
        || case
            when change_quantity = 0 then {{ amount_text('actual_amount') }} || ' ' || currency_code || ', a change of '
                || {{ amount_text('change_amount') }}
            else {{ quantity_text('abs(change_quantity)') }} || case when change_quantity > 0 then ' more' else ' less' end
                || ', worth ' || {{ amount_text('abs(change_amount)') }} || ' ' || currency_code
        end
        || ': the new version holds, what was matched before was matched again.' as explanation,
        -- Goods that left differ: fewer or more of them cost us.
        case when change_quantity = 0 and change_amount > 0 then 'owed' else 'loss' end as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        {{ money('abs(change_amount)') }} as leak_amount,
        {{ money('actual_amount - change_amount') }} as expected_value_amount,
        actual_amount as actual_value_amount,

        ---------- timestamps
        restated_at as opened_at
    from restated_documents
)

select * from final
