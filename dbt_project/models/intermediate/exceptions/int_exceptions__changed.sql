-- Grain: one row per order and document whose value was changed by hand and not approved.
-- Trap: an approval holds for this very exception, and the values are part of its id: changed by hand once more, it is told
-- again. What the change makes of the order's legs is told there.

with changed as (
    select * from {{ ref('int_values_changed_by_hand') }}
),

-- union, not union all: one row may be evidence on several legs, and of several orders
rows_of_orders as (
    {%- for relation, condition in {
        'int_order_documents': 'true',
        'int_order_lines__keyed': 'true',
        'int_invoice_rows__placed': 'true',
        'int_evidence': "stored.leg_code <> 'payout'",
    }.items() %}
    select
        changed.source,
        changed.stream,
        changed._row_key,
        stored.recon_key
    from changed
    inner join {{ ref(relation) }} as stored
        on changed.source = stored.source
        and changed.stream = stored.stream
        and changed._row_key = stored._row_key
    where stored.recon_key is not null
        and {{ condition }}
    {%- if not loop.last %}
    union
    {%- endif %}
    {%- endfor %}
),

orders as (
    select
        recon_key,
        currency_code,
        is_test
    from {{ ref('int_orders') }}
),

worded as (
    select
        changed.*,
        orders.recon_key,
        orders.currency_code,
        case
            when changed.stated_amount <> changed.first_amount
            then 'amount ' || {{ amount_text('changed.stated_amount') }} || ' instead of '
                || {{ amount_text('changed.first_amount') }}
            when changed.stated_quantity <> changed.first_quantity
            then 'quantity ' || {{ quantity_text('changed.stated_quantity') }} || ' instead of '
                || {{ quantity_text('changed.first_quantity') }}
            when changed.stated_rate <> changed.first_rate
            then 'price ' || {{ rate_text('changed.stated_rate') }} || ' instead of '
                || {{ rate_text('changed.first_rate') }}
            else 'another value, or one where there was none'
        end as change_note
    from changed
    inner join rows_of_orders
        on changed.source = rows_of_orders.source
        and changed.stream = rows_of_orders.stream
        and changed._row_key = rows_of_orders._row_key
    inner join orders
        on rows_of_orders.recon_key = orders.recon_key
    where not orders.is_test
),

approved as (
    -- distinct: the same change may have been approved twice
    select distinct exception_id
    from {{ ref('int_decisions_in_force') }}
    where action_code = 'value_change'
),

found as (
    select
        ---------- keys
        'CTL_OVERRIDE' as exception_code,
        '' as leg_code,
        tenant,
        recon_key,
        '' as line_key,
        source || '.' || stream || ' ' || native_id || ' ' || {{ joined_parts([
            'stated_amount', 'stated_quantity', 'stated_rate',
        ]) }} as fact_key,
        native_id as native_ref,
        source_system,
        cast(null as {{ dbt.type_string() }}) as match_id,

        ---------- strings
        coalesce(currency_code, '') as currency_code,
        source || '.' || stream || ' ' || native_id || ' states ' || change_note || ', under the stamp of '
        || cast(stamped_at as {{ dbt.type_string() }}) || ' that it had before: ' || source_system
        || ' has stamped no change, so it was made by hand (' || rule_id || ' v'
        || cast(rule_version as {{ dbt.type_string() }})
        || '). Held until somebody else has approved the value, or the system states its own.' as explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        {{ money('abs(coalesce(stated_amount, 0) - coalesce(first_amount, 0))') }} as leak_amount,
        first_amount as expected_value_amount,
        stated_amount as actual_value_amount,

        ---------- timestamps
        changed_at as opened_at
    from worded
),

with_ids as (
    select
        *,
        {{ exception_id('found') }} as exception_id
    from found
),

final as (
    select with_ids.*
    from with_ids
    left join approved
        on with_ids.exception_id = approved.exception_id
    where approved.exception_id is null
)

select * from final
