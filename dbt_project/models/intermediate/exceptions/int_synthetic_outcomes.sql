-- Grain: one row per (injected_on, case_id): a synthetic order of a day, what must be found of it and what was found.
-- Trap: this reads the exceptions before the synthetic ones are taken out; no figure may be built on it.

with cases as (
    select * from {{ ref('synthetic_cases') }}
),

orders as (
    select
        recon_key,
        tenant,
        order_id,
        substring(tenant, length('{{ var("synthetic_prefix") }}') + 1) as case_id,
        substring(order_id, 5, 8) as day_code
    from {{ ref('int_orders') }}
    where is_synthetic
),

-- A day was injected when an order of any case of it arrived; a case that did not arrive with it has failed.
days as (
    -- distinct: a day has several cases
    select distinct
        day_code,
        cast(
            substring(day_code, 1, 4) || '-' || substring(day_code, 5, 2) || '-' || substring(day_code, 7, 2) as date
        ) as injected_on
    from orders
    where length(order_id) > 13
        and substring(order_id, 1, 4) = 'SYN-'
),

expected as (
    select
        days.injected_on,
        days.day_code,
        cases.case_id,
        cases.family_code,
        cases.title,
        coalesce(cases.expected_codes, '') as expected_codes,
        coalesce(cases.expected_state, '') as expected_state
    from days
    inner join cases
        on days.injected_on >= cases.effective_from
        and days.injected_on < coalesce(cases.effective_to, {{ end_of_time() }})
),

order_states as (
    select
        recon_key,
        state_code
    from {{ ref('int_order_states') }}
),

found as (
    {%- for family in var('exception_families') if family != 'synthetic' %}
    select
        exception_code,
        tenant,
        recon_key,
        native_ref
    from {{ ref('int_exceptions__' ~ family) }}
    where {{ is_synthetic('tenant') }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

found_on_days as (
    -- distinct: a case may show a class on several of its documents
    select distinct
        substring(found.tenant, length('{{ var("synthetic_prefix") }}') + 1) as case_id,
        coalesce(orders.day_code, substring(found.native_ref, 5, 8)) as day_code,
        found.exception_code
    from found
    left join orders
        on found.recon_key = orders.recon_key
),

codes_of_cases as (
    select
        case_id,
        day_code,
        {{ joined_in_order('exception_code', 'exception_code') }} as actual_codes
    from found_on_days
    group by case_id, day_code
),

final as (
    select
        ---------- keys
        expected.injected_on,
        expected.case_id,
        orders.recon_key,

        ---------- strings
        expected.family_code,
        expected.title,
        expected.expected_codes,
        coalesce(codes_of_cases.actual_codes, '') as actual_codes,
        expected.expected_state,
        coalesce(order_states.state_code, case when orders.recon_key is null then 'missing' else '' end) as actual_state,
        case
            when orders.recon_key is null then 'FAIL'
            when expected.expected_codes <> coalesce(codes_of_cases.actual_codes, '') then 'FAIL'
            when expected.expected_state not in ('', coalesce(order_states.state_code, '')) then 'FAIL'
            else 'PASS'
        end as result_code
    from expected
    left join orders
        on expected.case_id = orders.case_id
        and 'SYN-' || expected.day_code || '-' || expected.case_id = orders.order_id
    left join order_states
        on orders.recon_key = order_states.recon_key
    left join codes_of_cases
        on expected.case_id = codes_of_cases.case_id
        and expected.day_code = codes_of_cases.day_code
)

select * from final
