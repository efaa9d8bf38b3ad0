-- Grain: one row per synthetic order with another outcome than expected, and one per order that came in the name of the
-- synthetic ones and is none of their cases.
-- Trap: no money is at risk; what is broken is the system itself, so every other figure is in doubt.

with outcomes as (
    select * from {{ ref('int_synthetic_outcomes') }}
    where result_code = 'FAIL'
),

orders as (
    select * from {{ ref('int_orders') }}
    where is_synthetic
),

cases as (
    select case_id from {{ ref('synthetic_cases') }}
),

facts as (
    select
        'synthetic' as tenant,
        cast(injected_on as {{ dbt.type_string() }}) || ' ' || case_id as fact_key,
        'The synthetic order of ' || cast(injected_on as {{ dbt.type_string() }}) || ', case ' || case_id
        || case
            when actual_state = 'missing' then ', did not arrive with the others of its day.'
            else
                ', should be ' || case when expected_codes = '' then 'without an exception' else expected_codes end
                || case when expected_state = '' then '' else ' and ' || expected_state end
                || '; it is ' || case when actual_codes = '' then 'without an exception' else actual_codes end
                || case when actual_state = '' then '' else ' and ' || actual_state end || '.'
        end as explanation,
        cast(injected_on as timestamp) as opened_at
    from outcomes
    union all
    select
        'synthetic' as tenant,
        orders.order_id as fact_key,
        'Order ' || orders.order_id || ' came under the tenant ' || orders.tenant
        || ', which is kept for synthetic orders, and is none of their cases: no figure counts it.' as explanation,
        orders.known_from as opened_at
    from orders
    left join cases
        on orders.tenant = '{{ var("synthetic_prefix") }}' || cases.case_id
    where cases.case_id is null
        or substring(orders.order_id, 1, 4) <> 'SYN-'
),

final as (
    select
        ---------- keys
        'SYS_SYNTHETIC_FAIL' as exception_code,
        '' as leg_code,
        tenant,
        cast(null as {{ dbt.type_string() }}) as recon_key,
        '' as line_key,
        fact_key,
        fact_key as native_ref,
        '' as source_system,
        cast(null as {{ dbt.type_string() }}) as match_id,

        ---------- strings
        '' as currency_code,
        explanation,
        cast(null as {{ dbt.type_string() }}) as leak_kind,
        cast(null as {{ dbt.type_string() }}) as assignee_id,
        cast(null as {{ dbt.type_string() }}) as incident_cause,

        ---------- numerics
        {{ money('0') }} as leak_amount,
        cast(null as decimal(18, 4)) as expected_value_amount,
        cast(null as decimal(18, 4)) as actual_value_amount,

        ---------- timestamps
        opened_at
    from facts
)

select * from final
