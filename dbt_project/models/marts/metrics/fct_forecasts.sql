-- Grain: one row per (tenant, source_system, source_instance, opportunity_id, as_of_on): what was forecast of an
-- opportunity on a day, and what has become of it.
-- Trap: an opportunity is here once for each day of its forecast: sum over is_last_word rows alone. Orders of another
-- currency than the forecast's are not in its amounts.

with forecasts as (
    select
        *,
        coalesce(close_on, as_of_on) as expected_on
    from {{ ref('int_forecasts__latest') }}
),

order_statuses as (
    select * from {{ ref('order_statuses') }}
),

fct_orders as (
    select * from {{ ref('fct_orders') }}
    where not is_test
        and not is_synthetic
),

order_documents as (
    select
        recon_key,
        _row_key
    from {{ ref('int_order_documents') }}
    where recon_key is not null
),

-- An amendment has an opportunity of its own, and is worth what it changes.
documents as (
    select
        orders.tenant,
        orders.opportunity_id,
        orders.currency_code,
        orders.sales_owner_id,
        order_documents.recon_key,
        coalesce(orders.total_amount, {{ money('0') }}) as document_amount
    from {{ ref('int_orders__latest') }} as orders
    inner join order_documents
        on orders._row_key = order_documents._row_key
    left join order_statuses
        on orders.source = order_statuses.source
        and coalesce(orders.native_status, 'confirmed') = order_statuses.native_status
    where orders.opportunity_id is not null
        and coalesce(order_statuses.status_code, 'confirmed') not in ('cancelled', 'draft')
),

outcomes as (
    select
        documents.tenant,
        documents.opportunity_id,
        documents.currency_code,
        count(*) as document_count,
        min(documents.recon_key) as recon_key,
        coalesce(min(documents.sales_owner_id), min(fct_orders.sales_owner_id)) as sales_owner_id,
        min(fct_orders.segment) as segment,
        min(fct_orders.customer_tier) as customer_tier,
        {{ money('sum(documents.document_amount)') }} as booked_amount,
        {{ money('sum(case when fct_orders.is_reconciled then documents.document_amount else 0 end)') }} as reconciled_amount
    from documents
    inner join fct_orders
        on documents.recon_key = fct_orders.recon_key
    where fct_orders.state_code not in ('draft', 'void')
    group by documents.tenant, documents.opportunity_id, documents.currency_code
),

-- Who owns an opportunity is known from its orders, in whatever currency they came.
owners as (
    select
        tenant,
        opportunity_id,
        min(sales_owner_id) as sales_owner_id,
        min(segment) as segment,
        min(customer_tier) as customer_tier,
        count(*) as currency_count
    from outcomes
    group by tenant, opportunity_id
),

-- The last word on an opportunity is the last forecast made before its closing day was over.
ranked as (
    select
        tenant,
        source_system,
        source_instance,
        opportunity_id,
        as_of_on,
        row_number() over (
            partition by tenant, source_system, source_instance, opportunity_id
            order by as_of_on desc nulls last
        ) as recency
    from forecasts
    where as_of_on <= expected_on
),

compared as (
    select
        forecasts.*,
        coalesce(forecasts.category_code, 'pipeline') = 'commit' as is_commit,
        ranked.recency is not null and ranked.recency = 1 as is_last_word,
        outcomes.recon_key,
        owners.sales_owner_id,
        owners.segment,
        owners.customer_tier,
        coalesce(outcomes.booked_amount, {{ money('0') }}) as booked_amount,
        coalesce(outcomes.reconciled_amount, {{ money('0') }}) as reconciled_amount,
        coalesce(owners.currency_count, 0) > case when outcomes.opportunity_id is null then 0 else 1 end
            as has_other_currency
    from forecasts
    left join ranked
        on forecasts.tenant = ranked.tenant
        and forecasts.source_system = ranked.source_system
        and forecasts.source_instance = ranked.source_instance
        and forecasts.opportunity_id = ranked.opportunity_id
        and forecasts.as_of_on = ranked.as_of_on
    left join outcomes
        on forecasts.tenant = outcomes.tenant
        and forecasts.opportunity_id = outcomes.opportunity_id
        and forecasts.currency_code = outcomes.currency_code
    left join owners
        on forecasts.tenant = owners.tenant
        and forecasts.opportunity_id = owners.opportunity_id
),

-- A rate has room for a forecast that was wrong by a thousand times; more is told as that.
bounded as (
    select
        *,
        {{ money('least(abs(forecast_amount - reconciled_amount), ' ~ wide('reconciled_amount') ~ ' * 999)') }}
            as bounded_error_amount
    from compared
),

final as (
    select
        ---------- keys
        tenant,
        source_system,
        source_instance,
        opportunity_id,
        as_of_on,
        recon_key,
        coalesce(sales_owner_id, '') as sales_owner_id,

        ---------- strings
        coalesce(category_code, 'pipeline') as category_code,
        currency_code,
        coalesce(segment, 'unclassified') as segment,
        coalesce(customer_tier, 'unclassified') as customer_tier,

        ---------- numerics
        forecast_amount,
        case when is_commit then forecast_amount else {{ money('0') }} end as committed_amount,
        booked_amount,
        reconciled_amount,
        case when is_commit then {{ money('forecast_amount - reconciled_amount') }} end as error_amount,
        case
            when not is_commit then null
            when forecast_amount = reconciled_amount then cast(0 as decimal(9, 6))
            when reconciled_amount <= 0 then cast(1 as decimal(9, 6))
            else {{ rate_of('bounded_error_amount', 'reconciled_amount') }}
        end as absolute_error_rate,

        ---------- booleans
        is_commit,
        is_last_word,
        has_other_currency,

        ---------- dates
        expected_on as close_on,
        cast({{ dbt.date_trunc('month', 'expected_on') }} as date) as cohort_on
    from bounded
)

select * from final
